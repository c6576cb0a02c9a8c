import { EVERYBODY, type Concern } from '../core/flights.js'
import type { RefusalReason } from '../core/outcomes.js'
import type { Asker } from './asker.js'
import type { Refusal } from './cache-status.js'
import type { Draft } from './draft.js'
import { variantKey } from './vary.js'
import type { Visit } from './visit.js'

/**
 * Whom a refusal concerns: requests that agree with the refused one in all that its handler looked at. Those without the fields that only this
 * one carried, such as a cookie, would have been answered otherwise.
 */
export function concernOf({ policy, headers, key }: Visit, { reads, varied, key: refused }: Draft): Concern<Asker> {
  const own = policy.ownHeaders(reads, headers, key, varied)
  return own.length === 0 && varied.length === 0 ? EVERYBODY : alikeIn(own, varied, refused)
}

// On its own, so that what is remembered holds names and no request.
const alikeIn = (own: readonly string[], varied: readonly string[], refused: string): Concern<Asker> => ({
  isPersonal: own.length > 0,
  holdsFor: ({ policy, headers, key }) =>
    (own.length === 0 || policy.unkeyedHeader(own, headers, key, varied) !== undefined) &&
    (varied.length === 0 || variantKey(key.text, varied, headers) === refused),
})

/** The answer failed, was cut off or came too late, memory had no room, or it is one session's: none of these speaks of what was stored before. */
const UNTOLD: ReadonlySet<RefusalReason> = new Set([
  ...(['aborted', 'length-mismatch', 'incomplete', 'empty-audio', 'audio-type', 'session', 'user'] as const),
  ...(['purged', 'crowded', 'admission', 'tier-error'] as const),
])

/** One client was too slow, too early or asked too often (RFC 9110 section 15.5.9, RFC 8470, RFC 6585). */
const OF_THE_CLIENT: ReadonlySet<number> = new Set([408, 425, 429])

/**
 * Whether a refused answer ends what was stored before, so that it neither covers nor is served stale any more. Whatever is no failure does;
 * but what only this request's own fields brought about says nothing to the others.
 */
export function endsStored({ reason }: Refusal, status: number, { isPersonal }: Concern<Asker>): boolean {
  const isFailure = status === 0 || status >= 500 || UNTOLD.has(reason)
  return !isFailure && !OF_THE_CLIENT.has(status) && !isPersonal
}
