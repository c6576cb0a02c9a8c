import { AsyncResource } from 'node:async_hooks'
import type { Express } from 'express'
import { awaited } from './core/awaited.js'
import { unawaited } from './core/maybe.js'
import { EventStream } from './core/event-stream.js'
import type { CacheEvent, CacheEventListener } from './core/events.js'
import { Backoff } from './core/backoff.js'
import { Flights } from './core/flights.js'
import { Marks } from './core/marks.js'
import { Metrics } from './core/metrics.js'
import { Pins } from './core/pins.js'
import { Places } from './core/places.js'
import { Room, type Holder } from './core/room.js'
import { repeat } from './core/repeat.js'
import { Purges, Stack } from './core/stack.js'
import { profileOf, tagsOf } from './core/tags.js'
import { Traces } from './core/traces.js'
import { mapProfiles, PROFILES, type Milliseconds, type ProfileName, type Tier } from './core/types.js'
import { Unshared } from './core/unshared.js'
import type { Asker } from './http/asker.js'
import { AudioLibrary } from './http/audio.js'
import type { Answer, Engine, LiveAnswer } from './http/engine.js'
import type { Dispatch } from './http/in-process.js'
import { tagOfMovie } from './http/key.js'
import { KnownDates } from './http/known-dates.js'
import { KnownHits } from './http/known-hits.js'
import { PutInFront } from './http/put-in-front.js'
import { KnownKeys } from './http/known-keys.js'
import { LastRefusals } from './http/last-refusals.js'
import { lookUpOf } from './http/look-up.js'
import { askedBy } from './http/asked.js'
import { cacheMiddleware, type CacheHandler } from './http/middleware.js'
import { sendThrough, traced } from './http/own-requests.js'
import { Policy } from './http/policy.js'
import { WaitingRoom } from './http/waiting-room.js'
import { Inventory } from './inventory.js'
import {
  resolveAdmin,
  resolveAudio,
  resolveOptions,
  resolveRoute,
  type AdminOptions,
  type AudioOptions,
  type CacheOptions,
  type ResolvedOptions,
  type RouteOptions,
} from './options.js'
import { adminRouter } from './ops/admin/router.js'
import type { CachedRoute } from './ops/admin/source.js'
import { healthOf, type Health } from './ops/health.js'
import { historyOf } from './ops/history.js'
import { Journal } from './ops/journal.js'
import { Monitor } from './ops/monitor.js'
import { statsOf, type CacheStats } from './ops/stats.js'
import { Kept } from './ops/warm/kept.js'
import { checkWarm, resolveWarm, type WarmOptions } from './ops/warm/options.js'
import type { WarmReport } from './ops/warm/report.js'
import { warm, type WarmRequests } from './ops/warm.js'
import { purge, type PurgeTarget } from './purge.js'
import { forgetVariants, sharedTier } from './shared.js'
import { locationOf } from './tiers/file/names.js'
import { directorySecret } from './tiers/file/secret.js'
import { FileTier, type FileOptions, type VerifyReport } from './tiers/file/tier.js'
import { MemoryTier } from './tiers/memory.js'
import { warmUp, type WarmUpReport } from './tiers/warm-up.js'
import { warnIfMadePerRequest } from './made-per-request.js'
import { withCheckedAnswers } from './option-functions.js'
import {
  factoryOf,
  warnOfAudioPath,
  warnOfEvents,
  warnOfFiles,
  warnOfListener,
  warnOfOverflowWhenWarming,
  warnOfShortSpans,
} from './warnings.js'

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
   * then says in `Content-Location` where (RFC 9110 section 8.7). Nobody can guess that address; whoever has it may listen. Speech that
   * depends on more than URL and body (`key`, `vary`, `Vary`) has none. In an `express.Router` write the whole path:
   * `audioRouter({ path: '/api/audio' })`. Throws `ReelcacheError` when an option is wrong.
   */
  audioRouter(options?: AudioOptions): Express
  /** Reads every file, removes what is damaged or belongs to nothing, and says what it found; undefined where there are no files. */
  verify(): Promise<VerifyReport | undefined>
  /**
   * An app that shows and changes what the cache holds, for whoever `authorize` answers true to: `app.use('/cache', cache.adminRouter({ authorize }))`.
   * Throws `ReelcacheError` without that guard.
   */
  adminRouter(options: AdminOptions): Express
  /**
   * Sends requests through the whole app, in this process and without a network, so that their answers are there before anybody asks. Says how
   * many were stored, and why the others were not. Rejects with a `ReelcacheError` where it is not given an app and requests.
   */
  warm(app: Dispatch, requests: WarmRequests, options?: WarmOptions): Promise<WarmReport>
  /** Resolves once `tts.warmUpBytes` of audio are in memory, or what the limits allow; undefined where none was to be read. */
  warmedUp(): Promise<WarmUpReport | undefined>
  stats(): CacheStats
  /** Whether it works, and what somebody should look at. */
  health(): Health
  on(name: 'event', listener: CacheEventListener): this
  off(name: 'event', listener: CacheEventListener): this
  /** Stops the timers and empties the memory; routes go past the cache from then on. */
  close(): Promise<void>
}

