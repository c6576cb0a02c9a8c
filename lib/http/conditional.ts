import type { IncomingHttpHeaders } from 'node:http'
import type { Fields } from './headers.js'
import { lineOf } from './headers.js'
import { instantOf, parseHttpDate } from './http-date.js'

/** What the client's validators and Range ask of an answer. */
export interface Conditions {
  readonly ifNoneMatch: string | undefined
  readonly ifModifiedSince: string | undefined
  readonly range: string | undefined
  readonly ifRange: string | undefined
}

export const conditionsOf = (headers: IncomingHttpHeaders): Conditions => ({
  ifNoneMatch: headers['if-none-match'],
  ifModifiedSince: headers['if-modified-since'],
  range: headers.range,
  ifRange: headers['if-range'] as string | undefined,
})

/** Whether the client asked for anything but the whole answer. */
export const isConditional = ({ ifNoneMatch, ifModifiedSince, range }: Conditions): boolean =>
  ifNoneMatch !== undefined || ifModifiedSince !== undefined || range !== undefined

/** How a whole answer is to be sent: whole, not at all because it is unchanged, a part of it, or as unsatisfiable. */
export type Form =
  | { readonly is: 'whole' }
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

/** RFC 9110 section 13.2.2: validators first, then Range. */
export function formOf(conditions: Conditions, stored: Validated): Form {
  if (isNotModified(conditions, stored)) return { is: 'not-modified' }
  if (conditions.range === undefined || !rangeApplies(conditions.ifRange, stored)) return WHOLE
  return rangeOf(conditions.range, stored.body.length)
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
