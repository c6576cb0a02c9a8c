import type { Milliseconds } from '../../core/types.js'

/** Spreads what begins evenly over time: after a pause nothing is made up for. */
export class Pace {
  readonly #interval: Milliseconds
  #next = 0

  /** `rate` a second; undefined: as fast as may be. */
  constructor(rate: number | undefined) {
    this.#interval = rate === undefined ? 0 : 1_000 / rate
  }

  /** Takes the next place, and answers how long it is until then. */
  take(now: Milliseconds): Milliseconds {
    const at = Math.max(now, this.#next)
    this.#next = at + this.#interval
    return at - now
  }
}
