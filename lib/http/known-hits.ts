import type { CacheEntry, Milliseconds } from '../core/types.js'
import { hit, ttlOf, type Status } from './cache-status.js'

/** Seconds. What is fresh for longer is said anew each time, so that this is bounded. */
const LONGEST_TTL = 3_600

/** What is said of hits, by how long their answers are still fresh: thousands of a second say the same. */
export class KnownHits {
  readonly #byTtl = new Map<number, Status>()

  of(entry: CacheEntry, now: Milliseconds): Status {
    const ttl = ttlOf(entry, now)
    const known = this.#byTtl.get(ttl)
    if (known !== undefined) return known
    const status = hit(entry, now)
    if (ttl <= LONGEST_TTL) this.#byTtl.set(ttl, status)
    return status
  }
}
