import { makeEntry } from '../core/entry.js'
import type { CacheEntry, HeaderMap } from '../core/types.js'
import type { Refusal } from './cache-status.js'
import type { Draft } from './draft.js'
import { entryTimes } from './freshness.js'
import type { Fields } from './headers.js'
import type { Visit } from './visit.js'

/** A stored answer that its handler has confirmed with a 304: the client gets it in any case, and it is kept unless something speaks against it. */
export interface Renewal {
  readonly entry: CacheEntry
  readonly refusal: Refusal | undefined
}

/**
 * Renews the stored answer by the 304 (RFC 9111 section 4.3.4). What the 304 says holds for this client even where it says that nothing may be
 * stored: a cookie, or `private`, reaches it with the stored body.
 */
export function renew({ engine, policy, method }: Visit, stale: CacheEntry, draft: Draft, before: Fields): Renewal {
  const now = engine.clock.now()
  const headers = renewedHeaders(stale.headers, draft.own.headers)
  // The validator stands beside the other fields: with one, what is stale already is kept to be confirmed again.
  const fields = { ...before, ...headers, etag: stale.handlerEtag, age: draft.fields['age'] }
  const verdict = policy.judgeHead(method, stale.status, fields, now, engine.clock.lead?.())
  if (typeof verdict === 'string') {
    return { entry: makeEntry({ ...stale, headers, storedAt: now, initialAge: 0 }), refusal: { reason: verdict } }
  }
  const times = { ...entryTimes(verdict, now), asOf: draft.asOf ?? stale.asOf, movie: draft.movie }
  return { entry: makeEntry({ ...stale, headers, ...times }), refusal: undefined }
}

/** RFC 9111 section 3.2: what a 304 does not replace, because it speaks of the body. */
const ABOUT_THE_BODY = new Set(['content-length', 'content-encoding', 'content-range', 'content-md5', 'etag'])

/** The stored header with what a 304 brought. A Date it did not bring is out of date. */
function renewedHeaders({ date: _, ...stored }: HeaderMap, fresh: HeaderMap): HeaderMap {
  const news = Object.entries(fresh).filter(([name]) => !ABOUT_THE_BODY.has(name))
  return { ...stored, ...Object.fromEntries(news) }
}
