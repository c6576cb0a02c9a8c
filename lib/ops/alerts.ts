import type { CacheEvent } from '../core/events.js'
import { ALERTS, type AlertCode, type AlertSeverity } from '../core/outcomes.js'
import type { Clock, Milliseconds } from '../core/types.js'
import type { Signals } from './signals.js'

/** One thing that somebody should look at. */
export interface Alert {
  code: AlertCode
  severity: AlertSeverity
  /** What is off, with its numbers. */
  message: string
  /** When it was raised. */
  since: Milliseconds
  /** What to do. */
  advice: string
}

/** From where on alerts are raised. Each is cleared at nine tenths of it, so that what hovers about the threshold does not ring all the time. */
export interface Thresholds {
  readonly heap: number
  readonly heapCritical: number
  readonly thrashing: number
  readonly hitRateFall: number
  readonly coveredErrors: number
  readonly eventLoopDelay: Milliseconds
  readonly filesFull: number
  readonly diskFree: number | undefined
}

/** How far a signal is: raised from `raise` on, and cleared below `clear`. */
interface Level {
  readonly is: number
  readonly raise: number
  readonly clear: number
  readonly message: string
}

const CLEAR_SHARE = 0.9
/** So many evictions or look-ups say something about all of them. */
const LEAST_EVICTIONS = 50
const LEAST_LOOK_UPS = 100

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`
const level = (is: number, raise: number, message: string): Level => ({
  is,
  raise,
  clear: raise * CLEAR_SHARE,
  message,
})
/** On or off. */
const fact = (is: boolean, message: string): Level => level(Number(is), 1, message)

type Judge = (signals: Signals, thresholds: Thresholds) => Level

const heapLevel = ({ heap }: Signals, raise: number): Level =>
  level(heap.used / heap.total, raise, `The heap is filled to ${percent(heap.used / heap.total)} of its limit.`)

const JUDGES: Readonly<Record<AlertCode, Judge>> = {
  'heap-high': (signals, { heap }) => heapLevel(signals, heap),
  'heap-critical': (signals, { heapCritical }) => heapLevel(signals, heapCritical),
  thrashing: ({ evictions: { all, early } }, { thrashing }) =>
    level(
      all < LEAST_EVICTIONS ? 0 : early / all,
      thrashing,
      `${early} of ${all} entries that memory pushed out within five minutes had been held for less than a minute.`,
    ),
  'hit-rate-fell': ({ lately, lastHour }, { hitRateFall }) => {
    const [now, before] = [lately, lastHour].map(({ answered, all }) => (all === 0 ? 0 : answered / all)) as [
      number,
      number,
    ]
    return level(
      lately.all < LEAST_LOOK_UPS || before === 0 ? 0 : 1 - now / before,
      hitRateFall,
      `The hit rate is ${percent(now)} over the last five minutes, and was ${percent(before)} over the last hour.`,
    )
  },
  'handler-errors-covered': ({ covered }, { coveredErrors }) =>
    level(covered, coveredErrors, `Within five minutes stale answers hid failures of handlers ${covered} times.`),
  'event-loop-delayed': ({ loopDelay = 0 }, { eventLoopDelay }) =>
    level(loopDelay, eventLoopDelay, `The event loop is ${loopDelay.toFixed(0)} ms late at the 99th percentile.`),
  'files-failing': ({ files }) =>
    fact(
      files?.failing !== undefined,
      `The file tier fails, and speech is made anew: ${files?.failing ?? 'well again'}`,
    ),
  'files-damaged': ({ damaged }) =>
    fact(damaged > 0, `${damaged} damaged files were found and removed within an hour.`),
  'files-full': ({ files }, { filesFull }) => {
    const share = files === undefined ? 0 : files.bytes / files.maxBytes
    return level(share, filesFull, `The files take ${percent(share)} of their budget.`)
  },
  'store-away': ({ redis }) => {
    const { awaySince, failing = 'no reply' } = redis ?? {}
    const since = awaySince === undefined ? '' : new Date(awaySince).toISOString()
    return fact(awaySince !== undefined, `The store has not been used since ${since}: ${failing}`)
  },
  'disk-low': ({ disk }, { diskFree }) => {
    const wanted = diskFree ?? disk?.low ?? 0
    const message = `${disk?.free ?? 0} bytes are free on the file system of cacheDir, and ${wanted} should be.`
    return level(disk === undefined || wanted === 0 ? 0 : wanted / Math.max(disk.free, 1), 1, message)
  },
}

const CODES = Object.keys(ALERTS) as AlertCode[]

/** What is off, from when on; tells of changes as they are found. */
export class Alerts {
  readonly #raised = new Map<AlertCode, Alert>()

  constructor(
    private readonly thresholds: Thresholds,
    private readonly clock: Clock,
    private readonly report: (event: CacheEvent) => void,
  ) {}

  /** A copy, in the order of the table. */
  get list(): Alert[] {
    return CODES.flatMap(code => this.#raised.get(code) ?? []).map(alert => ({ ...alert }))
  }

  judge(signals: Signals): void {
    for (const code of CODES) this.#judge(code, JUDGES[code](signals, this.thresholds))
  }

  #judge(code: AlertCode, { is, raise, clear, message }: Level): void {
    const { severity, advice } = ALERTS[code]
    const alert = this.#raised.get(code)
    if (alert === undefined) {
      if (!(is >= raise)) return
      this.#raised.set(code, { code, severity, message, since: this.clock.now(), advice })
    } else if (is < clear) {
      this.#raised.delete(code)
    } else {
      alert.message = message
      return
    }
    this.report({ type: 'alert', code, severity, raised: alert === undefined, message })
  }
}
