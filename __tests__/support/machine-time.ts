export interface MachineTime {
  /** Time passes, for all clocks. */
  pass(milliseconds: number): void
  /** Somebody sets the wall clock, forward or back. */
  jump(milliseconds: number): void
}

/**
 * The machine's clocks, in the hands of the tests of one `describe`: what shows the time of day, and what only counts on. They stand still
 * but for what the tests say, or run on besides.
 */
export function fakeMachineTime({ runsOn = false } = {}): MachineTime {
  const real = { wall: Date.now.bind(Date), steady: performance.now.bind(performance) }
  let wall = 0
  let steady = 0
  beforeEach(() => {
    wall = runsOn ? 0 : Date.UTC(2026, 4, 17, 20, 15)
    steady = runsOn ? 0 : 1_000
    jest.spyOn(Date, 'now').mockImplementation(() => wall + (runsOn ? real.wall() : 0))
    jest.spyOn(performance, 'now').mockImplementation(() => steady + (runsOn ? real.steady() : 0))
  })
  afterEach(() => jest.restoreAllMocks())
  return {
    pass(milliseconds) {
      wall += milliseconds
      steady += milliseconds
    },
    jump: milliseconds => void (wall += milliseconds),
  }
}
