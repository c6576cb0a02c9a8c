import type { CacheEntry, Milliseconds } from '../core/types.js'
import { Rows } from './rows.js'

/** An entry in memory. */
export interface Held {
  readonly entry: CacheEntry
  readonly bytes: number
  /** When it came into memory. */
  readonly since: Milliseconds
  /** How often it was asked for. */
  readonly uses: number
}

/** Milliseconds. An answer that took no measurable time is not worth nothing. */
const LEAST_TIME = 0.1

/** Where in a slot which number stands. */
const [BYTES, SINCE, USES, CREDIT] = [0, 1, 2, 3]
const NUMBERS = 4

/** The entries in memory and what is known of each, by the number of their slot, in rows as `Rows` keeps them. */
export class Slots {
  readonly #rows = new Rows()
  readonly #numbers: number[] = []
  readonly #free: number[] = []

  /** Answers the slot. Credit begins at `inflation`. */
  add(entry: CacheEntry, bytes: number, since: Milliseconds, inflation: number): number {
    const slot = this.#free.pop() ?? this.#numbers.length / NUMBERS
    this.#rows.set(slot, entry)
    const at = slot * NUMBERS
    this.#numbers[at + BYTES] = bytes
    this.#numbers[at + SINCE] = since
    this.#numbers[at + USES] = 0
    this.#numbers[at + CREDIT] = inflation + this.#worthOf(slot)
    return slot
  }

  /** Counts a use. Whatever is used starts from `inflation` again. */
  use(slot: number, inflation: number): CacheEntry {
    const at = slot * NUMBERS
    const uses = this.#number(slot, USES) + 1
    this.#numbers[at + USES] = uses
    this.#numbers[at + CREDIT] = inflation + (1 + uses) * this.#worthOf(slot)
    return this.#rows.use(slot)
  }

  deleteAt(slot: number): Milliseconds {
    return this.#rows.deleteAt(slot)
  }

  /** To look is not to use. */
  held(slot: number): Held {
    return {
      entry: this.#rows.look(slot),
      bytes: this.#number(slot, BYTES),
      since: this.#number(slot, SINCE),
      uses: this.#number(slot, USES),
    }
  }

  /** By this the tails of two profiles are compared, and the least goes (GreedyDual-Size with frequency and cost). */
  credit(slot: number): number {
    return this.#number(slot, CREDIT)
  }

  /** The movie of an entry whose key names none. */
  movie(slot: number): string | undefined {
    return this.#rows.movie(slot)
  }

  /** Empties a slot. Answers what was known of its entry. */
  remove(slot: number): Pick<Held, 'bytes' | 'since'> {
    this.#rows.clear(slot)
    this.#free.push(slot)
    return { bytes: this.#number(slot, BYTES), since: this.#number(slot, SINCE) }
  }

  /** What each use adds to an entry's credit: the root of its handler time, by bytes. The root, because a dear answer is not worth a thousand cheap ones. */
  #worthOf(slot: number): number {
    return Math.sqrt(Math.max(this.#rows.handlerTime(slot), LEAST_TIME)) / this.#number(slot, BYTES)
  }

  #number(slot: number, which: number): number {
    return this.#numbers[slot * NUMBERS + which]!
  }
}
