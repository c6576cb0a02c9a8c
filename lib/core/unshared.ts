import type { LRUCache } from 'lru-cache'
import { boundedByKeys } from './bounded.js'
import type { Concern } from './flights.js'
import type { Clock, Milliseconds } from './types.js'

interface Mark<Asker> {
  readonly until: Milliseconds
  readonly concern: Concern<Asker>
}

/** Kinds of requests that are remembered for one key; the oldest mark goes first. */
const MAX_MARKS = 8

/**
 * Keys whose last answer may not be shared (hit-for-miss): equal requests do not queue behind one another. A mark may be for some of a key's
 * requests only, so that nobody undoes collapsing for others with a header field of his own.
 */
export class Unshared<Asker> {
  readonly #marks: LRUCache<string, readonly Mark<Asker>[]>

  constructor(
    private readonly clock: Clock,
    max: number,
  ) {
    this.#marks = boundedByKeys(max)
  }

  mark(key: string, span: Milliseconds, concern: Concern<Asker>): void {
    const now = this.clock.now()
    const known = (this.#marks.get(key) ?? []).filter(({ until }) => now < until)
    this.#marks.set(key, [...known.slice(1 - MAX_MARKS), { until: now + span, concern }])
  }

  /** Whether this request need not wait for another one of its key. */
  has(key: string, asker: Asker): boolean {
    return this.#some(key, ({ holdsFor }) => holdsFor(asker))
  }

  /** Whether what this request carries is known to spoil the answer for others. */
  isPersonal(key: string, asker: Asker): boolean {
    return this.#some(key, ({ isPersonal, holdsFor }) => isPersonal && holdsFor(asker))
  }

  unmark(key: string): void {
    this.#marks.delete(key)
  }

  #some(key: string, isMeant: (concern: Concern<Asker>) => boolean): boolean {
    const marks = this.#marks.get(key)
    if (marks === undefined) return false
    const now = this.clock.now()
    return marks.some(({ until, concern }) => now < until && isMeant(concern))
  }
}
