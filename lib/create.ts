import { EventEmitter } from 'node:events'
import type { CacheEvent, CacheEventListener } from './core/events.js'
import { Flights } from './core/flights.js'
import { Marks } from './core/marks.js'
import { Metrics, type ProfileCounters } from './core/metrics.js'
import { PROFILES, type ProfileName } from './core/types.js'
import { ReelcacheError } from './errors.js'
import type { Answer, Engine } from './http/engine.js'
import { cacheMiddleware, type CacheHandler } from './http/middleware.js'
import { movieTag, profileTag } from './http/key.js'
import { resolveOptions, resolveRoute, type CacheOptions, type ResolvedOptions, type RouteOptions } from './options.js'
import { MemoryTier } from './tiers/memory.js'
import { warnOfUnkeyedHeaders } from './warnings.js'

/** What to throw out: one movie, one profile, one key (as `key(req)` gives it), or everything. */
export type PurgeTarget =
  | { readonly movie: string | number }
  | { readonly profile: ProfileName }
  | { readonly key: string }
  | { readonly all: true }

/** One profile's counters since the cache was made, and what it holds now. */
export interface ProfileStats extends ProfileCounters {
  /** Hits by hits and misses, 0 to 1; 0 before the first request. */
  hitRate: number
  entries: number
  /** Bytes held in memory: bodies, headers, keys and overhead. */
  bytes: number
}

/** All profiles together, and each. */
export interface CacheStats {
  hits: number
  misses: number
  /** Hits by hits and misses, 0 to 1; 0 before the first request. */
  hitRate: number
  evictions: number
  entries: number
  bytes: number
  /** The budget that `bytes` stays within. */
  maxBytes: number
  /** Handler runs under way that may fill a key, and requests that wait for one. */
  flights: { running: number; waiting: number }
  profiles: Record<ProfileName, ProfileStats>
}

/** The four factories: each makes the middleware of one route. */
export interface Factories {
  /** Plain JSON: five minutes, 100 entries. */
  cacheApi(options?: RouteOptions): CacheHandler
  /** JSON made from several sources: ten minutes, 200 entries. */
  cacheEnhanced(options?: RouteOptions): CacheHandler
  /** Text from a model, also as an event stream: thirty minutes, 50 entries. */
  cacheAi(options?: RouteOptions): CacheHandler
  /** Speech: one hour, 50 entries. */
  cacheTts(options?: RouteOptions): CacheHandler
}

/** A cache: four kinds of routes, one memory. */
export interface Cache extends Factories {
  /** Throws out stored answers, and sees to it that answers being made are not stored. Answers how many entries went. */
  purge(target: PurgeTarget): Promise<number>
  stats(): CacheStats
  on(name: 'event', listener: CacheEventListener): this
  off(name: 'event', listener: CacheEventListener): this
  /** Stops the timers and empties the memory; routes go past the cache from then on. */
  close(): Promise<void>
}

/** How many keys are remembered as unshareable. */
const MAX_UNSHARED = 4_096

