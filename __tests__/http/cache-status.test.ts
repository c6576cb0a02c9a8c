import fc from 'fast-check'
import { BYPASS_REASONS, REFUSAL_REASONS, type BypassReason, type RefusalReason } from '../../lib/core/outcomes.js'
import * as say from '../../lib/http/cache-status.js'
import { entryOf } from '../tiers/tier-contract.js'

// One member of an sf-list (RFC 8941 section 3.1), put together from the grammar of sections 3.1.2 and 3.3.
const INTEGER = String.raw`-?\d{1,15}`
const STRING = String.raw`"(?:[ !#-\[\]-~]|\\["\\])*"`
const TOKEN = String.raw`[A-Za-z*][!#$%&'*+\-.^_\x60|~0-9A-Za-z:/]*`
const PARAMETER = String.raw`; *[a-z*][a-z0-9_\-.*]*(?:=(?:${INTEGER}|${STRING}|${TOKEN}))?`
const MEMBER = new RegExp(`^${TOKEN}(?:${PARAMETER})*$`)

const now = Date.UTC(2026, 4, 17, 20, 15)
const entry = entryOf({ storedAt: now, freshSpan: 60_999 })

const bypasses = Object.keys(BYPASS_REASONS) as BypassReason[]
const refusals = Object.keys(REFUSAL_REASONS) as RefusalReason[]
const statuses: say.Status[] = [
  ...[say.hit(entry, now), say.collapsed(entry, now), say.onlyIfCached],
  ...[say.revalidated(true), say.revalidated(false), say.miss('miss', undefined), say.miss('stale', undefined)],
  ...bypasses.map(say.bypass),
  ...refusals.flatMap(reason => [say.miss('miss', { reason }), say.miss('stale', { reason, name: 'x-theme' })]),
]

describe('the checker', () => {
  it.each(['reelcache; hit', 'reelcache;hit;ttl=-5', 'r; key="a \\" \\\\ b"; detail=a-b', 'ExampleCache'])(
    'takes %j for a member',
    text => {
      expect(text).toMatch(MEMBER)
    },
  )

  it.each(['reelcache; ', 'reelcache; Hit', 'r; ttl=1.x', 'r; key="a', 'r; key="é"', 'r; detail=a b', '5', 'r, s'])(
    'does not take %j for one',
    text => {
      expect(text).not.toMatch(MEMBER)
    },
  )
})

describe('Cache-Status', () => {
  it.each(statuses)('$cacheStatus is a structured field', status => {
    expect(status.cacheStatus).toMatch(MEMBER)
    expect(say.withKey(status, entry.key).cacheStatus).toMatch(MEMBER)
  })

  it('is one with any key and any header name, and bounded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (key, name) => {
        const status = say.withKey(say.miss('miss', { reason: 'unkeyed-header', name }), key)
        expect(status.cacheStatus).toMatch(MEMBER)
      }),
    )
    expect(say.withKey(say.onlyIfCached, '"'.repeat(100_000)).cacheStatus.length).toBeLessThan(2_200)
  })

  it.each<[say.Status, string, string]>([
    [say.hit(entry, now), 'reelcache; hit; ttl=60', 'HIT'],
    [say.collapsed(entry, now), 'reelcache; fwd=miss; collapsed; ttl=60', 'HIT'],
    [say.miss('miss', undefined), 'reelcache; fwd=miss; stored', 'MISS'],
    [say.miss('stale', { reason: 'no-store' }), 'reelcache; fwd=stale; detail=no-store', 'MISS'],
    [
      say.miss('miss', { reason: 'unkeyed-header', name: 'x-theme' }),
      'reelcache; fwd=miss; detail=unkeyed-header; header="x-theme"',
      'MISS',
    ],
    [say.revalidated(true), 'reelcache; fwd=stale; fwd-status=304; stored', 'MISS'],
    [say.revalidated(false), 'reelcache; fwd=stale; fwd-status=304', 'MISS'],
    [say.bypass('cookie'), 'reelcache; fwd=bypass; detail=cookie', 'BYPASS'],
    [say.bypass('method'), 'reelcache; fwd=method', 'BYPASS'],
    [say.onlyIfCached, 'reelcache; detail=only-if-cached', 'MISS'],
    [say.withKey(say.onlyIfCached, 'a "b" \\ é'), 'reelcache; detail=only-if-cached; key="a \\"b\\" \\\\ %E9"', 'MISS'],
  ])('says %j', (status, cacheStatus, xCache) => {
    expect(status).toEqual({ cacheStatus, xCache })
  })
})
