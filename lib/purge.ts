import type { Flights } from './core/flights.js'
import { chain } from './core/maybe.js'
import { profileTag, tagsOf } from './core/tags.js'
import { PROFILES, type MaybePromise, type ProfileName, type Tier } from './core/types.js'
import { isOfKey } from './core/variants.js'
import { ReelcacheError } from './errors.js'
import type { Asker } from './http/asker.js'
import type { Answer, LiveAnswer } from './http/engine.js'
import { tagOfMovie } from './http/key.js'

/** What to throw out: one movie, one profile, one key (as `key(req)` gives it), or everything. */
export type PurgeTarget =
  | { readonly movie: string | number }
  | { readonly profile: ProfileName }
  | { readonly key: string }
  | { readonly all: true }

/**
 * Throws out of every tier what the target names. The fence comes first: an answer that is being made now is not stored when it is done.
 * Answers how many entries went. Throws `ReelcacheError` when the target is none.
 */
export function purge(
  target: PurgeTarget,
  tier: Tier,
  flights: Flights<Answer, LiveAnswer, Asker>,
): MaybePromise<number> {
  checkTarget(target)
  if ('all' in target) {
    flights.fence(() => true)
    return tier.clear()
  }
  if ('key' in target) return purgeKey(target.key, tier, flights)
  const tag = 'movie' in target ? tagOfMovie(target.movie) : profileTag(target.profile)
  flights.fence(flight => tagsOf(flight).includes(tag))
  return tier.deleteTag(tag)
}

/** One key with all its variants. */
function purgeKey(key: string, tier: Tier, flights: Flights<Answer, LiveAnswer, Asker>): MaybePromise<number> {
  // A flight's key may be a variant's: the text goes on after the key's own.
  flights.fence(flight => isOfKey(flight.key, key))
  return chain(tier.get(key), entry => {
    const keys = [key, ...(entry?.variants ?? []).map(variant => variant.key)]
    return keys.reduce<MaybePromise<number>>(
      (sum, one) => chain(sum, count => chain(tier.delete(one), isGone => count + Number(isGone))),
      0,
    )
  })
}

function checkTarget(target: PurgeTarget): void {
  const given: Record<string, unknown> = typeof target === 'object' ? { ...target } : {}
  const [name, ...others] = Object.keys(given)
  const value = name === undefined ? undefined : given[name]
  const isRight =
    others.length === 0 &&
    ((name === 'all' && value === true) ||
      (name === 'key' && typeof value === 'string' && PROFILES.some(profile => value.startsWith(`${profile} `))) ||
      (name === 'profile' && PROFILES.includes(value as ProfileName)) ||
      (name === 'movie' && (typeof value === 'string' || typeof value === 'number') && value !== ''))
  if (isRight) return
  throw new ReelcacheError(
    'ERR_REELCACHE_INVALID_PURGE',
    `purge takes one of { movie: '603' }, { profile: '${PROFILES.join("' | '")}' }, { key: 'api 603 GET …' } and { all: true }`,
  )
}
