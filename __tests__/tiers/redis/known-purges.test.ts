import fc from 'fast-check'
import { ALL, ALL_URLS, keyPurged, KnownPurges, MOST_PURGES } from '../../../lib/tiers/redis/known-purges.js'
import { isAfter, later } from '../../../lib/tiers/redis/purge-ids.js'
import { entryOf } from '../tier-contract.js'

const MINUTE = 60_000
const START = 1_779_000_000_000
const id = (milliseconds: number, count = 0): string => `${START + milliseconds}-${count}`
const entry = (asOf: string | undefined, given: object = {}) =>
  entryOf({ ...given, ...(asOf !== undefined && { asOf }) })

describe('the numbers of messages', () => {
  const ids = fc.tuple(fc.nat(5), fc.nat(12)).map(([milliseconds, count]) => [milliseconds, count] as const)

  it('are in the order of their milliseconds, then of their counts, as numbers and not as text', () => {
    fc.assert(
      fc.property(ids, ids, ([at, n], [otherAt, otherN]) => {
        expect(isAfter(id(at, n), id(otherAt, otherN))).toBe(at * 100 + n > otherAt * 100 + otherN)
      }),
    )
  })

  it('have a later one, also where one of them is missing', () => {
    expect([later(id(1), id(2)), later(id(2), id(1)), later(id(1), undefined), later(undefined, id(1))]).toEqual([
      id(2),
      id(2),
      id(1),
      id(1),
    ])
  })
})

describe('what is known of purges', () => {
  const known = (...messages: [at: number, ...purged: string[]][]): KnownPurges => {
    const purges = new KnownPurges()
    for (const [at, ...purged] of messages) purges.take(id(at), purged)
    return purges
  }

  it.each([
    ['everything', ALL],
    ['its movie', 'movie:603'],
    ['its profile', 'profile:api'],
    ['its key', keyPurged(entryOf().key)],
  ])('throws out an entry that was begun before a purge of %s, and none that was begun after it', (_, purged) => {
    const purges = known([0], [10, purged])
    expect(purges.allows(entry(id(9)))).toBe(false)
    expect(purges.allows(entry(id(10)))).toBe(true)
    expect(purges.isOutdated(entry(id(9)))).toBe(true)
    expect(purges.isOutdated(entry(id(10)))).toBe(false)
  })

  it.each([
    ['another movie', 'movie:60'],
    ['another profile', 'profile:ai'],
    ['another key', keyPurged(`${entryOf().key}0`)],
  ])('does not throw out what a purge of %s does not concern', (_, purged) => {
    expect(known([0], [10, purged]).allows(entry(id(9)))).toBe(true)
  })

  it('throws out the variants of a key with it', () => {
    const { key } = entryOf()
    const variant = { key: `${key} vary:accept=a vary:origin=b` }
    expect(known([0], [10, keyPurged(key)]).allows(entry(id(9), variant))).toBe(false)
    expect(known([0], [10, keyPurged(`${key} vary:accept=a`)]).allows(entry(id(9), variant))).toBe(true)
  })

  it('allows nothing from the store while nothing has been read, and whatever says nothing of purges', () => {
    expect(new KnownPurges().allows(entry(id(9)))).toBe(false)
    expect(known([0]).allows(entry(undefined))).toBe(false)
    expect(known([0]).allows(entry(id(0)))).toBe(true)
  })

  it('allows nothing from before the oldest purge that is remembered', () => {
    expect(known([5]).allows(entry(id(4)))).toBe(false)
    expect(known([5]).isOutdated(entry(id(4)))).toBe(true)
  })

  it('remembers so many purges, and what was begun before those it has forgotten is out of date', () => {
    const purges = known([0])
    for (let n = 1; n <= MOST_PURGES; n++) purges.take(id(n), [`movie:x${n}`])
    expect(purges.allows(entry(id(1)))).toBe(true)
    purges.take(id(MOST_PURGES + 1), ['movie:last'])
    purges.take(id(MOST_PURGES + 2), ['movie:more'])
    expect(purges.allows(entry(id(1)))).toBe(false)
    expect(purges.allows(entry(id(2)))).toBe(true)
  })

  it('judges what was stored without a log by its time, less what clocks may differ', () => {
    const stored = (at: number) => entry(undefined, { storedAt: START + at })
    const purges = known([0], [10 * MINUTE, 'movie:603'])
    expect(purges.isOutdated(stored(9 * MINUTE))).toBe(true)
    expect(purges.isOutdated(stored(11 * MINUTE))).toBe(true)
    expect(purges.isOutdated(stored(12 * MINUTE))).toBe(false)
  })

  it.each<[string, () => KnownPurges, boolean]>([
    ['the log begins now, and nothing was purged before', () => known([20 * MINUTE]), false],
    ['the log was cut', () => known([20 * MINUTE, 'movie:604']), true],
    ['the log was lost, and has been begun anew', () => begunAnew(known([0]), 20 * MINUTE), true],
    ['more was purged than is remembered', () => overfull(20 * MINUTE), true],
  ])('judges what was stored without a log, where %s', (_, purges, isOutdated) => {
    const stored = (at: number) => entry(undefined, { storedAt: START + at })
    expect(purges().isOutdated(stored(0))).toBe(isOutdated)
    // Stored after all that may have been forgotten, whatever clocks differ by.
    expect(purges().isOutdated(stored(22 * MINUTE))).toBe(false)
  })
  const begunAnew = (purges: KnownPurges, at: number): KnownPurges => {
    purges.forget()
    purges.take(id(at), [])
    return purges
  }
  const overfull = (at: number): KnownPurges => {
    const purges = known([0])
    for (let n = 0; n <= MOST_PURGES; n++) purges.take(id(at, n), [`movie:x${n}`])
    return purges
  }

  describe('that were made here', () => {
    it('count as later than everything until they are told of', () => {
      const purges = known([0])
      const owed = purges.owe('movie:603')
      expect(purges.allows(entry(id(1_000)))).toBe(false)
      purges.settle(id(5), [owed])
      expect(purges.allows(entry(id(4)))).toBe(false)
      expect(purges.allows(entry(id(5)))).toBe(true)
    })

    it('count when they are acknowledged, before they are read', () => {
      const purges = known([0])
      expect(purges.asOf).toBe(id(0))
      purges.settle(id(5), [purges.owe('movie:603')])
      expect([purges.asOf, purges.last]).toEqual([id(5), id(0)])
    })

    it('are owed each by itself: one that is told of does not settle another of the same', () => {
      const purges = known([0])
      const first = purges.owe('movie:603')
      purges.owe('movie:603')
      purges.settle(id(5), [first])
      expect(purges.allows(entry(id(6)))).toBe(false)
    })

    it('are sent once: what is under way is not told of by somebody else', () => {
      const purges = known([0])
      const owed = purges.owe('movie:603')
      expect(purges.owed).toEqual([])
      owed.isUnderWay = false
      expect(purges.owed).toEqual([owed])
    })

    it('become one of everything when there are too many', () => {
      const purges = known([0])
      for (let n = 0; n < 1_000; n++) purges.owe(`movie:x${n}`)
      expect(purges.allows(entry(id(1)))).toBe(true)
      expect(purges.owe('movie:last').purged).toBe(ALL)
      expect(purges.allows(entry(id(1)))).toBe(false)
    })
  })

  it('is nothing once it was forgotten', () => {
    const purges = known([0], [10, 'movie:603'])
    purges.forget()
    expect([purges.asOf, purges.last]).toEqual([undefined, undefined])
    purges.take(id(20), [])
    expect(purges.allows(entry(id(10)))).toBe(false)
    expect(purges.allows(entry(id(20)))).toBe(true)
  })
})

