import type { IncomingHttpHeaders } from 'node:http'
import type { Fields } from './headers.js'
import { lineOf } from './headers.js'
import { instantOf, parseHttpDate } from './http-date.js'

/** What the client's preconditions and Range ask of an answer. */
export interface Conditions {
  readonly ifMatch: string | undefined
  readonly ifUnmodifiedSince: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly ifModifiedSince: string | undefined
  readonly range: string | undefined
  readonly ifRange: string | undefined
}

export const conditionsOf = (headers: IncomingHttpHeaders): Conditions => ({
  ifMatch: textOf(headers['if-match']),
  ifUnmodifiedSince: textOf(headers['if-unmodified-since']),
  ifNoneMatch: textOf(headers['if-none-match']),
  ifModifiedSince: textOf(headers['if-modified-since']),
  range: textOf(headers.range),
  ifRange: textOf(headers['if-range']),
})

/** Middleware in front may have made another value of it, as a number. */
const textOf = (value: string | string[] | number | boolean | undefined): string | undefined =>
  value === undefined ? undefined : String(value)

/** Whether the client asked for anything but the whole answer. */
export const isConditional = (conditions: Conditions): boolean =>
  isPreconditioned(conditions) || conditions.range !== undefined

/** Whether the whole answer decides first what it is that the client gets. */
export const isPreconditioned = ({ ifMatch, ifUnmodifiedSince, ifNoneMatch, ifModifiedSince }: Conditions): boolean =>
  ifNoneMatch !== undefined || ifModifiedSince !== undefined || ifMatch !== undefined || ifUnmodifiedSince !== undefined

/** How a whole answer is to be sent: whole, not at all because it is unchanged or another one is meant, a part of it, or as unsatisfiable. */
export type Form =
  | { readonly is: 'whole' }
  | { readonly is: 'failed' }
  | { readonly is: 'not-modified' }
  | { readonly is: 'part'; readonly start: number; readonly end: number }
  | { readonly is: 'unsatisfiable' }

export const WHOLE: Form = { is: 'whole' }

/** What a stored answer can be compared by. */
export interface Validated {
  readonly etag: string | undefined
  readonly headers: Fields
  readonly storedAt: number
  readonly body: { readonly length: number }
}

/** RFC 9110 section 13.2.2: preconditions in their order, then Range. */
export function formOf(conditions: Conditions, stored: Validated): Form {
  if (isAnother(conditions, stored)) return { is: 'failed' }
  if (isNotModified(conditions, stored)) return { is: 'not-modified' }
  if (conditions.range === undefined || !rangeApplies(conditions.ifRange, stored)) return WHOLE
  return rangeOf(conditions.range, stored.body.length)
}

/** The client means another answer than this one: a player that goes on with a recording must not be given a part of the next. */
function isAnother({ ifMatch, ifUnmodifiedSince }: Conditions, { etag, headers, storedAt }: Validated): boolean {
  if (ifMatch !== undefined) return !etagMatchesStrongly(ifMatch, etag)
  if (ifUnmodifiedSince === undefined) return false
  // RFC 9110 section 13.1.4: what is no date, and an answer without one, leave nothing to compare.
  const since = parseHttpDate(ifUnmodifiedSince, storedAt)
  const modified = instantOf(headers, 'last-modified', storedAt)
  return since !== undefined && modified !== undefined && modified > since
}

function isNotModified({ ifNoneMatch, ifModifiedSince }: Conditions, { etag, headers, storedAt }: Validated): boolean {
  if (ifNoneMatch !== undefined) return etagMatches(ifNoneMatch, etag)
  if (ifModifiedSince === undefined) return false
  const since = parseHttpDate(ifModifiedSince, storedAt)
  // RFC 9111 section 4.3.2: without Last-Modified, Date counts, and without Date the time of arrival.
  const modified = instantOf(headers, 'last-modified', storedAt) ?? instantOf(headers, 'date', storedAt) ?? storedAt
  return since !== undefined && modified <= since
}

// RFC 9110 section 8.8.3: an entity-tag may hold commas, so a list is not simply split. What is no entity-tag is compared as it stands.
const ENTITY_TAG = /(?:W\/)?"[^"]*"|[^\s,]+/g

/** RFC 9110 section 13.1.2: weak comparison with each member of the list; `*` matches whatever there is. */
export function etagMatches(ifNoneMatch: string, etag: string | undefined): boolean {
  // What nearly every client sends: the one tag it was given.
  if (ifNoneMatch === etag) return true
  if (ifNoneMatch.trim() === '*') return true
  if (etag === undefined) return false
  return (ifNoneMatch.match(ENTITY_TAG) ?? []).some(candidate => opaque(candidate) === opaque(etag))
}

/**
 * RFC 9110 section 13.1.1: a weak validator of the list matches nothing, and `*` whatever there is. VLC leaves out the mark of a weak one it was
 * given, which express's `sendFile` gives; a cache need not compare (section 13.1.1), and this one is told a recording from the next by it.
 */
export function etagMatchesStrongly(ifMatch: string, etag: string | undefined): boolean {
  if (ifMatch.trim() === '*') return true
  if (etag === undefined) return false
  const meant = opaque(etag)
  return ifMatch === meant || (ifMatch.match(ENTITY_TAG) ?? []).some(candidate => candidate === meant)
}

const opaque = (etag: string): string => etag.replace(/^W\//, '')

/** RFC 9110 section 13.1.5: only a strong validator that matches exactly makes the Range count. */
function rangeApplies(ifRange: string | undefined, { etag, headers }: Validated): boolean {
  if (ifRange === undefined) return true
  if (ifRange.startsWith('W/')) return false
  return ifRange === (ifRange.startsWith('"') ? etag : lineOf(headers, 'last-modified'))
}

// RFC 9110 section 14.1.2. Several ranges, other units and malformed sets are ignored, as section 14.2 allows: the whole answer is sent.
const ONE_BYTE_RANGE = /^bytes=[ \t]*(?:(\d+)-(\d*)|-(\d+))[ \t]*$/i

function rangeOf(range: string, length: number): Form {
  const match = ONE_BYTE_RANGE.exec(range)
  if (match === null) return WHOLE
  const [, first, last, suffix] = match
  if (first === undefined) {
    const start = Math.max(0, length - Number(suffix))
    return start < length ? { is: 'part', start, end: length - 1 } : { is: 'unsatisfiable' }
  }
  const start = Number(first)
  const end = last === undefined || last === '' ? length - 1 : Math.min(Number(last), length - 1)
  if (last !== undefined && last !== '' && Number(last) < start) return WHOLE
  return start < length ? { is: 'part', start, end } : { is: 'unsatisfiable' }
}
