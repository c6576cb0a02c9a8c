import { Backoff } from '../../lib/core/backoff.js'
import { fakeClock } from '../support/clock.js'

function make(max = 8) {
  const clock = fakeClock()
  return { clock, backoff: new Backoff(clock, max) }
}

describe('Backoff', () => {
  it('lets work begin once, until it is over', () => {
    const { backoff, clock } = make()
    expect([backoff.begin('k'), backoff.begin('k'), backoff.begin('other')]).toEqual([true, false, true])
    clock.advance(365 * 86_400_000)
    expect(backoff.begin('k')).toBe(false)
    backoff.worked('k')
    expect(backoff.begin('k')).toBe(true)
  })

  it('waits a second after the first failure, then twice as long each time, up to five minutes', () => {
    const { backoff, clock } = make()
    for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]) {
      expect(backoff.begin('k')).toBe(true)
      clock.advance(5_000)
      backoff.failed('k')
      clock.advance(seconds * 1000 - 1)
      expect(backoff.begin('k')).toBe(false)
      clock.advance(1)
    }
  })

  it('still waits five minutes after thousands of failures', () => {
    const { backoff, clock } = make()
    for (let i = 0; i < 5_000; i++) {
      expect(backoff.begin('k')).toBe(true)
      backoff.failed('k')
      clock.advance(300_000)
    }
    backoff.begin('k')
    backoff.failed('k')
    clock.advance(299_999)
    expect(backoff.begin('k')).toBe(false)
  })

  it('begins at one second again after it has worked', () => {
    const { backoff, clock } = make()
    for (let i = 0; i < 4; i++) {
      backoff.begin('k')
      backoff.failed('k')
      clock.advance(300_000)
    }
    backoff.begin('k')
    backoff.worked('k')
    backoff.begin('k')
    backoff.failed('k')
    clock.advance(1_000)
    expect(backoff.begin('k')).toBe(true)
  })

  it('lets a success stand that came while the work was under way', () => {
    const { backoff } = make()
    backoff.begin('k')
    backoff.worked('k')
    backoff.failed('k')
    expect(backoff.begin('k')).toBe(true)
  })

  it('counts a failure once, and none that was not begun', () => {
    const { backoff, clock } = make()
    backoff.failed('k')
    expect(backoff.begin('k')).toBe(true)
    backoff.failed('k')
    backoff.failed('k')
    clock.advance(1_000)
    expect(backoff.begin('k')).toBe(true)
  })

  it('keeps keys apart', () => {
    const { backoff, clock } = make()
    for (const key of ['a', 'b']) backoff.begin(key)
    backoff.failed('a')
    backoff.worked('b')
    expect([backoff.begin('a'), backoff.begin('b')]).toEqual([false, true])
    clock.advance(1_000)
    expect(backoff.begin('a')).toBe(true)
  })

  it('is bounded by number, and forgets what was looked at longest ago', () => {
    const { backoff } = make(3)
    for (const key of ['a', 'b', 'c', 'd']) {
      backoff.begin(key)
      backoff.failed(key)
    }
    expect(['b', 'c', 'd', 'a'].map(key => backoff.begin(key))).toEqual([false, false, false, true])
  })

  it('is bounded by characters: a key longer than all it may hold is not remembered', () => {
    const { backoff } = make(2)
    const long = 'x'.repeat(600)
    backoff.begin(long)
    backoff.failed(long)
    expect(backoff.begin(long)).toBe(true)
  })
})
