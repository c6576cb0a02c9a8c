import type { Request } from 'express'
import type { BypassReason } from '../../core/outcomes.js'
import type { CacheEntry, Milliseconds, ProfileName } from '../../core/types.js'
import type { Health } from '../health.js'
import type { History } from '../history.js'
import type { Note } from '../journal.js'
import type { CacheStats } from '../stats.js'

/** An entry, and where it lies. */
export interface StoredEntry extends Omit<CacheEntry, 'body'> {
  readonly tier: string
  readonly bodyBytes: number
  /** How often it was asked for since it came into memory. */
  readonly uses: number | undefined
  /** Of the body, where it is a file. */
  readonly path: string | undefined
}

export interface Lookup {
  readonly tier: string
  readonly profile: ProfileName | undefined
  /** That of a movie. */
  readonly tag: string | undefined
}

export interface Page {
  readonly offset: number
  readonly limit: number
}

export interface Listing {
  readonly entries: StoredEntry[]
  readonly hasMore: boolean
}

/** What memory holds of a movie, and how often it was asked for. */
export interface MovieUses {
  /** As keys write it. */
  readonly movie: string
  readonly uses: number
  readonly entries: number
  readonly bytes: number
}

/** A route of this cache: what it would look up for a request, or why it would let it go past. */
export interface CachedRoute {
  readonly profile: ProfileName
  lookUp(req: Request): { readonly text: string } | BypassReason
}

/** What the admin router is told by the cache, and what it may do to it. */
export interface AdminSource {
  now(): Milliseconds
  stats(): CacheStats
  health(): Health
  /** The last so many steps, at most an hour's. */
  history(steps: number): History
  /** The movies asked for most, the first the most. */
  topMovies(): MovieUses[]
  find(key: string): Promise<StoredEntry[]>
  list(lookup: Lookup, page: Page): Promise<Listing>
  tagOfMovie(movie: string): string
  noteOf(key: string): Note | undefined
  /** The route that a middleware belongs to, when it is one of ours. */
  routeOf(middleware: unknown): CachedRoute | undefined
  /** Rejects with `ReelcacheError` when the target is none. */
  purge(target: unknown): Promise<number>
  verify(): Promise<object | undefined>
  /** Aborted when the cache is closed. */
  readonly closed: AbortSignal
}
