/** Milliseconds: an instant of the cache's clock, or a span. */
export type Milliseconds = number

/** A value, or a promise of one: memory answers at once, disk and network later. */
export type MaybePromise<T> = T | Promise<T>

/** Field lines by lower-case name; a name with several lines holds an array. */
export type HeaderMap = Readonly<Record<string, string | readonly string[]>>

/** The four kinds of route, each with a share of memory and limits of its own. */
export const PROFILES = ['api', 'enhanced', 'ai', 'tts'] as const

/** `api` plain JSON, `enhanced` JSON from several sources, `ai` text from a model, `tts` speech. */
export type ProfileName = (typeof PROFILES)[number]

/** Something of each profile. */
export const mapProfiles = <T>(make: (name: ProfileName) => T): Record<ProfileName, T> =>
  Object.fromEntries(PROFILES.map(name => [name, make(name)])) as Record<ProfileName, T>

/** One stored answer. Frozen: every hit shares it. Made by `makeEntry`. */
export interface CacheEntry {
  /** The full text of the key, compared on every read. */
  readonly key: string
  /** The movie it is about where the key names none: under `app.use` a router names it after the look-up. Tags follow from both: `tagsOf`. */
  readonly movie?: string | undefined
  readonly profile: ProfileName
  readonly status: number
  /** The handler's own end-to-end header fields, lower-case, but for its validator: what is left most answers of a route have alike. */
  readonly headers: HeaderMap
  /** Fields that stood on the response before the handler ran and that it took away. */
  readonly removed: readonly string[]
  /** Bytes of its own: nobody writes to them any more, and they are no part of a larger buffer (`ownBytes`). */
  readonly body: Buffer
  /** The validator that hits send: the handler's own, or for a 200 a strong one of ours. */
  readonly etag: string | undefined
  /** The validator that the handler gave, and may be asked to confirm. */
  readonly handlerEtag: string | undefined
  /** All other times count from here: V8 keeps a span in the entry itself, where each instant would take an object of its own. */
  readonly storedAt: Milliseconds
  /** How old it was then: `Age` counts on from that (RFC 9111 section 4.2.3). */
  readonly initialAge: Milliseconds
  /** How long it is fresh. */
  readonly freshSpan: Milliseconds
  /** The handler's own headers say so, not the route's ttl: no tier may keep it longer. */
  readonly explicit: boolean
  /** How long it is fresh, or stale and served while it is refreshed (RFC 5861 section 3). */
  readonly refreshSpan: Milliseconds
  /** How long it is fresh, or stale and served where the handler fails (RFC 5861 section 4). */
  readonly coverSpan: Milliseconds
  /** How long the handler took to make it: what a hit saves. */
  readonly handlerTime: Milliseconds
  /** Where the chunks of an event stream end, in bytes: it is replayed in the same chunks. */
  readonly chunkEnds?: readonly number[] | undefined
  /** The last purges that were known when its handler began, where machines tell each other of purges: a later one throws it out wherever it lies. */
  readonly asOf?: string | undefined
  /** Set on the index of a key whose answers differ by `Vary` (RFC 9111 section 4.1); such an entry has no body. */
  readonly variants?: readonly Variant[] | undefined
}

/** One of the answers under a key: which request fields chose it, and where it is stored. */
export interface Variant {
  readonly names: readonly string[]
  readonly key: string
}

/** A place where entries are kept. Damage is a miss; failure rejects or throws, and the cache goes on without it. */
export interface Tier {
  readonly name: string
  /** Bytes of body above which the tier takes nothing. */
  readonly maxEntryBytes: number
  get(key: string): MaybePromise<CacheEntry | undefined>
  /** Atomic: afterwards the old entry is there, or the new one, or none, never a mixture. False: it was not admitted. */
  set(entry: CacheEntry): MaybePromise<boolean>
  delete(key: string): MaybePromise<boolean>
  /** Removes every entry that carries the tag; answers how many went. */
  deleteTag(tag: string): MaybePromise<number>
  clear(): MaybePromise<number>
  /** Where an entry that `get` has given lay, for a tier made of others. */
  tierOf?(entry: CacheEntry): string
  close?(): MaybePromise<void>
}

/** What a tier holds as far as this process knows, and what went wrong with it since it began. */
export interface TierUsage {
  entries: number
  bytes: number
  maxBytes: number
  evicted: number
  expired: number
  /** Entries that were not what had been written. */
  damaged: number
  /** Operations that failed. */
  failures: number
  /** What is off at the moment: `ENOSPC: no space left on device, write`. */
  failing: string | undefined
}

/** What went wrong with a store that others share, since this process began; what it holds nobody need know. */
export interface StoreUsage extends Pick<TierUsage, 'damaged' | 'failures' | 'failing'> {
  /** Since when the app runs as without it; undefined while it is used. */
  awaySince: Milliseconds | undefined
}

/** Where the cache reads the time. Inject one to test expiry without waiting. */
export interface Clock {
  /** Never less than before. */
  now(): Milliseconds
  /** How far that is ahead of the wall clock, which HTTP dates speak of; more than 0 once that was set back. Without it: 0. */
  lead?(): Milliseconds
}
