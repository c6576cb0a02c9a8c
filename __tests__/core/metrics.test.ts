import type { CacheEvent } from '../../lib/core/events.js'
import { Metrics, OUTCOMES, type ProfileCounters } from '../../lib/core/metrics.js'
import { PROFILES, type ProfileName } from '../../lib/core/types.js'
import { fakeClock } from '../support/clock.js'

const zero: ProfileCounters = {
  hits: 0,
  collapsed: 0,
  hitsByTier: {},
  misses: 0,
  stale: 0,
  covered: 0,
  refreshes: 0,
  revalidated: 0,
  bypasses: {},
  stored: 0,
  refusals: {},
  evictions: 0,
  evictionsByCause: { entries: 0, bytes: 0 },
  expired: 0,
  saved: { runs: 0, time: 0, cost: 0 },
}
const key = 'ai 603 GET http://localhost /'

describe('Metrics', () => {
  it('begin at zero in every profile', () => {
    expect(new Metrics(fakeClock()).profiles).toEqual(Object.fromEntries(PROFILES.map(profile => [profile, zero])))
  })

  it.each<[CacheEvent, Partial<ProfileCounters>]>([
    [{ type: 'hit', profile: 'ai', key, collapsed: false }, { hits: 1 }],
    [
      { type: 'hit', profile: 'ai', key, collapsed: true },
      { hits: 1, collapsed: 1 },
    ],
    [
      { type: 'hit', profile: 'ai', key, collapsed: false, tier: 'file', saved: { time: 250, cost: 0.01 } },
      { hits: 1, hitsByTier: { file: 1 }, saved: { runs: 1, time: 250, cost: 0.01 } },
    ],
    [{ type: 'miss', profile: 'ai', key }, { misses: 1 }],
    [{ type: 'stale', profile: 'ai', key, why: 'stale-while-revalidate' }, { stale: 1 }],
    [{ type: 'stale', profile: 'ai', key, why: 'stale-if-error' }, { covered: 1 }],
    [{ type: 'refresh', profile: 'ai', key }, { refreshes: 1 }],
    [{ type: 'revalidated', profile: 'ai', key }, { revalidated: 1 }],
    [{ type: 'bypass', profile: 'ai', reason: 'cookie' }, { bypasses: { cookie: 1 } }],
    [{ type: 'stored', profile: 'ai', key, bytes: 9 }, { stored: 1 }],
    [{ type: 'refused', profile: 'ai', key, reason: 'status' }, { refusals: { status: 1 } }],
    [
      { type: 'evicted', profile: 'ai', key, cause: 'bytes', age: 5 },
      { evictions: 1, evictionsByCause: { entries: 0, bytes: 1 } },
    ],
    [{ type: 'expired', profile: 'ai', key }, { expired: 1 }],
    [{ type: 'purged', entries: 3 }, {}],
    [{ type: 'tier-error', tier: 'memory', error: new Error('full') }, {}],
    [{ type: 'alert', code: 'thrashing', severity: 'warning', raised: true, message: 'Too small' }, {}],
  ])('count %j where it happened and nowhere else', (event, counted) => {
    const metrics = new Metrics(fakeClock())
    metrics.count(event)
    expect(metrics.profiles).toEqual({ api: zero, enhanced: zero, ai: { ...zero, ...counted }, tts: zero })
    expect(metrics.tierErrors).toEqual(event.type === 'tier-error' ? { memory: 1 } : {})
  })

  it('count each reason by itself', () => {
    const metrics = new Metrics(fakeClock())
    for (const reason of ['cookie', 'user', 'cookie'] as const)
      metrics.count({ type: 'bypass', profile: 'api', reason })
    expect(metrics.profiles.api.bypasses).toEqual({ cookie: 2, user: 1 })
  })

  it('tell look-ups by when they were, and which of them the cache answered', () => {
    const clock = fakeClock()
    const metrics = new Metrics(clock)
    metrics.count({ type: 'miss', profile: 'api', key })
    clock.advance(200_000)
    metrics.count({ type: 'hit', profile: 'api', key, collapsed: false })
    metrics.count({ type: 'stale', profile: 'ai', key, why: 'stale-while-revalidate' })
    metrics.count({ type: 'stale', profile: 'ai', key, why: 'stale-if-error' })
    expect(metrics.lookUps(PROFILES, 60_000)).toEqual({ all: 2, answered: 2 })
    expect(metrics.lookUps(['api'], 60_000)).toEqual({ all: 1, answered: 1 })
    expect(metrics.lookUps(PROFILES, 300_000)).toEqual({ all: 3, answered: 2 })
  })

  it('tell requests of the last hour by what became of them; covered failures are misses', () => {
    const metrics = new Metrics(fakeClock())
    metrics.count({ type: 'hit', profile: 'ai', key, collapsed: true })
    metrics.count({ type: 'miss', profile: 'ai', key })
    metrics.count({ type: 'stale', profile: 'ai', key, why: 'stale-if-error' })
    metrics.count({ type: 'stale', profile: 'ai', key, why: 'stale-while-revalidate' })
    metrics.count({ type: 'bypass', profile: 'ai', reason: 'cookie' })
    metrics.count({ type: 'bypass', profile: 'tts', reason: 'user' })
    const counts = (profile: ProfileName): number[] =>
      OUTCOMES.map(outcome => metrics.recent[profile][outcome].within(60_000))
    expect([OUTCOMES, counts('ai'), counts('tts'), counts('api')]).toEqual([
      ['hit', 'stale', 'miss', 'bypass'],
      ...[
        [1, 1, 1, 1],
        [0, 0, 0, 1],
        [0, 0, 0, 0],
      ],
    ])
  })

  it('tell evictions that came soon from those that did not', () => {
    const metrics = new Metrics(fakeClock())
    for (const age of [0, 59_999, 60_000, 3_600_000]) {
      metrics.count({ type: 'evicted', profile: 'api', key, cause: 'entries', age })
    }
    expect([metrics.recentEvictions.within(300_000), metrics.recentEarlyEvictions.within(300_000)]).toEqual([4, 2])
  })
})
