/**
 * The one list of words. `Cache-Status`, events, statistics and the README speak in these and in no others.
 */

/** Why a request went to the handler without a look-up. */
export const BYPASS_REASONS = {
  method: 'the method is not GET, HEAD, or POST where the route asks for it',
  'get-body': 'a GET or HEAD with a body, which the key does not cover',
  'body-unparsed': 'a POST whose body no parser in front of the cache has read into req.body, or a form with files',
  trailers: 'a POST with trailers, which the key does not cover',
  'body-complex': 'a body too deep, too wide or too odd to hash within a bounded time',
  'body-reference': 'a body with one of the fields in body.bypass: it refers to earlier requests',
  authorization: 'the request carries Authorization',
  user: 'the request has a user (req.user)',
  cookie: 'the request carries a cookie that is not ignored',
  option: 'the route option bypass(req) said so',
  conditional: 'a POST with If-Match or If-Unmodified-Since',
  'key-error':
    'the route option key(req), movieId(req) or bypass(req) threw or returned something unusable, such as a promise',
  'only-if-cached': 'the client wanted nothing but a stored answer, and there was none: it got a 504',
  nested: 'a cache nearer to the handler takes the request',
  closed: 'the cache has been closed',
  upgrade: 'the request asks for a WebSocket',
  unsupported:
    'the request or its response lacks, or refuses, what the cache asks of it: the handler answers as without it',
} as const

/** Why an answer of the handler was not stored. */
export const REFUSAL_REASONS = {
  head: 'a HEAD answer has no body to store',
  status: 'the status is not one that is stored',
  'set-cookie': 'the answer sets a cookie',
  session: 'the handler changed the session, or read what differs from session to session',
  private: 'Cache-Control: private',
  'no-store': 'Cache-Control: no-store',
  'no-cache': 'Cache-Control: no-cache',
  'cache-control': 'Cache-Control could not be parsed',
  vary: 'Vary: * or a Vary that could not be parsed',
  'no-freshness': 'nothing says how long the answer is fresh, or it is stale already',
  'unkeyed-header': 'the handler read a request header that the key does not cover',
  'unkeyed-property':
    'the handler read what the key does not cover of the connection or the request, such as req.ip, or what middleware in front has put there, such as req.tenant or res.locals.language',
  user: 'req.user or req.auth was set behind the cache: authentication belongs in front of it',
  trailer: 'the answer has trailers',
  'too-large': 'the body is larger than maxEntryBytes',
  crowded:
    'bodies that are being made or read take as much as memory.maxBytes already, and this one is longer than 64 KiB',
  'length-mismatch': 'the body is not as long as Content-Length says',
  aborted: 'the answer was cut off',
  'empty-audio': 'audio without a byte',
  'audio-type': 'the first bytes are not what Content-Type says',
  incomplete: 'an event stream without its end marker, or complete(body) did not say true',
  purged: 'a purge or an invalidation came while the answer was made',
  nested: 'a cache nearer to the handler has taken the request',
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

/** How bad it is: `info` is worth knowing, `warning` costs speed or money, `critical` is about to cost answers. */
export type AlertSeverity = 'info' | 'warning' | 'critical'

interface AlertKind {
  readonly severity: AlertSeverity
  readonly when: string
  readonly advice: string
}

/** What somebody should look at, when it is raised, and what to do. */
export const ALERTS = {
  'heap-high': {
    severity: 'warning',
    when: "the heap is filled above `heap` of V8's limit",
    advice:
      'Give Node a larger heap (--max-old-space-size), or look for what fills it; bodies in the cache lie outside of it.',
  },
  'heap-critical': {
    severity: 'critical',
    when: "the heap is filled above `heapCritical` of V8's limit: the process is about to end",
    advice: 'Take this process out of rotation and start it anew; then look for what fills the heap.',
  },
  thrashing: {
    severity: 'warning',
    when: 'of what memory pushed out within five minutes, 50 entries at least, more than `thrashing` had been held for less than a minute',
    advice: 'Raise maxSize of the profile that evicts, or memory.maxBytes: stats() says which bound it was.',
  },
  'hit-rate-fell': {
    severity: 'warning',
    when: 'the hit rate of the last five minutes, 100 look-ups at least, is more than `hitRateFall` below that of the last hour',
    advice:
      'Look at what has changed: a release that changes keys, a purge, a crawler, or refusals and bypasses in stats().',
  },
  'handler-errors-covered': {
    severity: 'warning',
    when: 'within five minutes, stale answers hid failures of handlers `coveredErrors` times or more, refreshes in the background included',
    advice: 'Look at the handlers and what they call: clients do not see it until the stale answers are too old.',
  },
  'event-loop-delayed': {
    severity: 'warning',
    when: 'the event loop is more than `eventLoopDelay` milliseconds late, at the 99th percentile',
    advice: 'Look for work that holds the event loop: a CPU profile shows it. All answers wait for it, hits too.',
  },
  'files-failing': {
    severity: 'warning',
    when: 'reading, writing or removing files fails',
    advice:
      'Look at the disk and the rights on cacheDir. Speech is made anew meanwhile, and files come back by themselves.',
  },
  'files-damaged': {
    severity: 'warning',
    when: 'files that were not what had been written were found within the last hour; they were removed',
    advice: 'Look at the disk, and run verify(), which reads every file.',
  },
  'files-full': {
    severity: 'info',
    when: 'the files take more than `filesFull` of fileMaxBytes',
    advice: 'Nothing is wrong: the least recently used go. Raise fileMaxBytes to keep more.',
  },
  'store-away': {
    severity: 'warning',
    when: 'the store that machines share cannot be used: it does not answer in time, or its purges cannot be read',
    advice:
      'Look at the Redis server and the network to it. The app runs as without it meanwhile, and it comes back by itself.',
  },
  'disk-low': {
    severity: 'warning',
    when: 'the file system of cacheDir has less free than `diskFree`, and writing ends at fileMinFreeBytes',
    advice: 'Make room on the file system, or lower fileMaxBytes.',
  },
} as const satisfies Record<string, AlertKind>

export type AlertCode = keyof typeof ALERTS
