import type { CacheEvent } from './core/events.js'
import { chain, unawaited } from './core/maybe.js'
import type { Purges } from './core/stack.js'
import { tagsOf, urlTagOf, type Tagged } from './core/tags.js'
import { PROFILES, type CacheEntry, type Clock, type MaybePromise, type ProfileName, type Tier } from './core/types.js'
import { isOfKey, isVariantOf } from './core/variants.js'
import type { ResolvedRedis } from './options.js'
import type { MemoryTier } from './tiers/memory.js'
import { ALL, ALL_URLS, keyOf, type Purged } from './tiers/redis/known-purges.js'
import { RedisTier } from './tiers/redis/tier.js'
import { warnOfStore } from './warnings.js'

/** What a machine keeps for itself, and what it is making: there the purges of other machines are carried out. */
export interface OwnParts {
  readonly memory: MemoryTier
  /** Memory and files. */
  readonly local: Tier
  readonly flights: { fence(matches: (flight: Tagged) => boolean): void }
  readonly purges: Purges
  readonly clock: Clock
  readonly report: (event: CacheEvent) => void
}

/** The store that this machine shares with others. */
export function sharedTier(redis: ResolvedRedis, own: OwnParts): RedisTier {
  const { memory, flights, clock, report } = own
  const tier: RedisTier = new RedisTier({
    ...redis,
    ...{ clock, report, warn: warnOfStore },
    onPurges(all) {
      for (const purged of all) unawaited(chain(carryOut(purged, own), entries => report({ type: 'purged', entries })))
    },
    onFollowing({ isFirst, hasGap }) {
      if (!isFirst && !hasGap) return
      // What was begun before does not say which purges it knows.
      flights.fence(() => true)
      const isOutdated = (entry: CacheEntry): boolean => hasGap || tier.isOutdated(entry)
      own.purges.overtake(isOutdated)
      forget(memory, PROFILES, key => isOutdated(memory.peek(key)!.entry))
    },
  })
  return tier
}

/** Throws out of memory the variants of a key: their index, which names them, may have gone before them. */
export const forgetVariants = (memory: MemoryTier, key: string): number =>
  forget(memory, [key.slice(0, key.indexOf(' ')) as ProfileName], one => isVariantOf(one, key))

function carryOut(purged: Purged, { memory, local, flights }: OwnParts): MaybePromise<number> {
  const key = keyOf(purged)
  if (key !== undefined) {
    flights.fence(flight => isOfKey(flight.key, key))
    const variants = forgetVariants(memory, key)
    return chain(local.delete(key), isGone => variants + Number(isGone))
  }
  if (purged === ALL_URLS) {
    flights.fence(({ key }) => urlTagOf(key) !== undefined)
    // Files of before are looked at when they are read.
    return forget(memory, PROFILES, key => urlTagOf(key) !== undefined)
  }
  flights.fence(flight => purged === ALL || tagsOf(flight).includes(purged))
  return purged === ALL ? local.clear() : local.deleteTag(purged)
}

function forget(memory: MemoryTier, profiles: readonly ProfileName[], isMeant: (key: string) => boolean): number {
  const keys = profiles.filter(name => PROFILES.includes(name)).flatMap(name => [...memory.keys(name)])
  return keys.filter(key => isMeant(key) && memory.delete(key)).length
}
