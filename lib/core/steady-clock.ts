import type { Clock, Milliseconds } from './types.js'

/** Less than this is no jump: both clocks are corrected a little all the time. */
const TOLERANCE = 250

/**
 * The time of the machine, without its jumps backwards. An age is a difference of two instants: where somebody sets the clock back an hour,
 * an entry of a minute would live an hour longer. What goes forward, also while a laptop sleeps, is followed: entries then expire early.
 */
export class SteadyClock implements Clock {
  #now = Date.now()
  /** When that was, by the clock that only counts on. */
  #at = performance.now()
  #lead = 0

  now(): Milliseconds {
    const wall = Date.now()
    const at = performance.now()
    const expected = this.#now + (at - this.#at)
    const ahead = wall + this.#lead - expected
    if (ahead < -TOLERANCE || (ahead > TOLERANCE && this.#lead > 0)) {
      // Set back, or set right again after that.
      this.#lead = Math.max(0, Math.round(expected - wall))
    }
    this.#at = at
    this.#now = Math.max(this.#now, wall + this.#lead)
    return this.#now
  }

  lead(): Milliseconds {
    return this.#lead
  }
}

/** How far a clock is ahead of the machine's, after that one was set back. */
export const leadOf = (clock: Clock): Milliseconds => clock.lead?.() ?? 0
