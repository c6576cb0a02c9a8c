import { EventEmitter } from 'node:events'
import type { Express } from 'express'
import type { CacheEvent, CacheEventListener } from './core/events.js'
import { Backoff } from './core/backoff.js'
import { Flights } from './core/flights.js'
import { Marks } from './core/marks.js'
import { Metrics } from './core/metrics.js'
import { Stack } from './core/stack.js'
import { PROFILES, type ProfileName, type Tier } from './core/types.js'
import { AudioLibrary } from './http/audio.js'
import type { Answer, Engine, LiveAnswer } from './http/engine.js'
import { cacheMiddleware, type CacheHandler } from './http/middleware.js'
import { resolveOptions, resolveRoute, type CacheOptions, type ResolvedOptions, type RouteOptions } from './options.js'
import { purge, type PurgeTarget } from './purge.js'
import { statsOf, type CacheStats } from './stats.js'
import { locationOf } from './tiers/file/names.js'
import { FileTier, type VerifyReport } from './tiers/file/tier.js'
import { MemoryTier } from './tiers/memory.js'
import { WARNING, warnOfUnkeyedHeaders } from './warnings.js'

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
  /**
   * An app that plays cached speech by GET, with ranges: `app.use('/audio', cache.audioRouter())`. The answer to a POST that made speech
   * then says in `Content-Location` where (RFC 9110 section 8.7). Speech of a route with `key` is not played: knowing its digest is not
   * being the one it is for.
   */
  audioRouter(): Express
  /** Reads every file, removes what is damaged or belongs to nothing, and says what it found; undefined where there are no files. */
  verify(): Promise<VerifyReport | undefined>
  stats(): CacheStats
  on(name: 'event', listener: CacheEventListener): this
  off(name: 'event', listener: CacheEventListener): this
  /** Stops the timers and empties the memory; routes go past the cache from then on. */
  close(): Promise<void>
}

/** How many keys are remembered as unshareable, or as failing to be refreshed. */
const MAX_REMEMBERED = 4_096

/** Makes a cache. Throws `ReelcacheError` when an option is wrong. */
export function createCache(options: CacheOptions = {}): Cache {
  const resolved = resolveOptions(options)
  const { clock, profiles, maxBytes } = resolved
  const emitter = new EventEmitter()
  const metrics = new Metrics()
  const flights = new Flights<Answer, LiveAnswer>()
  const warn = warnOfUnkeyedHeaders()
  let isClosed = false

  const report = (event: CacheEvent): void => {
    metrics.count(event)
    warn(event)
    try {
      emitter.emit('event', event)
    } catch (error) {
      // A listener's mistake is not the client's, and must not leave an answer half stored.
      process.emitWarning(`An event listener threw: ${String(error)}`, WARNING)
    }
  }
  const memory = new MemoryTier({
    maxBytes,
    maxEntries: mapProfiles(name => profiles[name].maxEntries),
    clock,
    onEvict: (entry, cause) => report({ type: 'evicted', profile: entry.profile, key: entry.key, cause }),
    onExpire: entry => report({ type: 'expired', profile: entry.profile, key: entry.key }),
  })
  const invalidate = (tier: Tier, tags: readonly string[]): void => {
    flights.fence(flight => tags.some(tag => flight.tags.includes(tag)))
    // A movie's answers lie in every tier, whichever route learned that they are out of date.
    for (const tag of tags) void (tag.startsWith('movie:') ? stored : tier).deleteTag(tag)
  }
  const files = makeFiles(resolved, report)
  const stored = new Stack(files === undefined ? [memory] : [memory, files], clock, (tier, error) =>
    report({ type: 'tier-error', tier, error }),
  )
  const library = new AudioLibrary(locationOf, files)
  const engine: Engine = {
    tier: memory,
    flights,
    unshared: new Marks(clock, MAX_REMEMBERED),
    backoff: new Backoff(clock, MAX_REMEMBERED),
    refreshes: new WeakMap(),
    clock,
    showKey: process.env['NODE_ENV'] !== 'production',
    isClosed: () => isClosed,
    report,
    locate: answer => library.urlOf(answer),
    invalidate: tags => invalidate(memory, tags),
  }
  const speech: Engine = { ...engine, tier: stored, invalidate: tags => invalidate(stored, tags) }
  const timers = PROFILES.map(name => setInterval(() => memory.sweep(name), profiles[name].cleanupInterval).unref())

  return {
    ...factories(engine, speech, resolved),
    verify: async () => files?.verify(),
    async purge(target) {
      const entries = await purge(target, stored, flights)
      report({ type: 'purged', entries })
      return entries
    },
    audioRouter: () => library.router(speech),
    stats: () => statsOf(metrics, memory, files, flights, maxBytes),
    on(name, listener) {
      emitter.on(name, listener)
      return this
    },
    off(name, listener) {
      emitter.off(name, listener)
      return this
    },
    async close() {
      isClosed = true
      timers.forEach(clearInterval)
      flights.fence(() => true)
      memory.clear()
      await stored.close()
    },
  }
}

function makeFiles({ profiles, clock }: ResolvedOptions, report: (event: CacheEvent) => void): FileTier | undefined {
  const { files, mostEntryBytes } = profiles.tts
  if (files === undefined) return undefined
  const { dir, maxBytes, minFreeBytes, ttl } = files
  return new FileTier({
    dir,
    maxBytes,
    maxEntryBytes: mostEntryBytes,
    ...(minFreeBytes !== undefined && { minFreeBytes }),
    ...(ttl !== undefined && { ttl }),
    clock,
    report,
  })
}

/** The factories of one cache. */
function factories(engine: Engine, speech: Engine, { profiles }: ResolvedOptions): Factories {
  const make =
    (name: ProfileName) =>
    (options?: RouteOptions): CacheHandler =>
      cacheMiddleware(name === 'tts' ? speech : engine, name, resolveRoute(profiles[name], options))
  return { cacheApi: make('api'), cacheEnhanced: make('enhanced'), cacheAi: make('ai'), cacheTts: make('tts') }
}

const mapProfiles = <T>(make: (name: ProfileName) => T): Record<ProfileName, T> =>
  Object.fromEntries(PROFILES.map(name => [name, make(name)])) as Record<ProfileName, T>
