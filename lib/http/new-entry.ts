import type { CacheEntry, HeaderMap, Milliseconds, ProfileName } from '../core/types.js'
import { etagFor } from './etag.js'
import type { Freshness } from './freshness.js'
import type { HandlerFields } from './handler-fields.js'
import { lineOf } from './headers.js'

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
  readonly asOf: string | undefined
}

// Each field by its name: V8 makes an object of known shape of it, in a fifth of the time that a spread takes.
export function newEntry(made: NewEntry): CacheEntry {
  const { key, profile, status, fields, body, tags, freshness, now, handlerTime, asOf } = made
  const { generatedAt, staleAt, explicit, refreshUntil, coverUntil } = freshness
  const entry = {
    key,
    profile,
    status,
    headers: fields.headers,
    removed: fields.removed,
    body,
    etag: status === 200 ? etagFor(body, lineOf(fields.headers, 'etag')) : undefined,
    tags,
    generatedAt,
    storedAt: now,
    staleAt,
    explicit,
    refreshUntil,
    coverUntil,
    deleteAt: deleteAtOf(freshness),
    handlerTime,
  }
  return asOf === undefined ? entry : { ...entry, asOf }
}

type Times = Freshness & Pick<CacheEntry, 'storedAt' | 'deleteAt'>

export const timesOf = (freshness: Freshness, now: Milliseconds): Times => ({
  ...freshness,
  storedAt: now,
  deleteAt: deleteAtOf(freshness),
})

const deleteAtOf = ({ refreshUntil, coverUntil }: Freshness): Milliseconds => Math.max(refreshUntil, coverUntil)

/** RFC 9111 section 3.2: what a 304 does not replace, because it speaks of the body. */
const ABOUT_THE_BODY = new Set(['content-length', 'content-encoding', 'content-range', 'content-md5', 'etag'])

/** The stored header with what a 304 brought (RFC 9111 section 4.3.4). A Date it did not bring is out of date. */
export function renewedHeaders({ date: _, ...stored }: HeaderMap, fresh: HeaderMap): HeaderMap {
  const news = Object.entries(fresh).filter(([name]) => !ABOUT_THE_BODY.has(name))
  return { ...stored, ...Object.fromEntries(news) }
}