/** How many keys are remembered as unshareable, or as failing to be refreshed. */
const MAX_REMEMBERED = 4_096

/** Makes a cache. Throws `ReelcacheError` when an option is wrong. */
export function createCache(options: CacheOptions = {}): Cache {
  const cache = makeCache(options)
  warnIfMadePerRequest(createCache)
  return cache
}

/** The same, wherever it is called. */
export function makeCache(options: CacheOptions = {}): Cache {
  const resolved = resolveOptions(options)
  const { clock, profiles, maxBytes } = resolved
  const events = new EventStream(warnOfListener)
  const metrics = new Metrics(clock)
  const journal = new Journal(clock)
  const flights = new Flights<Answer, LiveAnswer, Asker>()
  const warn = warnOfEvents()
  const warnOfSpan = warnOfShortSpans()
  for (const name of PROFILES) warnOfSpan(`createCache({ ${name} })`, options[name])
  const warnOfOverflow = warnOfOverflowWhenWarming()
  const traces = new Traces()
  const closing = new AbortController()
  let isClosed = false

  const report = (event: CacheEvent, now?: Milliseconds): void => {
    metrics.count(event, now)
    // Most of what happens are hits, and nothing comes of them.
    if (event.type !== 'hit') {
      warn(event)
      journal.note(event)
      traces.note(event)
    }
    events.send(event)
  }
  const memory = new MemoryTier({
    maxBytes,
    maxEntries: mapProfiles(name => profiles[name].maxEntries),
    clock,
    onEvict: ({ profile, key }, cause, age) => report({ type: 'evicted', profile, key, cause, age }),
    onExpire: entry => report({ type: 'expired', profile: entry.profile, key: entry.key }),
    onGone: key => pins.dropped(key),
  })
  // As much again as what is stored; with files one body may be longer than that.
  const room = new Room(Math.max(maxBytes, 2 * profiles.tts.route.maxEntryBytes), () => clock.now())
  const pins = new Pins(room, key => memory.has(key))
  const invalidate = (tier: Tier, tags: readonly string[]): void => {
    flights.fence(flight => tagsOf(flight).some(tag => tags.includes(tag)))
    // A movie's answers lie in every tier, whichever route learned that they are out of date.
    for (const tag of tags) unawaited((tag.startsWith('movie:') ? stored : tier).deleteTag(tag))
  }
  // The disk takes what it takes, however slowly: nothing of it can be given up.
  const disk = (): Holder => ({ progress: () => performance.now(), giveUp: () => undefined })
  const files = makeFiles(resolved, {
    report,
    isOutdated: entry => redis?.isOutdated(entry) === true,
    hold: entry => pins.pin(entry, disk()),
  })
  const purges = new Purges()
  const stackOf = (...tiers: readonly (Tier | undefined)[]): Stack =>
    new Stack(
      tiers.filter(tier => tier !== undefined),
      clock,
      (tier, error) => report({ type: 'tier-error', tier, error }),
      purges,
    )
  const local = stackOf(memory, files)
  const redis = resolved.redis && sharedTier(resolved.redis, { memory, local, flights, purges, clock, report })
  const stored = redis === undefined ? local : stackOf(memory, files, redis)
  const unfiled = redis === undefined ? memory : stackOf(memory, redis)
  const library = new AudioLibrary({
    ...{ locationOf, files, cost: profiles.tts.route.cost },
    storedSecret: () => profiles.tts.files && directorySecret(profiles.tts.files.dir),
    agree: redis && (ours => redis.agreeOnSecret(ours)),
    warnOfPath: warnOfAudioPath(),
  })
  const engine: Engine = {
    tier: unfiled,
    flights,
    waitingRoom: new WaitingRoom(flights),
    keys: new KnownKeys(),
    hits: new KnownHits(),
    dates: new KnownDates(clock),
    putInFront: new PutInFront(),
    unshared: new Unshared(clock, MAX_REMEMBERED),
    nested: new Marks(clock, MAX_REMEMBERED),
    lastRefusals: new LastRefusals(MAX_REMEMBERED),
    backoff: new Backoff(clock, MAX_REMEMBERED),
    detached: new Places(resolved.runs.maxDetached),
    refreshing: new Places(resolved.runs.maxRefreshes),
    refreshes: new WeakMap(),
    room,
    pins,
    clock,
    home: new AsyncResource('Reelcache'),
    showKey: process.env['NODE_ENV'] !== 'production',
    isClosed: () => isClosed,
    report,
    locate: answer => library.urlOf(answer),
    asOf: redis && (() => redis.asOf),
    leases: undefined,
    invalidate: tags => invalidate(unfiled, tags),
  }
  const dear: Engine = { ...engine, leases: redis?.leases }
  const speech: Engine = { ...dear, tier: stored, invalidate: tags => invalidate(stored, tags) }
  const engines = { api: engine, enhanced: engine, ai: dear, tts: speech }
  const { files: fileOptions } = profiles.tts
  const monitor = new Monitor({
    ...{ metrics, clock, files, fileOptions, redis, report },
    thresholds: resolved.alerts,
    interval: resolved.alerts.interval,
    isHeard: () => events.isHeard,
  })
  const stats = (): CacheStats => statsOf({ metrics, memory, maxBytes, files, redis, flights }, monitor.alerts)
  const health = (): Health => healthOf(stats())
  const inventory = new Inventory(memory, files, redis)
  const routes = new WeakMap<object, CachedRoute>()
  const purgeAll = async (target: PurgeTarget): Promise<number> => {
    const purged = purge(target, stored, flights)
    if (redis !== undefined && 'key' in target) {
      forgetVariants(memory, target.key)
      await redis.purgeKey(target.key)
    }
    const entries = await purged
    report({ type: 'purged', entries })
    return entries
  }
  const verify = async (): Promise<VerifyReport | undefined> => files?.verify()
  const warmingUp = warmUpFromFiles(memory, files, stored, resolved, closing.signal)
  let isPrepared = false
  // Whoever has no speech wants no directory.
  const prepareFiles = (): void => {
    if (isPrepared || files === undefined) return
    isPrepared = true
    files.prepare().catch((error: unknown) => isClosed || warnOfFiles(profiles.tts.files!.dir, error))
  }
  if (options.tts?.cacheDir !== undefined) prepareFiles()
  const stopSweeping = PROFILES.map(name => sweeping(memory, name, profiles[name].cleanupInterval))

  return {
    ...factories(engines, resolved, routes, traces, (name, given) => {
      warnOfSpan(`cache${name[0]!.toUpperCase()}${name.slice(1)}`, given)
      if (name === 'tts') prepareFiles()
    }),
    ...{ verify, purge: purgeAll, stats, health },
    audioRouter: given => library.router(speech, resolveAudio(given)),
    adminRouter: given =>
      adminRouter(
        {
          ...{ stats, health, verify, tagOfMovie },
          now: () => clock.now(),
          closed: closing.signal,
          history: steps => historyOf(metrics, clock.now(), steps),
          topMovies: () => inventory.topMovies(),
          find: key => inventory.find(key),
          list: (lookup, page) => inventory.list(lookup, page),
          noteOf: key => journal.of(key),
          routeOf: middleware => (typeof middleware === 'function' ? routes.get(middleware) : undefined),
          purge: target => purgeAll(target as PurgeTarget),
        },
        resolveAdmin(given),
      ),
    async warm(app, requests, given) {
      checkWarm(app, requests)
      const limits = resolveWarm(given)
      const signal = AbortSignal.any([closing.signal, ...(limits.signal === undefined ? [] : [limits.signal])])
      // What files or machines share is not looked for there: they hold far more.
      const kept = new Kept(key => memory.has(key) || redis !== undefined || (files && profileOf(key)) === 'tts')
      const isBeingMade = (key: string): boolean => flights.leader(key) !== undefined
      const send = sendThrough(app, { traces, isBeingMade, onStored: kept.add })
      const warmed = await warm(send, requests, { ...limits, signal })
      const report = { ...warmed, kept: kept.count() }
      for (const [name, dropped] of kept.dropped) warnOfOverflow(name, dropped, profiles[name].maxEntries)
      return report
    },
    warmedUp: () => awaited(warmingUp),
    on(_name, listener) {
      events.on(listener)
      return this
    },
    off(_name, listener) {
      events.off(listener)
      return this
    },
    async close() {
      isClosed = true
      closing.abort()
      stopSweeping.forEach(stop => stop())
      monitor.stop()
      journal.clear()
      flights.fence(() => true)
      await warmingUp
      memory.clear()
      await stored.close()
    },
  }
}

