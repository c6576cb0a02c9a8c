/** The codes of the errors that reelcache throws when it is set up wrongly, and what each means. */
export const ERROR_CODES = {
  ERR_REELCACHE_UNKNOWN_OPTION:
    'an option of this name does not exist here: the message lists those that do, or says where it belongs',
  ERR_REELCACHE_INVALID_OPTION: 'an option has a value it cannot have: the message says what to write',
  ERR_REELCACHE_BUDGET_TOO_SMALL:
    'memory.maxBytes is too small for one entry, or maxEntryBytes too large for it: the message names both numbers',
  ERR_REELCACHE_INVALID_APP: 'createServer was not given an Express app',
  ERR_REELCACHE_INVALID_PURGE: 'purge was not given exactly one of movie, profile, key and all',
  ERR_REELCACHE_INVALID_WARM: 'warm was not given an app and an iterable of requests',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** A mistake in how reelcache is used, found when it is set up: says what was wrong and what to write instead. */
export class ReelcacheError extends TypeError {
  override readonly name = 'ReelcacheError'

  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(`${message} [${code}]`)
  }
}
