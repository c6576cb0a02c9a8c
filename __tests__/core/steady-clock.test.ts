import { SteadyClock } from '../../lib/core/steady-clock.js'
import { fakeMachineTime } from '../support/machine-time.js'

const HOUR = 3_600_000

describe('the clock of a cache', () => {
  const time = fakeMachineTime()

  it('goes with the time of the machine', () => {
    const clock = new SteadyClock()
    const begin = clock.now()
    expect([begin, clock.lead()]).toEqual([Date.now(), 0])
    time.pass(90_000)
    expect([clock.now() - begin, clock.lead()]).toEqual([90_000, 0])
  })

  it.each([1_000, HOUR, 365 * 24 * HOUR])('goes on where the machine is set back by %d ms', span => {
    const clock = new SteadyClock()
    const begin = clock.now()
    time.jump(-span)
    expect(clock.now() - begin).toBe(0)
    time.pass(61_000)
    expect([clock.now() - begin, clock.lead()]).toEqual([61_000, span])
  })

  it('goes on where the machine is set back again and again', () => {
    const clock = new SteadyClock()
    const begin = clock.now()
    for (let n = 1; n <= 24; n++) {
      time.jump(-HOUR)
      time.pass(10_000)
      expect([clock.now() - begin, clock.lead()]).toEqual([n * 10_000, n * HOUR])
    }
  })

  it('follows a jump forward, so that nothing lives on while a laptop sleeps', () => {
    const clock = new SteadyClock()
    const begin = clock.now()
    time.jump(8 * HOUR)
    expect([clock.now() - begin, clock.lead()]).toEqual([8 * HOUR, 0])
  })

  it('takes a clock that was set back and right again for one that never was', () => {
    const clock = new SteadyClock()
    const begin = clock.now()
    time.jump(-HOUR)
    time.pass(5_000)
    clock.now()
    time.jump(HOUR)
    time.pass(5_000)
    expect([clock.now() - begin, clock.lead()]).toEqual([10_000, 0])
  })

  it('follows a jump forward that goes further than it was set back', () => {
    const clock = new SteadyClock()
    const begin = clock.now()
    time.jump(-HOUR)
    clock.now()
    time.jump(9 * HOUR)
    expect([clock.now() - begin, clock.lead()]).toEqual([8 * HOUR, 0])
  })

  it('does not go back for the small corrections that go on all the time, nor drift away', () => {
    const clock = new SteadyClock()
    let last = clock.now()
    for (let n = 0; n < 1_000; n++) {
      time.pass(50)
      time.jump(n % 2 === 0 ? -20 : 20)
      const now = clock.now()
      expect(now).toBeGreaterThanOrEqual(last)
      last = now
    }
    expect(Math.abs(last - Date.now())).toBeLessThanOrEqual(20)
    expect(clock.lead()).toBe(0)
  })

  it('is a whole number of milliseconds', () => {
    const clock = new SteadyClock()
    time.jump(-HOUR - 0.25)
    time.pass(0.4)
    expect(Number.isInteger(clock.lead())).toBe(true)
  })
})
