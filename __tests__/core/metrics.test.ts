import type { CacheEvent } from '../../lib/core/events.js'
import { Metrics, type ProfileCounters } from '../../lib/core/metrics.js'
import { PROFILES } from '../../lib/core/types.js'

const zero: ProfileCounters = {
  hits: 0,
  collapsed: 0,
  misses: 0,
  stale: 0,
  covered: 0,
  refreshes: 0,
  revalidated: 0,
  bypasses: {},
  stored: 0,
  refusals: {},
  evictions: 0,
  expired: 0,
}
const key = 'ai 603 GET http://localhost /'

describe('Metrics', () => {
  it('begin at zero in every profile', () => {
    expect(new Metrics().profiles).toEqual(Object.fromEntries(PROFILES.map(profile => [profile, zero])))
  })

  it.each<[CacheEvent, Partial<ProfileCounters>]>([
    [{ type: 'hit', profile: 'ai', key, collapsed: false }, { hits: 1 }],
    [
      { type: 'hit', profile: 'ai', key, collapsed: true },
      { hits: 1, collapsed: 1 },
    ],
    [{ type: 'miss', profile: 'ai', key }, { misses: 1 }],
    [{ type: 'stale', profile: 'ai', key, why: 'stale-while-revalidate' }, { stale: 1 }],
    [{ type: 'stale', profile: 'ai', key, why: 'stale-if-error' }, { covered: 1 }],
    [{ type: 'refresh', profile: 'ai', key }, { refreshes: 1 }],
    [{ type: 'revalidated', profile: 'ai', key }, { revalidated: 1 }],
    [{ type: 'bypass', profile: 'ai', reason: 'cookie' }, { bypasses: { cookie: 1 } }],
    [{ type: 'stored', profile: 'ai', key, bytes: 9 }, { stored: 1 }],
    [{ type: 'refused', profile: 'ai', key, reason: 'status' }, { refusals: { status: 1 } }],
    [{ type: 'evicted', profile: 'ai', key, cause: 'bytes' }, { evictions: 1 }],
    [{ type: 'expired', profile: 'ai', key }, { expired: 1 }],
    [{ type: 'purged', entries: 3 }, {}],
    [{ type: 'tier-error', tier: 'memory', error: new Error('full') }, {}],
  ])('count %j where it happened and nowhere else', (event, counted) => {
    const metrics = new Metrics()
    metrics.count(event)
    expect(metrics.profiles).toEqual({ api: zero, enhanced: zero, ai: { ...zero, ...counted }, tts: zero })
    expect(metrics.tierErrors).toBe(event.type === 'tier-error' ? 1 : 0)
  })

  it('count each reason by itself', () => {
    const metrics = new Metrics()
    for (const reason of ['cookie', 'user', 'cookie'] as const)
      metrics.count({ type: 'bypass', profile: 'api', reason })
    expect(metrics.profiles.api.bypasses).toEqual({ cookie: 2, user: 1 })
  })
})
