import type { CacheEvent } from '../core/events.js'
import type { Clock, Milliseconds } from '../core/types.js'

type Noted = Extract<CacheEvent, { type: 'stored' | 'refused' | 'evicted' | 'expired' }>

/** Something that became of a key's answer. */
export interface Note {
  readonly event: Noted
  readonly at: Milliseconds
}

const MAX_NOTES = 1_024
/** A key may be as long as a request head; what is said of longer ones is not remembered. */
const LONGEST_KEY = 1_024

/** Remembers what became of the answers made last, so that somebody can ask why one is not stored. To note must cost nothing, to ask may. */
export class Journal {
  #notes: Note[] = []
  /** Where the next note goes: over the oldest, once there are as many as may be. */
  #next = 0

  constructor(private readonly clock: Clock) {}

  note(event: CacheEvent): void {
    if (event.type !== 'stored' && event.type !== 'refused' && event.type !== 'evicted' && event.type !== 'expired')
      return
    if (event.key.length > LONGEST_KEY) return
    this.#notes[this.#next] = { event, at: this.clock.now() }
    this.#next = (this.#next + 1) % MAX_NOTES
  }

  /** The last thing that became of a key's answer. */
  of(key: string): Note | undefined {
    const byAge = [...this.#notes.slice(this.#next), ...this.#notes.slice(0, this.#next)]
    return byAge.findLast(({ event }) => event.key === key)
  }

  clear(): void {
    this.#notes = []
    this.#next = 0
  }
}
