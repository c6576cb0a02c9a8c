import type { CacheEvent } from '../../lib/core/events.js'
import { ALERTS, type AlertCode } from '../../lib/core/outcomes.js'
import { resolveOptions } from '../../lib/options.js'
import { Alerts } from '../../lib/ops/alerts.js'
import type { Signals } from '../../lib/ops/signals.js'
import { fakeClock } from '../support/clock.js'

const well: Signals = {
  heap: { used: 10, total: 1_000 },
  evictions: { all: 0, early: 0 },
  lately: { all: 0, answered: 0 },
  lastHour: { all: 0, answered: 0 },
  redis: undefined,
  ...{ covered: 0, loopDelay: undefined, files: undefined, damaged: 0, disk: undefined },
}
const files = {
  ...{ entries: 0, bytes: 0, maxBytes: 1_000, evicted: 0, expired: 0, damaged: 0, failures: 0 },
  failing: undefined as string | undefined,
}

function judged(): { judge: (signals: Partial<Signals>) => AlertCode[]; events: CacheEvent[]; alerts: Alerts } {
  const events: CacheEvent[] = []
  const alerts = new Alerts(resolveOptions().alerts, fakeClock(), event => events.push(event))
  return {
    ...{ alerts, events },
    judge: signals => {
      alerts.judge({ ...well, ...signals })
      return alerts.list.map(({ code }) => code)
    },
  }
}

type Steps = Readonly<Record<'below' | 'at' | 'between' | 'under', Partial<Signals>>>

const rates = (now: number, before = 60): Partial<Signals> => ({
  lately: { all: 100, answered: now },
  lastHour: { all: 100, answered: before },
})
const heap = (used: number): Partial<Signals> => ({ heap: { used, total: 1_000 } })
const early = (share: number): Partial<Signals> => ({ evictions: { all: 100, early: share } })
const disk = (free: number): Partial<Signals> => ({ disk: { free, low: 900 } })

/** Not yet; raised; still there, although it would not be raised; gone. */
const STEPS: [AlertCode, Steps][] = [
  ['heap-high', { below: heap(799), at: heap(800), between: heap(721), under: heap(719) }],
  ['thrashing', { below: early(49), at: early(50), between: early(46), under: early(44) }],
  ['hit-rate-fell', { below: rates(31), at: rates(30), between: rates(32), under: rates(34) }],
  [
    'handler-errors-covered',
    { below: { covered: 4 }, at: { covered: 5 }, between: { covered: 4.6 }, under: { covered: 4 } },
  ],
  [
    'event-loop-delayed',
    { below: { loopDelay: 99 }, at: { loopDelay: 100 }, between: { loopDelay: 91 }, under: { loopDelay: 89 } },
  ],
  [
    'files-full',
    {
      below: { files: { ...files, bytes: 949 } },
      at: { files: { ...files, bytes: 950 } },
      between: { files: { ...files, bytes: 856 } },
      under: { files: { ...files, bytes: 854 } },
    },
  ],
  ['disk-low', { below: disk(901), at: disk(900), between: disk(999), under: disk(1_001) }],
]

describe.each(STEPS)('%s', (code, { below, at, between, under }) => {
  it('is raised at its threshold, stays above the lower one, and is cleared below that', () => {
    const { judge, events } = judged()
    expect([judge(below), judge(at), judge(between), judge(at), judge(under), judge(between)]).toEqual([
      ...[[], [code], [code], [code], [], []],
    ])
    expect(events).toEqual([
      expect.objectContaining({ type: 'alert', code, raised: true, severity: ALERTS[code].severity }),
      expect.objectContaining({ type: 'alert', code, raised: false }),
    ])
  })
})

describe('files-failing and files-damaged', () => {
  it('are there as long as what they speak of', () => {
    const { judge, alerts } = judged()
    expect(judge({ files: { ...files, failing: 'ENOSPC: no space left on device, write' } })).toEqual(['files-failing'])
    expect(alerts.list[0]!.message).toContain('ENOSPC')
    expect(judge({ files })).toEqual([])
    expect([judge({ damaged: 1 }), judge({ damaged: 0 })]).toEqual([['files-damaged'], []])
  })
})

describe('heap-critical', () => {
  it('comes on top of heap-high, and goes before it', () => {
    const { judge } = judged()
    const both = ['heap-high', 'heap-critical']
    expect([judge(heap(950)), judge(heap(856)), judge(heap(854)), judge(heap(0))]).toEqual([
      both,
      both,
      ['heap-high'],
      [],
    ])
  })
})

describe('too few to say something of all', () => {
  it.each<[string, Partial<Signals>]>([
    ['49 evictions, all of them early', { evictions: { all: 49, early: 49 } }],
    ['99 look-ups, none of them answered', { lately: { all: 99, answered: 0 }, lastHour: { all: 999, answered: 900 } }],
    ['a cache that never had a hit', { lately: { all: 500, answered: 0 }, lastHour: { all: 500, answered: 0 } }],
  ])('%s raise nothing', (_, signals) => {
    expect(judged().judge(signals)).toEqual([])
  })
})

describe('an alert', () => {
  it('says since when, what is off now, how bad it is and what to do, as a copy', () => {
    const clock = fakeClock()
    const since = clock.now()
    const alerts = new Alerts(resolveOptions().alerts, clock, () => undefined)
    alerts.judge({ ...well, ...heap(810) })
    clock.advance(60_000)
    alerts.judge({ ...well, ...heap(900) })
    const [alert] = alerts.list
    expect(alert).toEqual({
      ...{ code: 'heap-high', severity: 'warning', since, advice: ALERTS['heap-high'].advice },
      message: 'The heap is filled to 90 % of its limit.',
    })
    alert!.message = 'changed'
    expect(alerts.list[0]!.message).not.toBe('changed')
  })

  it('has thresholds of its own where they are given', () => {
    const thresholds = resolveOptions({ alerts: { heap: 0.5, diskFree: 0 } }).alerts
    const alerts = new Alerts(thresholds, fakeClock(), () => undefined)
    alerts.judge({ ...well, ...heap(500), ...disk(1) })
    expect(alerts.list.map(({ code }) => code)).toEqual(['heap-high'])
  })
})

describe('the thresholds', () => {
  it.each([
    ...[{ heap: 0 }, { heap: 1.1 }, { heap: '80%' }, { thrashing: -1 }, { hitRateFall: NaN }, { coveredErrors: 0 }],
    ...[{ eventLoopDelay: 0 }, { filesFull: 95 }, { diskFree: -1 }, { diskFree: 0.5 }, { interval: 0 }, { heapp: 0.5 }],
  ])('are checked when they are given: %j', alerts => {
    expect(() => resolveOptions({ alerts: alerts as never })).toThrow(/alerts/)
  })

  it('may all be given', () => {
    const shares = { heap: 0.5, heapCritical: 1, thrashing: 0.1, hitRateFall: 0.9, filesFull: 0.5 }
    const alerts = { ...shares, coveredErrors: 1, eventLoopDelay: 50, diskFree: 1_000_000, interval: 1_000 }
    expect(resolveOptions({ alerts }).alerts).toEqual(alerts)
  })
})
