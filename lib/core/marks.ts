import type { LRUCache } from 'lru-cache'
import { boundedByKeys } from './bounded.js'
import type { Clock, Milliseconds } from './types.js'

/** Remembers a few keys for a while, in bounded memory: whose answers may not be shared, or who has been seen once. */
export class Marks {
  readonly #until: LRUCache<string, Milliseconds>

  constructor(
    private readonly clock: Clock,
    max: number,
  ) {
    this.#until = boundedByKeys(max)
  }

  mark(key: string, span: Milliseconds): void {
    this.#until.set(key, this.clock.now() + span)
  }

  has(key: string): boolean {
    const until = this.#until.get(key)
    return until !== undefined && this.clock.now() < until
  }

  unmark(key: string): void {
    this.#until.delete(key)
  }

  clear(): void {
    this.#until.clear()
  }
}
