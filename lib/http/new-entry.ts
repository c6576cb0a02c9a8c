import type { CacheEntry, HeaderMap, Milliseconds, ProfileName } from '../core/types.js'
import { etagFor } from './etag.js'
import type { Freshness } from './freshness.js'
import { lineOf, type HandlerFields } from './headers.js'

export interface NewEntry {
  readonly key: string
  readonly profile: ProfileName
  readonly status: number
  readonly fields: HandlerFields
  readonly body: Buffer
  readonly tags: readonly string[]
  readonly freshness: Freshness
  readonly now: Milliseconds
  readonly handlerTime: Milliseconds
}

export function newEntry({ fields, freshness, now, ...own }: NewEntry): CacheEntry {
  const etag = own.status === 200 ? etagFor(own.body, lineOf(fields.headers, 'etag')) : undefined
  return { ...own, ...fields, etag, ...timesOf(freshness, now) }
}

type Times = Freshness & Pick<CacheEntry, 'storedAt' | 'deleteAt'>

export const timesOf = (freshness: Freshness, now: Milliseconds): Times => ({
  ...freshness,
  storedAt: now,
  deleteAt: Math.max(freshness.refreshUntil, freshness.coverUntil),
})

/** RFC 9111 section 3.2: what a 304 does not replace, because it speaks of the body. */
const ABOUT_THE_BODY = new Set(['content-length', 'content-encoding', 'content-range', 'content-md5', 'etag'])

/** The stored header with what a 304 brought (RFC 9111 section 4.3.4). A Date it did not bring is out of date. */
export function renewedHeaders({ date: _, ...stored }: HeaderMap, fresh: HeaderMap): HeaderMap {
  const news = Object.entries(fresh).filter(([name]) => !ABOUT_THE_BODY.has(name))
  return { ...stored, ...Object.fromEntries(news) }
}
