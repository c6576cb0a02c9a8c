/**
 * The one list of words. `Cache-Status`, events, statistics and the README speak in these and in no others.
 */

/** Why a request went to the handler without a look-up. */
export const BYPASS_REASONS = {
  method: 'the method is not GET, HEAD or POST',
  'get-body': 'a GET or HEAD with a body, which the key does not cover',
  'body-unparsed': 'a POST whose body no parser in front of the cache has read',
  'body-complex': 'a body too deep, too wide or too odd to hash within a bounded time',
  'body-reference': 'a body with one of the fields in body.bypass: it refers to earlier requests',
  authorization: 'the request carries Authorization',
  user: 'the request has a user (req.user)',
  cookie: 'the request carries a cookie that is not ignored',
  option: 'the route option bypass(req) said so',
  'key-error': 'the route option key(req), movieId(req) or bypass(req) threw or returned something unusable',
  nested: 'this cache is already filling the same key for this request',
  closed: 'the cache has been closed',
} as const

/** Why an answer of the handler was not stored. */
export const REFUSAL_REASONS = {
  head: 'a HEAD answer has no body to store',
  status: 'the status is not one that is stored',
  'set-cookie': 'the answer sets a cookie',
  session: 'the handler changed the session',
  private: 'Cache-Control: private',
  'no-store': 'Cache-Control: no-store',
  'no-cache': 'Cache-Control: no-cache',
  'cache-control': 'Cache-Control could not be parsed',
  vary: 'Vary: * or a Vary that could not be parsed',
  'no-freshness': 'nothing says how long the answer is fresh, or it is stale already',
  'unkeyed-header': 'the handler read a request header that the key does not cover',
  trailer: 'the answer has trailers',
  'too-large': 'the body is larger than maxEntryBytes',
  'length-mismatch': 'the body is not as long as Content-Length says',
  aborted: 'the answer was cut off',
  'empty-audio': 'audio without a byte',
  'audio-type': 'the first bytes are not what Content-Type says',
  incomplete: 'an event stream without its end marker, or complete(body) said so',
  purged: 'a purge or an invalidation came while the answer was made',
  admission: 'memory is full and the key was seen for the first time',
  'tier-error': 'the store failed',
} as const

/** Why an answer was served stale (RFC 5861). */
export const STALE_REASONS = {
  'stale-while-revalidate': 'it is being refreshed in the background',
  'stale-if-error': 'the handler failed or took longer than handlerTimeout',
} as const

export type BypassReason = keyof typeof BYPASS_REASONS
export type RefusalReason = keyof typeof REFUSAL_REASONS
export type StaleReason = keyof typeof STALE_REASONS

/** Why an entry left memory. */
export type EvictionCause = 'entries' | 'bytes'