describe('purges that are owed', () => {
  const tell = (known: KnownPurges, purged: string): void => {
    known.owe(purged).isUnderWay = false
  }

  it('are kept once, however often the same is purged', () => {
    const known = new KnownPurges()
    for (let time = 0; time < 3; time++) tell(known, 'movie:603')
    expect(known.owed.map(({ purged }) => purged)).toEqual(['movie:603'])
  })

  it('are kept beside one that is being told: that one counts from an earlier moment', () => {
    const known = new KnownPurges()
    known.owe('movie:603')
    tell(known, 'movie:603')
    expect(known.owed).toHaveLength(1)
    expect(known.isOwing).toBe(true)
  })

  it.each([
    ['everything', undefined, ALL],
    ['all URLs, in the log of those', ALL_URLS, ALL_URLS],
  ])('become one of %s when there are too many', (_, everything, purged) => {
    const known = new KnownPurges(everything)
    for (let movie = 0; movie <= 1_000; movie++) tell(known, `url:${movie}`)
    expect(known.owed.map(one => one.purged)).toEqual([purged])
    tell(known, 'url:again')
    expect(known.owed).toHaveLength(1)
    known.take(id(0), [])
    const [get, post] = [entry(id(0)), entry(id(0), { key: 'api 603 POST http://localhost /' })]
    expect([known.allows(get), known.allows(post)]).toEqual([false, purged === ALL_URLS])
    known.settle(id(5), known.owed)
    expect([known.isOutdated(get), known.isOutdated(post)]).toEqual([true, purged === ALL])
    expect(known.isOwing).toBe(false)
  })
})
