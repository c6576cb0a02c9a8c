import type { Clock, Milliseconds } from './types.js'

const WIDTH = 5_000
/** An hour of buckets. */
const BUCKETS = 720

/**
 * Counts what happened within the last hour: a ring of buckets of five seconds each, so that it never grows. A bucket knows which five seconds it
 * counted: one of another time is not taken for this one's, however the clock jumps.
 */
export class Recent {
  readonly #counts = new Uint32Array(BUCKETS)
  readonly #times = new Uint32Array(BUCKETS)

  constructor(private readonly clock: Clock) {}

  add(count = 1): void {
    const time = this.#now()
    const at = time % BUCKETS
    if (this.#times[at] !== time) {
      this.#times[at] = time
      this.#counts[at] = 0
    }
    this.#counts[at]! += count
  }

  /** How many there were within the last so many milliseconds, to the nearest bucket; at most an hour's. */
  within(span: Milliseconds): number {
    const now = this.#now()
    let sum = 0
    for (let back = 0; back < Math.min(span / WIDTH, BUCKETS); back++) {
      const time = now - back
      if (time >= 0 && this.#times[time % BUCKETS] === time) sum += this.#counts[time % BUCKETS]!
    }
    return sum
  }

  #now(): number {
    return Math.max(0, Math.floor(this.clock.now() / WIDTH)) >>> 0
  }
}
