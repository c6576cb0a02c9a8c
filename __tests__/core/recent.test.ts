import { Recent } from '../../lib/core/recent.js'
import { fakeClock } from '../support/clock.js'
import { seeded } from '../support/random.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

describe('what was counted recently', () => {
  it('agrees with a list of all instants, for every span, to the nearest bucket', () => {
    const random = seeded(603)
    const clock = fakeClock()
    const recent = new Recent(clock)
    const instants: number[] = []
    for (let i = 0; i < 5_000; i++) {
      clock.advance(random.chance(0.01) ? random.below(20 * MINUTE) : random.below(3_000))
      recent.add()
      instants.push(clock.now())
      const span = random.pick([MINUTE, 5 * MINUTE, HOUR])
      const bucket = (instant: number): number => Math.floor(instant / 5_000)
      const expected = instants.filter(instant => bucket(instant) > bucket(clock.now()) - span / 5_000).length
      expect(recent.within(span)).toBe(expected)
    }
  })

  it('is told bucket by bucket, the oldest first, and adds up to what there was', () => {
    const random = seeded(604)
    const clock = fakeClock()
    const recent = new Recent(clock)
    const instants: number[] = []
    const bucketOf = (instant: number): number => Math.floor(instant / 5_000)
    for (let i = 0; i < 1_000; i++) {
      clock.advance(random.chance(0.02) ? random.below(20 * MINUTE) : random.below(9_000))
      recent.add()
      instants.push(clock.now())
      const buckets = random.pick([1, 12, 720])
      const last = bucketOf(clock.now())
      const expected = Array<number>(buckets).fill(0)
      for (const instant of instants) {
        const at = buckets - 1 - (last - bucketOf(instant))
        if (at >= 0) expected[at]!++
      }
      expect(recent.until(clock.now(), buckets)).toEqual(expected)
    }
  })

  it('is told of the past only, and of no time before the first', () => {
    const clock = fakeClock(12_000)
    const recent = new Recent(clock)
    recent.add(7)
    expect(recent.until(12_000, 5)).toEqual([0, 0, 0, 0, 7])
    expect(recent.until(22_000, 5)).toEqual([0, 0, 7, 0, 0])
    expect(recent.until(2_000, 5)).toEqual([0, 0, 0, 0, 0])
  })

  it('is forgotten after an hour, and nothing beyond is ever asked for', () => {
    const clock = fakeClock()
    const recent = new Recent(clock)
    recent.add(7)
    clock.advance(HOUR - 5_000)
    expect([recent.within(HOUR), recent.within(24 * HOUR)]).toEqual([7, 7])
    clock.advance(5_000)
    expect([recent.within(HOUR), recent.within(24 * HOUR)]).toEqual([0, 0])
  })

  it('is not taken for what happens now when the clock is set back, and begins anew', () => {
    const clock = fakeClock()
    const recent = new Recent(clock)
    recent.add(7)
    clock.advance(-10 * MINUTE)
    expect(recent.within(HOUR)).toBe(0)
    recent.add()
    expect(recent.within(HOUR)).toBe(1)
    clock.advance(10 * MINUTE)
    expect(recent.within(HOUR)).toBe(8)
  })

  it.each([0, -1, NaN, Infinity, 2 ** 53])('stands a clock that says %d', now => {
    const recent = new Recent({ now: () => now })
    recent.add()
    expect(recent.within(MINUTE)).toBe(1)
  })
})
