import type { CacheEntry, Milliseconds } from '../core/types.js'
import { clampSeconds, deltaSeconds, type Directives } from './cache-control.js'
import { joined, type Fields } from './headers.js'
import { instantOf } from './http-date.js'

/** When an answer was generated and until when it is fresh. */
export interface Freshness {
  readonly generatedAt: Milliseconds
  readonly staleAt: Milliseconds
  /** Until when it may be served stale: while it is refreshed, and when the handler fails. Not after `staleAt`: never. */
  readonly refreshUntil: Milliseconds
  readonly coverUntil: Milliseconds
  /** The handler's own headers said so, not the route's ttl. */
  readonly explicit: boolean
}

/** The times of an entry. */
type EntryTimes = Pick<CacheEntry, 'storedAt' | 'initialAge' | 'freshSpan' | 'refreshSpan' | 'coverSpan' | 'explicit'>

/** What the entry keeps of this that is stored at that instant. */
export const entryTimes = (
  { generatedAt, staleAt, refreshUntil, coverUntil, explicit }: Freshness,
  storedAt: Milliseconds,
): EntryTimes => ({
  storedAt,
  // Rounded, because V8 keeps a whole number that came out of a difference as if it were none.
  initialAge: Math.round(storedAt - generatedAt),
  freshSpan: Math.round(staleAt - storedAt),
  refreshSpan: Math.round(refreshUntil - storedAt),
  coverSpan: Math.round(coverUntil - storedAt),
  explicit,
})

/** How long a route serves stale answers where the handler's own headers say nothing. */
export interface StaleSpans {
  readonly staleWhileRevalidate: Milliseconds
  readonly staleIfError: Milliseconds
}

/**
 * How long a shared cache may take an answer for fresh (RFC 9111 section 4.2). The handler's own words win over `ttl`; undefined when it
 * said nothing and `ttl` is 0. `lead` is how far `now` is ahead of the wall clock, which HTTP dates speak of.
 */
export function freshnessOf(
  fields: Fields,
  directives: Directives,
  ttl: Milliseconds,
  { staleWhileRevalidate, staleIfError }: StaleSpans,
  now: Milliseconds,
  lead: Milliseconds = 0,
): Freshness | undefined {
  const instantAt = (name: string): Milliseconds | undefined => {
    const instant = instantOf(fields, name, now)
    return instant === undefined ? undefined : instant + lead
  }
  const date = instantAt('date') ?? now
  const explicit = explicitLifetime(fields, directives, date, instantAt)
  if (explicit === undefined && ttl === 0) return undefined
  const generatedAt = now - initialAge(fields, date, now)
  // Garbage in max-age or Expires is NaN here: stale already, as RFC 9111 section 4.2.1 encourages.
  const lifetime = explicit ?? ttl
  const staleAt = Number.isNaN(lifetime) ? now : generatedAt + lifetime
  return {
    generatedAt,
    staleAt,
    refreshUntil: staleAt + staleWindow(directives, 'stale-while-revalidate', staleWhileRevalidate),
    coverUntil: staleAt + staleWindow(directives, 'stale-if-error', staleIfError),
    explicit: explicit !== undefined,
  }
}

/** RFC 9111 section 4.2.4: these forbid a stale answer, whatever else is said. */
const NEVER_STALE = ['must-revalidate', 'proxy-revalidate', 's-maxage'] as const

/** How long after it has become stale an answer may be served (RFC 5861): the handler's own words win over the route's. */
function staleWindow(directives: Directives, name: string, standard: Milliseconds): Milliseconds {
  if (NEVER_STALE.some(word => directives.has(word))) return 0
  const seconds = deltaSeconds(directives, name)
  if (seconds === undefined) return standard
  return Number.isNaN(seconds) ? 0 : seconds * 1000
}

/** RFC 9111 section 4.2.1: s-maxage, then max-age, then Expires less Date. */
function explicitLifetime(
  fields: Fields,
  directives: Directives,
  date: Milliseconds,
  instantAt: (name: string) => Milliseconds | undefined,
): Milliseconds | undefined {
  const seconds = deltaSeconds(directives, 's-maxage') ?? deltaSeconds(directives, 'max-age')
  if (seconds !== undefined) return seconds * 1000
  if (fields['expires'] === undefined) return undefined
  const expires = instantAt('expires')
  return expires === undefined ? NaN : expires - date
}

/** RFC 9111 section 4.2.3, corrected_initial_age without a response delay: the handler runs in this process. */
function initialAge(fields: Fields, date: Milliseconds, now: Milliseconds): Milliseconds {
  const apparentAge = Math.max(0, now - date)
  if (fields['age'] === undefined) return apparentAge
  // RFC 9111 section 5.1: of a list the first member counts; what is no number of seconds is ignored.
  const [age = ''] = joined(fields, 'age').split(',', 1)
  return /^\d+$/.test(age.trim()) ? Math.max(apparentAge, clampSeconds(age) * 1000) : apparentAge
}
