import { EVERYBODY, type Concern } from '../core/flights.js'
import type { Asker } from './asker.js'
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
