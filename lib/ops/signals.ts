import type { StoreUsage, TierUsage } from '../core/types.js'
import type { Disk } from './disk.js'

/** Look-ups, and how many of them the cache answered. */
interface LookUps {
  readonly all: number
  readonly answered: number
}

/** What alerts are judged by. */
export interface Signals {
  /** Bytes of the heap that are used, and V8's limit for it. */
  readonly heap: { readonly used: number; readonly total: number }
  /** Of the last five minutes. */
  readonly evictions: { readonly all: number; readonly early: number }
  /** Of the last five minutes. */
  readonly lately: LookUps
  readonly lastHour: LookUps
  /** Of the last five minutes. */
  readonly covered: number
  /** Milliseconds at the 99th percentile; undefined while nobody looks. */
  readonly loopDelay: number | undefined
  readonly files: TierUsage | undefined
  /** Undefined where this machine is alone. */
  readonly redis: StoreUsage | undefined
  /** Damaged files of the last hour. */
  readonly damaged: number
  /** Undefined until it has been looked at, and where there are no files. */
  readonly disk: Disk | undefined
}
