export interface FakeClock {
  now(): number
  advance(milliseconds: number): void
}

/** Time that stands still until told; it starts at a real epoch because zero hides sign and range faults. */
export function fakeClock(start = Date.UTC(2026, 4, 17, 20, 15)): FakeClock {
  let time = start
  return { now: () => time, advance: milliseconds => void (time += milliseconds) }
}
