import type { LRUCache } from 'lru-cache'
import { boundedByKeys } from '../core/bounded.js'
import type { Refusal } from './cache-status.js'

/**
 * Why the last answer of a key was not kept, where its head had left before that was known: the next miss of that key says so. Bounded; what
 * it has forgotten is only not said.
 */
export class LastRefusals {
  readonly #byKey: LRUCache<string, Refusal>

  constructor(max: number) {
    this.#byKey = boundedByKeys(max)
  }

  note(key: string, refusal: Refusal): void {
    this.#byKey.set(key, refusal)
  }

  forget(key: string): void {
    if (this.#byKey.size > 0) this.#byKey.delete(key)
  }

  of(key: string): Refusal | undefined {
    return this.#byKey.get(key)
  }
}
