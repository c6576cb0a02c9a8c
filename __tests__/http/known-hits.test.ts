import { hit } from '../../lib/http/cache-status.js'
import { KnownHits } from '../../lib/http/known-hits.js'
import { entryOf } from '../tiers/tier-contract.js'

const now = Date.UTC(2026, 4, 17, 20, 15)
const freshFor = (seconds: number) => entryOf({ storedAt: now, freshSpan: seconds * 1_000 })

describe('what is said of hits', () => {
  it.each([0, 1, 299, 3_600, 3_601, 31_536_000])('is what would be said anew, fresh for %d s', seconds => {
    const hits = new KnownHits()
    const entry = freshFor(seconds)
    expect([hits.of(entry, now), hits.of(entry, now), hits.of(entry, now + 999)]).toEqual([
      hit(entry, now),
      hit(entry, now),
      hit(entry, now + 999),
    ])
  })

  it('is made once for all answers that are fresh for as long', () => {
    const hits = new KnownHits()
    expect(hits.of(freshFor(60), now)).toBe(hits.of(freshFor(61), now + 1_000))
    expect(hits.of(freshFor(60), now)).not.toBe(hits.of(freshFor(59), now))
  })

  it('is not remembered for more than an hour of seconds', () => {
    const hits = new KnownHits()
    expect(hits.of(freshFor(3_600), now)).toBe(hits.of(freshFor(3_600), now))
    expect(hits.of(freshFor(3_601), now)).not.toBe(hits.of(freshFor(3_601), now))
  })
})
