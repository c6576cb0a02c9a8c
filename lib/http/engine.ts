import type { CacheEvent } from '../core/events.js'
import type { Flights } from '../core/flights.js'
import type { Marks } from '../core/marks.js'
import type { CacheEntry, Clock, Tier } from '../core/types.js'

/** What a flight brings its followers: the entry, and the request fields that chose it among variants. */
export interface Answer {
  readonly entry: CacheEntry
  readonly varied: readonly string[]
}

/** What decides where an answer lies. */
export type Located = Pick<CacheEntry, 'key' | 'tags' | 'headers' | 'profile'>

/** What all routes of one profile share. */
export interface Engine {
  readonly tier: Tier
  readonly flights: Flights<Answer>
  /** Keys whose last answer may not be shared (hit-for-miss): equal requests do not queue behind one another. */
  readonly unshared: Marks
  readonly clock: Clock
  /** Show keys to clients: in development only. */
  readonly showKey: boolean
  readonly isClosed: () => boolean
  readonly report: (event: CacheEvent) => void
  /** The URL under which `audioRouter` plays this answer; undefined when it does not. */
  readonly locate: (answer: Located) => string | undefined
  /** Forgets the stored answers with these tags, and those being made. */
  readonly invalidate: (tags: readonly string[]) => void
}
