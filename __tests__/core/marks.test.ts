import { Marks } from '../../lib/core/marks.js'
import { fakeClock } from '../support/clock.js'

describe('Marks', () => {
  it('remember a key for its span and not at its end', () => {
    const clock = fakeClock()
    const marks = new Marks(clock, 4)
    marks.mark('k', 1_000)
    expect([marks.has('k'), marks.has('other')]).toEqual([true, false])
    clock.advance(999)
    expect(marks.has('k')).toBe(true)
    clock.advance(1)
    expect(marks.has('k')).toBe(false)
  })

  it('begin a new span when a key is marked again', () => {
    const clock = fakeClock()
    const marks = new Marks(clock, 4)
    marks.mark('k', 1_000)
    clock.advance(900)
    marks.mark('k', 1_000)
    clock.advance(900)
    expect(marks.has('k')).toBe(true)
  })

  it('forget one key, or all', () => {
    const marks = new Marks(fakeClock(), 4)
    for (const key of ['a', 'b', 'c']) marks.mark(key, 1_000)
    marks.unmark('a')
    expect(['a', 'b', 'c'].map(key => marks.has(key))).toEqual([false, true, true])
    marks.clear()
    expect(marks.has('b')).toBe(false)
  })

  it('are bounded by number, and lose what was looked at longest ago', () => {
    const marks = new Marks(fakeClock(), 3)
    for (const key of ['a', 'b', 'c']) marks.mark(key, 1_000)
    marks.has('a')
    marks.mark('d', 1_000)
    expect(['a', 'b', 'c', 'd'].map(key => marks.has(key))).toEqual([true, false, true, true])
  })

  it('are bounded by characters: keys of 512 fill them to half', () => {
    const marks = new Marks(fakeClock(), 100)
    const keys = Array.from({ length: 100 }, (_, n) => String(n).padEnd(511, '.'))
    for (const key of keys) marks.mark(key, 1_000)
    expect(keys.filter(key => marks.has(key))).toEqual(keys.slice(50))
  })

  it('do not remember a key that is longer than all they may hold, and lose nothing to it', () => {
    const marks = new Marks(fakeClock(), 2)
    marks.mark('a', 1_000)
    marks.mark('x'.repeat(600), 1_000)
    expect([marks.has('a'), marks.has('x'.repeat(600))]).toEqual([true, false])
  })

  it('take the empty key for a key', () => {
    const marks = new Marks(fakeClock(), 2)
    marks.mark('', 1_000)
    expect(marks.has('')).toBe(true)
  })
})
