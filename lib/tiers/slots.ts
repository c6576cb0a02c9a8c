import type { CacheEntry, Milliseconds } from '../core/types.js'

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

/**
 * The entries in memory and what is known of each, in columns, by the number of their slot: an object for each would be an eighth of what V8
 * has to look over whenever its young generation is full.
 */
export class Slots {
  readonly #entries: (CacheEntry | undefined)[] = []
  readonly #bytes: number[] = []
  readonly #since: Milliseconds[] = []
  readonly #uses: number[] = []
  readonly #credits: number[] = []
  readonly #free: number[] = []

  /** Answers the slot. Credit begins at `inflation`. */
  add(entry: CacheEntry, bytes: number, since: Milliseconds, inflation: number): number {
    const slot = this.#free.pop() ?? this.#entries.length
    this.#entries[slot] = entry
    this.#bytes[slot] = bytes
    this.#since[slot] = since
    this.#uses[slot] = 0
    this.#credits[slot] = inflation + this.#worthOf(slot)
    return slot
  }

  /** Counts a use. Whatever is used starts from `inflation` again. */
  use(slot: number, inflation: number): CacheEntry {
    const uses = this.#uses[slot]! + 1
    this.#uses[slot] = uses
    this.#credits[slot] = inflation + (1 + uses) * this.#worthOf(slot)
    return this.entry(slot)
  }

  entry(slot: number): CacheEntry {
    return this.#entries[slot]!
  }

  held(slot: number): Held {
    return {
      entry: this.entry(slot),
      bytes: this.#bytes[slot]!,
      since: this.#since[slot]!,
      uses: this.#uses[slot]!,
    }
  }

  /** By this the tails of two profiles are compared, and the least goes (GreedyDual-Size with frequency and cost). */
  credit(slot: number): number {
    return this.#credits[slot]!
  }

  /** Empties a slot. Answers what it held. */
  remove(slot: number): Held {
    const held = this.held(slot)
    this.#entries[slot] = undefined
    this.#free.push(slot)
    return held
  }

  /** What each use adds to an entry's credit: the root of its handler time, by bytes. The root, because a dear answer is not worth a thousand cheap ones. */
  #worthOf(slot: number): number {
    return Math.sqrt(Math.max(this.entry(slot).handlerTime, LEAST_TIME)) / this.#bytes[slot]!
  }
}
