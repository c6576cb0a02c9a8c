import { EVERYBODY, type Concern } from '../../lib/core/flights.js'
import { Unshared } from '../../lib/core/unshared.js'
import { fakeClock } from '../support/clock.js'

const only = (name: string): Concern<string> => ({ holdsFor: asker => asker === name, isPersonal: true })

describe('Unshared', () => {
  it('remembers a key for everybody, for its span', () => {
    const clock = fakeClock()
    const unshared = new Unshared<string>(clock, 4)
    unshared.mark('k', 1_000, EVERYBODY)
    expect([unshared.has('k', 'a'), unshared.has('other', 'a'), unshared.isPersonal('k', 'a')]).toEqual([
      true,
      false,
      false,
    ])
    clock.advance(1_000)
    expect(unshared.has('k', 'a')).toBe(false)
  })

  it('remembers a key for some of its requests only', () => {
    const unshared = new Unshared<string>(fakeClock(), 4)
    unshared.mark('k', 1_000, only('a'))
    expect(['a', 'b'].map(asker => [unshared.has('k', asker), unshared.isPersonal('k', asker)])).toEqual([
      [true, true],
      [false, false],
    ])
  })

  it('remembers several kinds of requests for one key, each for its own span, and forgets all at once', () => {
    const clock = fakeClock()
    const unshared = new Unshared<string>(clock, 4)
    unshared.mark('k', 1_000, only('a'))
    clock.advance(500)
    unshared.mark('k', 1_000, only('b'))
    clock.advance(500)
    expect(['a', 'b'].map(asker => unshared.has('k', asker))).toEqual([false, true])
    unshared.unmark('k')
    expect(unshared.has('k', 'b')).toBe(false)
  })

  it('is bounded by kinds of requests for one key: the oldest goes first', () => {
    const unshared = new Unshared<string>(fakeClock(), 4)
    const askers = Array.from({ length: 9 }, (_, n) => `asker ${n}`)
    for (const asker of askers) unshared.mark('k', 1_000, only(asker))
    expect(askers.filter(asker => !unshared.has('k', asker))).toEqual(['asker 0'])
  })

  it('is bounded by keys', () => {
    const unshared = new Unshared<string>(fakeClock(), 2)
    for (const key of ['a', 'b', 'c']) unshared.mark(key, 1_000, EVERYBODY)
    expect(['a', 'b', 'c'].map(key => unshared.has(key, ''))).toEqual([false, true, true])
  })
})
