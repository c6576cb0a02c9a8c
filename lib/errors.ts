/** Codes of the errors that reelcache throws when it is set up wrongly. */
export type ErrorCode =
  | 'ERR_REELCACHE_UNKNOWN_OPTION'
  | 'ERR_REELCACHE_INVALID_OPTION'
  | 'ERR_REELCACHE_BUDGET_TOO_SMALL'
  | 'ERR_REELCACHE_INVALID_PURGE'
  | 'ERR_REELCACHE_CLOSED'

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
