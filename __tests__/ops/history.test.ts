import { Metrics } from '../../lib/core/metrics.js'
import { historyOf } from '../../lib/ops/history.js'
import { fakeClock } from '../support/clock.js'

const key = 'api 603 GET http://localhost /'

describe('the history', () => {
  it('has steps of five seconds up to the one under way, each profile and outcome by itself, and evictions', () => {
    const clock = fakeClock(1_000_000_002_000)
    const metrics = new Metrics(clock)
    metrics.count({ type: 'miss', profile: 'api', key })
    clock.advance(5_000)
    metrics.count({ type: 'hit', profile: 'api', key, collapsed: false })
    metrics.count({ type: 'evicted', profile: 'api', key, cause: 'bytes', age: 1 })
    clock.advance(5_000)
    metrics.count({ type: 'bypass', profile: 'tts', reason: 'cookie' })
    const none = [0, 0, 0]
    const quiet = { hit: none, stale: none, miss: none, bypass: none }
    expect(historyOf(metrics, clock.now(), 3)).toEqual({
      from: 1_000_000_000_000,
      step: 5_000,
      profiles: {
        api: { ...quiet, miss: [1, 0, 0], hit: [0, 1, 0] },
        enhanced: quiet,
        ai: quiet,
        tts: { ...quiet, bypass: [0, 0, 1] },
      },
      evictions: [0, 1, 0],
    })
  })

  it('is of an hour at the most, and moves on with time', () => {
    const clock = fakeClock()
    const metrics = new Metrics(clock)
    metrics.count({ type: 'hit', profile: 'ai', key, collapsed: false })
    clock.advance(3_595_000)
    expect(historyOf(metrics, clock.now(), 720).profiles.ai.hit[0]).toBe(1)
    clock.advance(5_000)
    expect(historyOf(metrics, clock.now(), 720).profiles.ai.hit).toEqual(Array(720).fill(0))
  })
})