const sweeping = (memory: MemoryTier, profile: ProfileName, span: Milliseconds): (() => void) =>
  repeat(memory, span, held => held.sweep(profile))

function makeFiles(
  { profiles, clock, redis }: ResolvedOptions,
  { report, isOutdated, hold }: Required<Pick<FileOptions, 'report' | 'isOutdated' | 'hold'>>,
): FileTier | undefined {
  const { files, mostEntryBytes } = profiles.tts
  if (files === undefined) return undefined
  const { dir, maxBytes, minFreeBytes, ttl } = files
  return new FileTier({
    dir,
    maxBytes,
    maxEntryBytes: mostEntryBytes,
    ...(minFreeBytes !== undefined && { minFreeBytes }),
    ...(ttl !== undefined && { ttl }),
    ...(redis !== undefined && { isOutdated }),
    clock,
    report,
    hold,
  })
}

async function warmUpFromFiles(
  memory: MemoryTier,
  files: FileTier | undefined,
  stored: Stack,
  { profiles: { tts }, maxBytes: memoryBytes }: ResolvedOptions,
  signal: AbortSignal,
): Promise<WarmUpReport | undefined> {
  const { warmUpBytes: maxBytes, warmUpTime: maxTime } = tts.files ?? { warmUpBytes: 0, warmUpTime: 0 }
  if (files === undefined || maxBytes === 0) return undefined
  return warmUp(memory, files, stored, { maxBytes, maxTime, memoryBytes, memoryEntries: tts.maxEntries }, signal)
}

/** The factories of one cache; `routes` learns which middleware is whose. */
function factories(
  engines: Readonly<Record<ProfileName, Engine>>,
  { profiles }: ResolvedOptions,
  routes: WeakMap<object, CachedRoute>,
  traces: Traces,
  onRoute: (profile: ProfileName, options: RouteOptions | undefined) => void,
): Factories {
  const make =
    (profile: ProfileName) =>
    (options?: RouteOptions): CacheHandler => {
      const policy = new Policy(withCheckedAnswers(factoryOf(profile), resolveRoute(profiles[profile], options)))
      onRoute(profile, options)
      const engine = engines[profile]
      const handler = traced(cacheMiddleware(engine, profile, policy), traces)
      routes.set(handler, { profile, lookUp: req => lookUpOf(askedBy(req), profile, policy, engine.keys) })
      return handler
    }
  return { cacheApi: make('api'), cacheEnhanced: make('enhanced'), cacheAi: make('ai'), cacheTts: make('tts') }
}
