import type { LRUCache } from 'lru-cache'
import { boundedByKeys } from './bounded.js'
import type { Clock, Milliseconds } from './types.js'

const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 300_000

interface Failures {
  readonly count: number
  readonly until: Milliseconds
  /** The handler itself failed the last time: it did not answer something that may not be stored. */
  readonly isOutage: boolean
}

/** Keeps failing work from being tried again at once: after each failure in a row it waits twice as long, up to five minutes. */
export class Backoff {
  readonly #failures: LRUCache<string, Failures>

  constructor(
    private readonly clock: Clock,
    max: number,
  ) {
    this.#failures = boundedByKeys(max)
  }

  /** Whether the work may be done now. True: it is under way until it has worked or failed, and nobody else begins it. */
  begin(key: string): boolean {
    const failures = this.#failures.get(key)
    if (failures !== undefined && this.clock.now() < failures.until) return false
    this.#failures.set(key, { count: failures?.count ?? 0, until: Infinity, isOutage: failures?.isOutage ?? false })
    return true
  }

  /** What is under way takes so long that its handler counts as failed. */
  isLate(key: string): void {
    const failures = this.#failures.get(key)
    if (failures !== undefined) this.#failures.set(key, { ...failures, isOutage: true })
  }

  /** The handler failed the last time, and has not worked since. */
  isOutage(key: string): boolean {
    return this.#failures.get(key)?.isOutage === true
  }

  /** What was begun is over. If it has worked by now, whoever did it, that stands. */
  failed(key: string, isOutage = false): void {
    const failures = this.#failures.get(key)
    if (failures?.until !== Infinity) return
    const count = failures.count + 1
    const pause = Math.min(FIRST_PAUSE * 2 ** failures.count, LONGEST_PAUSE)
    this.#failures.set(key, { count, until: this.clock.now() + pause, isOutage })
  }

  /** What was begun says nothing of whether the work fails. */
  toldNothing(key: string): void {
    const failures = this.#failures.get(key)
    if (failures?.until === Infinity) this.#failures.set(key, { ...failures, until: this.clock.now() })
  }

  worked(key: string): void {
    this.#failures.delete(key)
  }
}
