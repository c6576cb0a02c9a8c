import type { AlertCode, AlertSeverity, BypassReason, EvictionCause, RefusalReason, StaleReason } from './outcomes.js'
import type { Saving } from './saving.js'
import type { Milliseconds, ProfileName } from './types.js'

/** What happened, in the words of `Cache-Status`. */
export type CacheEvent =
  | {
      readonly type: 'hit'
      readonly profile: ProfileName
      readonly key: string
      readonly collapsed: boolean
      /** Where the answer lay; undefined when it came from another request's run. */
      readonly tier?: string | undefined
      /** What the handler did not have to do; undefined when this was only a later part of an answer, or a look at its head. */
      readonly saved?: Saving | undefined
    }
  | { readonly type: 'miss'; readonly profile: ProfileName; readonly key: string }
  /** Answered from a stale entry: while it is refreshed, or because the handler failed. */
  | {
      readonly type: 'stale'
      readonly profile: ProfileName
      readonly key: string
      readonly why: StaleReason
      /** The last refresh failed, so this answer hides a failure too. */
      readonly failing?: boolean
    }
  /** The handler runs in the background, for nobody's request. */
  | { readonly type: 'refresh'; readonly profile: ProfileName; readonly key: string }
  /** That run failed: a 5xx, a cut, an error, or nothing within `handlerTimeout`. The stale entry stays. */
  | { readonly type: 'refresh-failed'; readonly profile: ProfileName; readonly key: string }
  | { readonly type: 'revalidated'; readonly profile: ProfileName; readonly key: string }
  | {
      readonly type: 'bypass'
      readonly profile: ProfileName
      readonly reason: BypassReason
      /** The request's. */
      readonly method?: string
      /** What was thrown, for `unsupported`. */
      readonly error?: unknown
    }
  | { readonly type: 'stored'; readonly profile: ProfileName; readonly key: string; readonly bytes: number }
  | {
      readonly type: 'refused'
      readonly profile: ProfileName
      readonly key: string
      readonly reason: RefusalReason
      /** The request header that was read, for `unkeyed-header`, or the property, for `unkeyed-property` and `user`. */
      readonly name?: string
    }
  | {
      readonly type: 'evicted'
      readonly profile: ProfileName
      readonly key: string
      readonly cause: EvictionCause
      /** How long memory had held it. */
      readonly age: Milliseconds
    }
  | { readonly type: 'expired'; readonly profile: ProfileName; readonly key: string }
  /** Here, or by another machine that shares a store with this one; so many entries went from here. */
  | { readonly type: 'purged'; readonly entries: number }
  | { readonly type: 'tier-error'; readonly tier: string; readonly error: unknown }
  /** Something somebody should look at has begun, or is over. */
  | {
      readonly type: 'alert'
      readonly code: AlertCode
      readonly severity: AlertSeverity
      readonly raised: boolean
      readonly message: string
    }

export type CacheEventListener = (event: CacheEvent) => void
