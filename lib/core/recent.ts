import type { Clock, Milliseconds } from './types.js'

/** Of a bucket. */
export const WIDTH = 5_000
/** An hour of buckets. */
export const BUCKETS = 720

/**
 * Counts what happened within the last hour: a ring of buckets of five seconds each, so that it never grows. A bucket knows which five seconds it
 * counted: one of another time is not taken for this one's, however the clock jumps.
 */
export class Recent {
  readonly #counts = new Uint32Array(BUCKETS)
  readonly #times = new Uint32Array(BUCKETS)

  constructor(private readonly clock: Clock) {}

  add(count = 1, now = this.clock.now()): void {
    const time = bucketOf(now)
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
    for (let back = 0; back < Math.min(span / WIDTH, BUCKETS); back++) sum += this.#countAt(now - back)
    return sum
  }

  /** How many there were in each of so many buckets, at most an hour's: the oldest first, the last is that of the instant. */
  until(instant: Milliseconds, buckets: number): number[] {
    const last = bucketOf(instant)
    return Array.from({ length: buckets }, (_, index) => this.#countAt(last - buckets + 1 + index))
  }

  #countAt(time: number): number {
    return time >= 0 && this.#times[time % BUCKETS] === time ? this.#counts[time % BUCKETS]! : 0
  }

  #now(): number {
    return bucketOf(this.clock.now())
  }
}

const bucketOf = (instant: Milliseconds): number => Math.max(0, Math.floor(instant / WIDTH)) >>> 0
