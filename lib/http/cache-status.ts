import { staleAtOf } from '../core/entry.js'
import type { BypassReason, RefusalReason, StaleReason } from '../core/outcomes.js'
import { LAST } from '../core/exchange.js'
import type { CacheEntry } from '../core/types.js'

/** What is said of one answer, in `Cache-Status` (RFC 9211) for machines and in `X-Cache` for people. */
export interface Status {
  readonly cacheStatus: string
  readonly xCache: 'HIT' | 'MISS' | 'STALE' | 'BYPASS'
}

const NAME = 'reelcache'

/** Whole seconds for which an answer is still fresh. */
export const ttlOf = (entry: CacheEntry, now: number): number => Math.floor((staleAtOf(entry) - now) / 1000)

export const hit = (entry: CacheEntry, now: number): Status => ({
  cacheStatus: `${NAME}; hit; ttl=${ttlOf(entry, now)}`,
  xCache: 'HIT',
})

/** Answered from the run of an equal request. */
export const collapsed = (entry: CacheEntry, now: number): Status => ({
  cacheStatus: `${NAME}; fwd=miss; collapsed; ttl=${ttlOf(entry, now)}`,
  xCache: 'HIT',
})

/** Answered from a stale entry: `hit` while it is refreshed, `fwd=stale` after the handler failed (with its status, where it had one). */
export const stale = (entry: CacheEntry, why: StaleReason, status: number | undefined, now: number): Status => {
  const outcome =
    why === 'stale-while-revalidate' ? 'hit' : `fwd=stale${status === undefined ? '' : `; fwd-status=${status}`}`
  return { cacheStatus: `${NAME}; ${outcome}; ttl=${ttlOf(entry, now)}; detail=${why}`, xCache: 'STALE' }
}

export const bypass = (reason: BypassReason): Status => ({
  cacheStatus: reason === 'method' ? `${NAME}; fwd=method` : `${NAME}; fwd=bypass; detail=${reason}`,
  xCache: 'BYPASS',
})

export interface Refusal {
  readonly reason: RefusalReason
  /** The request header that was read, for `unkeyed-header`, or the property, for `unkeyed-property` and `user`. */
  readonly name?: string
}

/** The handler ran: because nothing was stored, or because what was stored had become stale. */
export function miss(was: 'miss' | 'stale', refusal: Refusal | undefined): Status {
  const became = refusal === undefined ? '; stored' : `; detail=${refusal.reason}${nameIn(refusal)}`
  return { cacheStatus: `${NAME}; fwd=${was}${became}`, xCache: 'MISS' }
}

/** The same while it is not known yet whether the answer is kept: only why the last one of its key was not, if it was not. */
export function undecided(was: 'miss' | 'stale', last: Refusal | undefined): Status {
  const became = last === undefined ? '' : `; detail=${LAST}${last.reason}${nameIn(last)}`
  return { cacheStatus: `${NAME}; fwd=${was}${became}`, xCache: 'MISS' }
}

const nameIn = ({ reason, name }: Refusal): string =>
  name === undefined ? '' : `; ${reason === 'unkeyed-header' ? 'header' : 'property'}=${quoted(name, LONGEST_NAME)}`

/** The handler confirmed the stored answer with a 304. */
export const revalidated = (isStored: boolean): Status => ({
  cacheStatus: `${NAME}; fwd=stale; fwd-status=304${isStored ? '; stored' : ''}`,
  xCache: 'MISS',
})

/** The client wanted nothing but a stored answer, and there was none. */
export const onlyIfCached: Status = { cacheStatus: `${NAME}; detail=only-if-cached`, xCache: 'MISS' }

const LONGEST_KEY = 1_024
const LONGEST_NAME = 128

export const withKey = (status: Status, key: string): Status => ({
  ...status,
  cacheStatus: `${status.cacheStatus}; key=${quoted(key, LONGEST_KEY)}`,
})

/** A string of RFC 8941 section 3.3.3: printable ASCII, with `"` and `\` escaped; of so many characters at most, before that. */
function quoted(text: string, longest: number): string {
  const ascii = text
    .slice(0, longest)
    .replace(/[^\x20-\x7e]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
  return `"${ascii.slice(0, longest).replace(/["\\]/g, '\\$&')}"`
}