/** Makes a cache. Throws `ReelcacheError` when an option is wrong. */
export function createCache(options: CacheOptions = {}): Cache {
  const resolved = resolveOptions(options)
  const { clock, profiles, maxBytes } = resolved
  const emitter = new EventEmitter()
  const metrics = new Metrics()
  const flights = new Flights<Answer>()
  const warn = warnOfUnkeyedHeaders()
  let isClosed = false

  const report = (event: CacheEvent): void => {
    metrics.count(event)
    warn(event)
    emitter.emit('event', event)
  }
  const memory = new MemoryTier({
    maxBytes,
    maxEntries: mapProfiles(name => profiles[name].maxEntries),
    clock,
    onEvict: (entry, cause) => report({ type: 'evicted', profile: entry.profile, key: entry.key, cause }),
    onExpire: entry => report({ type: 'expired', profile: entry.profile, key: entry.key }),
  })
  const engine: Engine = {
    tier: memory,
    flights,
    unshared: new Marks(clock, MAX_UNSHARED),
    clock,
    showKey: process.env['NODE_ENV'] !== 'production',
    isClosed: () => isClosed,
    report,
    invalidate(tags) {
      flights.fence(flight => tags.some(tag => flight.tags.includes(tag)))
      for (const tag of tags) memory.deleteTag(tag)
    },
  }
  const timers = PROFILES.map(name => setInterval(() => memory.sweep(name), profiles[name].cleanupInterval).unref())

  return {
    ...factories(engine, resolved),
    purge: target => Promise.resolve(purge(target)),
    stats: () => stats(metrics, memory, flights, maxBytes),
    on(name, listener) {
      emitter.on(name, listener)
      return this
    },
    off(name, listener) {
      emitter.off(name, listener)
      return this
    },
    close() {
      isClosed = true
      timers.forEach(clearInterval)
      flights.fence(() => true)
      memory.clear()
      return Promise.resolve()
    },
  }

  function purge(target: PurgeTarget): number {
    const entries = purgeNow(target)
    report({ type: 'purged', entries })
    return entries
  }

  function purgeNow(target: PurgeTarget): number {
    checkPurge(target)
    if ('all' in target) {
      flights.fence(() => true)
      return memory.clear()
    }
    if ('key' in target) {
      const { key } = target
      // A flight's key may be a variant's: the text goes on after the key's own.
      flights.fence(flight => flight.key === key || flight.key.startsWith(`${key} vary:`))
      const variants = memory.get(key)?.variants ?? []
      return [key, ...variants.map(variant => variant.key)].filter(one => memory.delete(one)).length
    }
    const tag = 'movie' in target ? movieTag(target.movie) : profileTag(target.profile)
    flights.fence(flight => flight.tags.includes(tag))
    return memory.deleteTag(tag)
  }
}

/** The factories of one cache. */
function factories(engine: Engine, { profiles, maxBytes }: ResolvedOptions): Factories {
  const make =
    (name: ProfileName) =>
    (options?: RouteOptions): CacheHandler =>
      cacheMiddleware(engine, name, resolveRoute(profiles[name], options, maxBytes))
  return { cacheApi: make('api'), cacheEnhanced: make('enhanced'), cacheAi: make('ai'), cacheTts: make('tts') }
}

const mapProfiles = <T>(make: (name: ProfileName) => T): Record<ProfileName, T> =>
  Object.fromEntries(PROFILES.map(name => [name, make(name)])) as Record<ProfileName, T>

function checkPurge(target: PurgeTarget): void {
  const given: Record<string, unknown> = typeof target === 'object' ? { ...target } : {}
  const [name, ...others] = Object.keys(given)
  const value = name === undefined ? undefined : given[name]
  const isRight =
    others.length === 0 &&
    ((name === 'all' && value === true) ||
      (name === 'key' && typeof value === 'string') ||
      (name === 'profile' && PROFILES.includes(value as ProfileName)) ||
      (name === 'movie' && (typeof value === 'string' || typeof value === 'number') && value !== ''))
  if (isRight) return
  throw new ReelcacheError(
    'ERR_REELCACHE_INVALID_PURGE',
    `purge takes one of { movie: '603' }, { profile: '${PROFILES.join("' | '")}' }, { key } and { all: true }`,
  )
}

const rate = (hits: number, misses: number): number => (hits + misses === 0 ? 0 : hits / (hits + misses))

function stats(metrics: Metrics, memory: MemoryTier, flights: Flights<Answer>, maxBytes: number): CacheStats {
  const profiles = mapProfiles(name => {
    const counters = structuredClone(metrics.profiles[name])
    return { ...counters, hitRate: rate(counters.hits, counters.misses), ...memory.usage(name) }
  })
  const sum = (field: 'hits' | 'misses' | 'evictions' | 'entries' | 'bytes'): number =>
    PROFILES.reduce((total, name) => total + profiles[name][field], 0)
  return {
    hits: sum('hits'),
    misses: sum('misses'),
    hitRate: rate(sum('hits'), sum('misses')),
    evictions: sum('evictions'),
    entries: sum('entries'),
    bytes: sum('bytes'),
    maxBytes,
    flights: { running: flights.size, waiting: flights.waiting },
    profiles,
  }
}
