import type { HeaderMap } from '../core/types.js'

/** RFC 9111 section 3.2: what a 304 does not replace, because it speaks of the body. */
const ABOUT_THE_BODY = new Set(['content-length', 'content-encoding', 'content-range', 'content-md5', 'etag'])

/** The stored header with what a 304 brought (RFC 9111 section 4.3.4). A Date it did not bring is out of date. */
export function renewedHeaders({ date: _, ...stored }: HeaderMap, fresh: HeaderMap): HeaderMap {
  const news = Object.entries(fresh).filter(([name]) => !ABOUT_THE_BODY.has(name))
  return { ...stored, ...Object.fromEntries(news) }
}
