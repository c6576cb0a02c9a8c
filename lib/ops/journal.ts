import type { CacheEvent } from '../core/events.js'
import { boundedByKeys } from '../core/bounded.js'
import type { Clock, Milliseconds } from '../core/types.js'

type Noted = Extract<CacheEvent, { type: 'stored' | 'refused' | 'evicted' | 'expired' }>

/** The last thing that became of a key's answer. */
export interface Note {
  readonly event: Noted
  readonly at: Milliseconds
}

const MAX_NOTES = 1_024

/** Remembers what became of the answers made last, so that somebody can ask why one is not stored. */
export class Journal {
  readonly #notes = boundedByKeys<Note>(MAX_NOTES)

  constructor(private readonly clock: Clock) {}

  note(event: CacheEvent): void {
    if (event.type === 'stored' || event.type === 'refused' || event.type === 'evicted' || event.type === 'expired') {
      this.#notes.set(event.key, { event, at: this.clock.now() })
    }
  }

  of(key: string): Note | undefined {
    return this.#notes.peek(key)
  }

  clear(): void {
    this.#notes.clear()
  }
}
