import { leadOf } from '../core/steady-clock.js'
import type { Clock, Milliseconds } from '../core/types.js'

/** Different seconds that are remembered. */
const MOST = 4_096

/** The last second of the year 9999: HTTP dates have four digits for a year. */
const LAST_SECOND = 253_402_300_799

/** Instants as `Date` names them: a hit says when its answer was made, and thousands of a second say the same. */
export class KnownDates {
  readonly #bySecond = new Map<number, string>()

  constructor(private readonly clock: Clock) {}

  /** The wall clock's name for an instant of the cache's clock, which may be ahead of it. */
  of(instant: Milliseconds): string {
    const second = Math.floor((instant - leadOf(this.clock)) / 1000)
    return this.#bySecond.get(second) ?? this.#remember(second)
  }

  #remember(second: number): string {
    const date = new Date(Math.min(Math.max(0, second), LAST_SECOND) * 1000).toUTCString()
    if (this.#bySecond.size >= MOST) this.#bySecond.clear()
    this.#bySecond.set(second, date)
    return date
  }
}
