import type { AsyncResource } from 'node:async_hooks'
import type { CacheEvent } from '../core/events.js'
import type { Flight, Flights } from '../core/flights.js'
import type { LiveReader, StopReading } from '../core/live.js'
import type { Backoff } from '../core/backoff.js'
import type { Leases } from '../core/leases.js'
import type { Marks } from '../core/marks.js'
import type { StaleReason } from '../core/outcomes.js'
import type { Pins } from '../core/pins.js'
import type { Places } from '../core/places.js'
import type { Room } from '../core/room.js'
import type { CacheEntry, Clock, Milliseconds, Tier } from '../core/types.js'
import type { Unshared } from '../core/unshared.js'
import type { Asker } from './asker.js'
import { withKey, type Status } from './cache-status.js'
import type { KnownDates } from './known-dates.js'
import type { KnownHits } from './known-hits.js'
import type { KnownKeys } from './known-keys.js'
import type { LastRefusals } from './last-refusals.js'
import type { PutInFront } from './put-in-front.js'
import type { WaitingRoom } from './waiting-room.js'

/** What a flight brings its followers: the entry, and the request fields that chose it among variants. */
export interface Answer {
  readonly entry: CacheEntry
  readonly varied: readonly string[]
  /** Set where it is an older one. */
  readonly why?: StaleReason
}

/** An answer while it is made: its head, as of an entry without a body, and where to read the body. */
export interface LiveAnswer extends Answer {
  /** `Content-Length`, where the handler said it. */
  readonly length: string | undefined
  readonly join: (reader: LiveReader) => StopReading
}

export type AnswerFlight = Flight<Answer, LiveAnswer, Asker>

/** A stale entry that is being refreshed in the background, and the flight that does it. */
export interface Refresh {
  readonly key: string
  /** Whose middleware it is for, and where that is mounted. */
  readonly policy: object
  readonly baseUrl: string
  readonly stale: CacheEntry
  readonly flight: AnswerFlight
}

/** What decides where an answer lies. */
export type Located = Pick<CacheEntry, 'key' | 'headers' | 'profile' | 'status'>

/** What all routes of one profile share. */
export interface Engine {
  readonly tier: Tier
  readonly flights: Flights<Answer, LiveAnswer, Asker>
  readonly waitingRoom: WaitingRoom
  readonly keys: KnownKeys
  readonly hits: KnownHits
  readonly dates: KnownDates
  readonly putInFront: PutInFront
  /** Keys whose last answer may not be shared (hit-for-miss): equal requests do not queue behind one another. */
  readonly unshared: Unshared<Asker>
  /** Keys that a cache nearer to the handler has taken. */
  readonly nested: Marks
  /** Why last answers were not kept whose heads left before that was known. */
  readonly lastRefusals: LastRefusals
  /** Keys whose last refresh failed. */
  readonly backoff: Backoff
  /** For runs of handlers that go on though nobody waits for their answer. */
  readonly detached: Places
  /** For refreshes in the background. */
  readonly refreshing: Places
  /** Requests that the cache itself runs through the app, and what for. */
  readonly refreshes: WeakMap<object, Refresh>
  /** For bodies that are being made or read: one bound for all of them. */
  readonly room: Room
  /** Stored bodies that clients have not taken yet. */
  readonly pins: Pins
  readonly clock: Clock
  /** The async context in which the cache was made: what it does for nobody's request runs there. */
  readonly home: AsyncResource
  /** Show keys to clients: in development only. */
  readonly showKey: boolean
  readonly isClosed: () => boolean
  /** `now` where it is known already: a hit must not ask the clock twice. */
  readonly report: (event: CacheEvent, now?: Milliseconds) => void
  /** The URL under which `audioRouter` plays this answer; undefined when it does not. */
  readonly locate: (answer: Located) => string | undefined
  /** The last purge that is known now, where machines tell each other of purges. */
  readonly asOf: (() => string | undefined) | undefined
  /** Who of several machines makes an answer; undefined where each makes its own. */
  readonly leases: Leases | undefined
  /** Forgets the stored answers with these tags, and those being made. */
  readonly invalidate: (tags: readonly string[]) => void
}

/** What is said of an answer, with its key where keys are shown. */
export const shownStatus = ({ showKey }: Engine, status: Status, key: string): Status =>
  showKey ? withKey(status, key) : status
