import { resolve } from 'node:path'
import type { Request } from 'express'
import { ReelcacheError } from './errors.js'
import { PROFILES, type Clock, type Milliseconds, type ProfileName } from './core/types.js'
import { LARGEST_ENTRY_SHARE } from './core/entry.js'
import { SteadyClock } from './core/steady-clock.js'
import { hintFor, isRequest, meantName, spanIn, written } from './option-hints.js'

/** Which fields of a query or of a body belong to the key: `only` these, or all but those to `ignore`. */
export type FieldFilter = { readonly only: readonly string[] } | { readonly ignore: readonly string[] }

/** Which top-level fields of a body belong to the key. */
export type BodyFilter =
  | { readonly only: readonly string[] }
  | {
      /** These change nothing in the answer. */
      readonly ignore: readonly string[]
      /** What an absent field means: leaving it out and writing it make one key. */
      readonly defaults?: Readonly<Record<string, string | number | boolean>>
      /** With one of these fields in its body a request goes past the cache. */
      readonly bypass?: readonly string[]
    }

/** Options of one route; each may also stand in a profile, as the default of that profile's routes. */
export interface RouteOptions {
  /** Milliseconds an answer stays fresh when its own headers do not say. 0: only the handler's explicit freshness counts. Default: the profile's. */
  ttl?: Milliseconds
  /** Names the movie that a request is about; a list names one when it has one member. Called before the handler; under `app.use`, where no router has set `req.params` yet, called again when the handler answers. Default: `params.movieId`, `params.id`, then `movieId`, `tmdbId`, `imdbId` in query or body. */
  movieId?: (req: Request) => string | number | readonly string[] | null | undefined
  /** Adds what it returns to the key: text, number, or plain data. With it, requests with credentials are looked up too: return the identity. Default: nothing. */
  key?: (req: Request) => unknown
  /** Which methods are looked up, of `GET` (and with it `HEAD`) and `POST`. The others reach their handler each time. Default: GET, and POST on a route for it (`app.post`, `app.all`), not under `app.use`. */
  methods?: readonly ('GET' | 'POST')[]
  /** Request headers whose values belong to the key. Default: none. */
  vary?: readonly string[]
  /** Query parameters in the key; the handler sees the same. Tracking parameters are never among them. Default: all. */
  query?: FieldFilter
  /** Top-level body fields in the key; ready-made: `openaiChat`, `openaiSpeech`, `elevenLabs`, `googleSpeech`. Default: all. */
  body?: BodyFilter
  /** Cookies that change nothing in the answer, beside the well-known analytics and consent cookies; `*` at the end matches any rest; `true`: all. Default: none. */
  ignoreCookies?: readonly string[] | true
  /** Request headers that change nothing in the answer: the handler may read them although they are not in the key. `true`: all. Default: none. */
  ignoreHeaders?: readonly string[] | true
  /** Properties of the request and its connection that change nothing in the answer, such as `ip`, `httpVersion`, `socket.remoteAddress`, or `socket` for all of it. `true`: all. Default: none. */
  ignoreProperties?: readonly string[] | true
  /** Sends a request past the cache when it returns true, and lets it in when it returns false. Default: none. */
  bypass?: (req: Request) => boolean
  /** Milliseconds a 404 or 410 stays fresh when its own headers do not say. 0: not stored. Default: 0. */
  negativeTtl?: Milliseconds
  /** Bytes of body above which an answer passes through without being stored. Default: an eighth of `memory.maxBytes`; tts with files 16 MiB. */
  maxEntryBytes?: number
  /** Milliseconds a request waits for an equal one that is under way, before it runs the handler itself. Default: 5,000; ai and tts 30,000. */
  lockTimeout?: Milliseconds
  /** Part of `ttl`, 0 to 1, that is taken off by chance, so that answers made together do not expire together. Default: 0. */
  ttlJitter?: number
  /** Milliseconds a stale answer is sent at once while it is refreshed in the background (RFC 5861); the handler's own directive wins. Default: 0; enhanced 600,000. */
  staleWhileRevalidate?: Milliseconds
  /** Milliseconds a stale answer is sent where the handler fails (5xx, error, cut off, too slow); the handler's own directive wins. Default: 0; enhanced and ai 3,600,000. */
  staleIfError?: Milliseconds
  /** Milliseconds after which a handler counts as failed where a stale answer can be sent instead. Default: 10,000; ai and tts 30,000. */
  handlerTimeout?: Milliseconds
  /** Goes on with an answer whose client has left, and keeps it: what is paid for is not thrown away. Default: false; ai and tts true. */
  ignoreClientAbort?: boolean
  /** Says whether a body is whole: `true`, or a promise of it within `lockTimeout`; everything else is a no. Default: an event stream of ai ends with `data: [DONE]` or `message_stop`; everything else that was ended is. */
  complete?: (body: Buffer) => boolean | Promise<boolean>
  /** Milliseconds between two chunks of an event stream that is replayed. Default: 0. */
  pace?: Milliseconds
  /** What an unsafe method that succeeds throws out: the stored answers of its URL (RFC 9111 section 4.4), or all of its movie. Default: 'url'. */
  invalidate?: 'url' | 'movie'
  /** What one run of the handler costs, in your currency: `stats()` says what hits have saved. Default: 0. */
  cost?: number
}

/** Options of a profile: its share of memory, and defaults for its routes. */
export interface ProfileOptions extends RouteOptions {
  /** Entries the profile holds in memory. Default: the profile's. */
  maxSize?: number
  /** Milliseconds between two sweeps of what has expired. Default: 300,000. */
  cleanupInterval?: Milliseconds
}

/** Options of the speech profile. */
export interface TtsOptions extends RouteOptions {
  /** Entries the profile holds in memory. Default: 50. */
  maxMemorySize?: number
  /** Milliseconds between two sweeps of what has expired. Default: 300,000. */
  cleanupInterval?: Milliseconds
  /** Keep audio in files too. Default: true. */
  fileCache?: boolean
  /** The directory of those files, from the working directory of the process. Default: 'cache/tts'. */
  cacheDir?: string
  /** Milliseconds after which a file is out of date, whatever room there is. Default: none, the budget rules. */
  fileTtl?: Milliseconds
  /** Bytes the files may take on the disk together, of all processes that share the directory: whole blocks, and 8 KiB for the folders of each entry, so that there is at most one entry for each 16 KiB. Default: 1,073,741,824 (1 GiB). */
  fileMaxBytes?: number
  /** Bytes that stay free on the file system, and unless 0 also 5 % of its inodes, 65,536 at most. Default: 64 MiB, on a small file system 5 % of it. */
  fileMinFreeBytes?: number
  /** Bytes of the audio used last that are read from files into memory at start. 0: none. Default: 0. */
  warmUpBytes?: number
  /** Milliseconds after which that ends, with what it has come to. Default: 5,000. */
  warmUpTime?: Milliseconds
}

/** What all profiles share. */
export interface MemoryBudget {
  /** Bytes that bodies, headers, keys and overhead of all profiles may take together. Default: 67,108,864 (64 MiB). */
  maxBytes?: number
}

/** Runs of handlers that no client waits for. */
export interface RunOptions {
  /** Handlers that may run on at one time after their clients have left, or have been sent a stale response. The others end with their clients. Default: 32. */
  maxDetached?: number
  /** Stale entries that are refreshed in the background at one time. The others are served stale until their turn comes. Default: 32. */
  maxRefreshes?: number
}

/** A client of node-redis (`createClient`, `createCluster`) or ioredis (`Redis`, `Cluster`), version 5 or later. */
export interface RedisClient {
  duplicate(...settings: never[]): unknown
}

/** A store that several machines share. */
export interface RedisOptions {
  /** Says where the store is, and who is asking: connections of the cache's own are made like it; it need not be connected itself, and is left as it is. Must be given. Default: none. */
  client: RedisClient
  /** What all names in the store begin with; caches with the same prefix share what they hold. Default: 'reelcache:'. */
  prefix?: string
  /** Milliseconds a command may take; after that the app runs as without the store until it answers again. Default: 50. */
  timeout?: Milliseconds
  /** Bytes of body above which an answer is not put into the store. Default: 1,048,576 (1 MiB). */
  maxEntryBytes?: number
  /** Milliseconds for which a machine that makes an answer of ai or tts has the right to; renewed while it does. Default: 10,000. */
  lease?: Milliseconds
}

/** From where on `health()`, `stats()` and events raise alerts; each is cleared at nine tenths of it. */
export interface AlertOptions {
  /** Part of V8's heap limit that is used. Default: 0.8. */
  heap?: number
  /** Part of V8's heap limit from which on `health()` says `failing`. Default: 0.95. */
  heapCritical?: number
  /** Part of the evictions of five minutes that came within a minute of the storing. Default: 0.5. */
  thrashing?: number
  /** Part that the hit rate of five minutes is below that of the hour. Default: 0.5. */
  hitRateFall?: number
  /** Raise the alert when stale answers hid this many handler failures within five minutes. Default: 5. */
  coveredErrors?: number
  /** Milliseconds that the event loop is late, at the 99th percentile. Default: 100. */
  eventLoopDelay?: Milliseconds
  /** Part of `fileMaxBytes` that is taken. Default: 0.95. */
  filesFull?: number
  /** Bytes that should be free on the file system of `cacheDir`. Default: twice `fileMinFreeBytes`. */
  diskFree?: number
  /** Milliseconds between two looks, beside those of `health()` and `stats()`. Default: 15,000. */
  interval?: Milliseconds
}

/** The argument of `createCache`. */
export interface CacheOptions {
  /** Plain JSON. */
  api?: ProfileOptions
  /** JSON made from several sources. */
  enhanced?: ProfileOptions
  /** Text from a model. */
  ai?: ProfileOptions
  /** Speech. */
  tts?: TtsOptions
  /** The budget all profiles draw on. */
  memory?: MemoryBudget
  /** How many handlers may run without a client. */
  runs?: RunOptions
  /** The store that several machines share. Default: none. */
  redis?: RedisOptions
  /** Where the time is read. Default: the time of the machine, without its jumps backwards. */
  clock?: Clock
  /** When somebody should look. */
  alerts?: AlertOptions
}

/** A profile's options with nothing left open. */
export interface ResolvedProfile {
  readonly name: ProfileName
  readonly maxEntries: number
  readonly cleanupInterval: Milliseconds
  /** Bytes that `maxEntryBytes` of a route may not pass. */
  readonly mostEntryBytes: number
  readonly route: ResolvedRoute
  /** Where its entries survive a restart; undefined for none. */
  readonly files: ResolvedFiles | undefined
}

export interface ResolvedFiles {
  readonly dir: string
  readonly maxBytes: number
  readonly minFreeBytes: number | undefined
  readonly ttl: Milliseconds | undefined
  readonly warmUpBytes: number
  readonly warmUpTime: Milliseconds
}

export type ResolvedRedis = Readonly<Required<RedisOptions>>

type Optional = 'methods' | 'movieId' | 'key' | 'query' | 'body' | 'bypass' | 'complete'

/** A route's options with nothing left open that has a default. */
export type ResolvedRoute = Readonly<Required<Omit<RouteOptions, Optional>>> & Readonly<Pick<RouteOptions, Optional>>

/** Thresholds with nothing left open, but for the one that depends on the file system. */
export type ResolvedAlerts = Readonly<Required<Omit<AlertOptions, 'diskFree'>>> & {
  readonly diskFree: number | undefined
}

export interface ResolvedOptions {
  readonly profiles: Readonly<Record<ProfileName, ResolvedProfile>>
  readonly maxBytes: number
  readonly runs: Readonly<Required<RunOptions>>
  /** Undefined: this machine is alone. */
  readonly redis: ResolvedRedis | undefined
  readonly alerts: ResolvedAlerts
  readonly clock: Clock
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024
const DEFAULT_FILE_MAX_BYTES = 1024 * 1024 * 1024
/** Six minutes of plain WAV: more than speech services make of one request. */
const DEFAULT_FILE_ENTRY_BYTES = 16 * 1024 * 1024
const MOST_FILE_ENTRY_BYTES = 64 * 1024 * 1024
const DEFAULT_CLEANUP_INTERVAL = 300_000
const DEFAULT_WARM_UP_TIME = 5_000
const MIN_MAX_BYTES = 64 * 1024
/** Node cuts a longer timer to one millisecond. */
export const LONGEST_TIMER = 2 ** 31 - 1

const COMMON = {
  vary: [],
  ignoreCookies: [],
  ignoreHeaders: [],
  ignoreProperties: [],
  negativeTtl: 0,
  ttlJitter: 0,
  pace: 0,
  invalidate: 'url',
  cost: 0,
} as const

const ALERT_DEFAULTS: ResolvedAlerts = {
  ...{ heap: 0.8, heapCritical: 0.95, thrashing: 0.5, hitRateFall: 0.5, coveredErrors: 5, eventLoopDelay: 100 },
  ...{ filesFull: 0.95, diskFree: undefined, interval: 15_000 },
}

const RUN_DEFAULTS = { maxDetached: 32, maxRefreshes: 32 }

const REDIS_DEFAULTS = { prefix: 'reelcache:', timeout: 50, maxEntryBytes: 1024 * 1024, lease: 10_000 }

const MAX_ENTRIES: Readonly<Record<ProfileName, number>> = { api: 100, enhanced: 200, ai: 50, tts: 50 }

/** JSON: quick to make. */
const QUICK = { lockTimeout: 5_000, handlerTimeout: 10_000, ignoreClientAbort: false }
/** Text and speech of a model: slow, and paid for. */
const DEAR = { lockTimeout: 30_000, handlerTimeout: 30_000, ignoreClientAbort: true }
const NEVER_STALE = { staleWhileRevalidate: 0, staleIfError: 0 }

const ROUTE_DEFAULTS: Readonly<Record<ProfileName, Omit<ResolvedRoute, 'maxEntryBytes'>>> = {
  api: { ...COMMON, ...QUICK, ...NEVER_STALE, ttl: 300_000 },
  enhanced: { ...COMMON, ...QUICK, ttl: 600_000, staleWhileRevalidate: 600_000, staleIfError: 3_600_000 },
  ai: { ...COMMON, ...DEAR, ttl: 1_800_000, staleWhileRevalidate: 0, staleIfError: 3_600_000 },
  tts: { ...COMMON, ...DEAR, ...NEVER_STALE, ttl: 3_600_000 },
}

/** What a value must be, as a sentence for the error, or undefined when it is right. */
export type Check = (value: unknown) => string | undefined

const isNumber = (value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): value is number =>
  typeof value === 'number' && value >= least && value <= most

const milliseconds: Check = value =>
  isNumber(value, 0) ? undefined : `a number of milliseconds, 0 or more (${spanExample(value)})`
const timer: Check = value =>
  isNumber(value, 1, LONGEST_TIMER)
    ? undefined
    : `a number of milliseconds from 1 to ${LONGEST_TIMER} (${spanExample(value)})`
/** Whoever wrote a span as a text sees that span. */
const spanExample = (value: unknown): string => {
  const span = typeof value === 'string' ? spanIn(value) : undefined
  return span === undefined ? 'five minutes: 300_000' : `${JSON.stringify(value)}: ${written(span)}`
}
const pause: Check = value =>
  isNumber(value, 0, 60_000) ? undefined : 'a number of milliseconds from 0 to 60_000 (a tenth of a second: 100)'
const share: Check = value => (isNumber(value, 0, 1) ? undefined : 'a number from 0 to 1 (a tenth: 0.1)')
const extent: Check = value => (value === 'url' || value === 'movie' ? undefined : "'url' or 'movie'")
const threshold: Check = value =>
  isNumber(value, 0, 1) && value > 0 ? undefined : 'a number above 0, up to 1 (four fifths: 0.8)'
const price: Check = value =>
  isNumber(value, 0) ? undefined : 'what one run costs, a number, 0 or more (a tenth of a cent: 0.001)'
const times: Check = value => (isNumber(value, 1) ? undefined : 'a number, 1 or more')
const count: Check = value =>
  isNumber(value, 1, 16_777_216) && Number.isInteger(value) ? undefined : 'a whole number of entries, 1 to 16,777,216'
const runs: Check = value =>
  isNumber(value, 0, 1_000_000) && Number.isInteger(value) ? undefined : 'a whole number of runs, 0 to 1,000,000'
const bytes: Check = value =>
  isNumber(value, 1) && Number.isInteger(value) ? undefined : 'a whole number of bytes, 1 or more (1 MiB: 1_048_576)'
const bytesOrNone: Check = value =>
  isNumber(value, 0) && Number.isInteger(value) ? undefined : 'a whole number of bytes, 0 or more (1 MiB: 1_048_576)'
const callback: Check = value => (typeof value === 'function' ? undefined : 'a function')
/** Asked while a request is looked up, which waits for nothing. */
const callbackAtOnce: Check = value =>
  typeof value === 'function' && isAsync(value)
    ? 'a function that answers at once (await in middleware in front, and leave the result on the request)'
    : callback(value)
const flag: Check = value => (typeof value === 'boolean' ? undefined : 'true or false')
const text: Check = value => (typeof value === 'string' && value !== '' ? undefined : 'a text that is not empty')

const areTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every(item => typeof item === 'string' && item !== '')
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const headerNames: Check = value =>
  areTexts(value) && value.every(name => TOKEN.test(name) && name !== '*')
    ? undefined
    : "a list of request header names, such as ['accept-language']"
const lookedUpMethods: Check = value =>
  areTexts(value) && value.length > 0 && value.every(name => name === 'GET' || name === 'POST')
    ? undefined
    : "['GET'], ['POST'] or ['GET', 'POST'] (HEAD goes with GET)"
const cookieNames: Check = value =>
  value === true || areTexts(value) ? undefined : "true, or a list of cookie names such as ['theme', 'ab_*']"
const ignoredHeaders: Check = value =>
  value === true || headerNames(value) === undefined
    ? undefined
    : "true, or a list of request header names such as ['user-agent']"
const propertyNames: Check = value =>
  value === true || areTexts(value)
    ? undefined
    : "true, or a list of property names such as ['ip', 'socket.remoteAddress']"
const fieldFilter: Check = value => {
  const [name, ...others] = isRecord(value) ? Object.keys(value) : []
  const right =
    (name === 'only' || name === 'ignore') && others.length === 0 && areTexts(Object.values(value as object)[0])
  return right ? undefined : "{ only: ['page'] } or { ignore: ['session'] }"
}
const bodyFilter: Check = value => {
  if (fieldFilter(value) === undefined) return undefined
  const { ignore, defaults = {}, bypass = [], ...others } = isRecord(value) ? value : {}
  const isRight =
    [ignore, bypass].every(areTexts) &&
    isRecord(defaults) &&
    Object.values(defaults).every(one => ['string', 'number', 'boolean'].includes(typeof one)) &&
    Object.keys(others).length === 0
  return isRight ? undefined : "{ only: ['text'] } or { ignore: ['user'], defaults: { speed: 1 }, bypass: ['history'] }"
}
const redisClient: Check = value =>
  isRecord(value) && ['duplicate', 'sendCommand', 'on'].every(name => typeof value[name] === 'function')
    ? undefined
    : "a client of node-redis or ioredis: createClient({ url: 'redis://localhost' }), or new Redis({ lazyConnect: true })"
const clock: Check = value =>
  isRecord(value) && typeof value['now'] === 'function' && !isAsync(value['now'])
    ? undefined
    : 'an object with now(), in milliseconds'

const ROUTE_CHECKS: Readonly<Record<keyof RouteOptions, Check>> = {
  ttl: milliseconds,
  movieId: callbackAtOnce,
  key: callbackAtOnce,
  vary: headerNames,
  query: fieldFilter,
  body: bodyFilter,
  ignoreCookies: cookieNames,
  ignoreHeaders: ignoredHeaders,
  ignoreProperties: propertyNames,
  methods: lookedUpMethods,
  bypass: callbackAtOnce,
  negativeTtl: milliseconds,
  maxEntryBytes: bytes,
  lockTimeout: timer,
  ttlJitter: share,
  staleWhileRevalidate: milliseconds,
  staleIfError: milliseconds,
  handlerTimeout: timer,
  ignoreClientAbort: flag,
  complete: callback,
  pace: pause,
  invalidate: extent,
  cost: price,
}
const PROFILE_CHECKS: Readonly<Record<keyof ProfileOptions, Check>> = {
  ...ROUTE_CHECKS,
  maxSize: count,
  cleanupInterval: timer,
}
const TTS_CHECKS: Readonly<Record<keyof TtsOptions, Check>> = {
  ...ROUTE_CHECKS,
  maxMemorySize: count,
  cleanupInterval: timer,
  fileCache: flag,
  cacheDir: text,
  fileTtl: milliseconds,
  fileMaxBytes: bytes,
  fileMinFreeBytes: bytesOrNone,
  warmUpBytes: bytesOrNone,
  warmUpTime: timer,
}
const MEMORY_CHECKS: Readonly<Record<keyof MemoryBudget, Check>> = { maxBytes: bytes }
const RUN_CHECKS: Readonly<Record<keyof RunOptions, Check>> = { maxDetached: runs, maxRefreshes: runs }
const REDIS_CHECKS: Readonly<Record<keyof RedisOptions, Check>> = {
  client: redisClient,
  prefix: text,
  timeout: timer,
  maxEntryBytes: bytes,
  lease: timer,
}
const ALERT_CHECKS: Readonly<Record<keyof AlertOptions, Check>> = {
  heap: threshold,
  heapCritical: threshold,
  thrashing: threshold,
  hitRateFall: threshold,
  coveredErrors: times,
  eventLoopDelay: timer,
  filesFull: threshold,
  diskFree: bytesOrNone,
  interval: timer,
}
const section: Check = value => (isRecord(value) ? undefined : 'an object of options')
const CACHE_CHECKS: Readonly<Record<keyof CacheOptions, Check>> = {
  api: section,
  enhanced: section,
  ai: section,
  tts: section,
  memory: section,
  runs: section,
  redis: section,
  clock,
  alerts: section,
}

/** Validates the options of `createCache` and fills in the defaults. Throws `ReelcacheError`. */
export function resolveOptions(options: CacheOptions = {}): ResolvedOptions {
  check('createCache', options, CACHE_CHECKS, name => {
    const profile = Object.hasOwn(PROFILE_CHECKS, name) ? 'api' : Object.hasOwn(TTS_CHECKS, name) ? 'tts' : undefined
    return profile && `it belongs to a profile: createCache({ ${profile}: { ${name}: … } })`
  })
  check('memory', options.memory, MEMORY_CHECKS)
  check('runs', options.runs, RUN_CHECKS)
  const maxBytes = options.memory?.maxBytes ?? DEFAULT_MAX_BYTES
  if (maxBytes < MIN_MAX_BYTES) throw tooSmall('memory.maxBytes', maxBytes, DEFAULT_MAX_BYTES)
  const profiles = Object.fromEntries(PROFILES.map(name => [name, resolveProfile(name, options[name], maxBytes)]))
  return {
    profiles: profiles as Record<ProfileName, ResolvedProfile>,
    maxBytes,
    runs: { ...RUN_DEFAULTS, ...withoutUndefined(options.runs ?? {}) },
    redis: resolveRedis(options.redis),
    alerts: resolveAlerts(options.alerts),
    clock: options.clock ?? new SteadyClock(),
  }
}

function resolveRedis(options: RedisOptions | undefined): ResolvedRedis | undefined {
  if (options === undefined) return undefined
  check('redis', options, REDIS_CHECKS)
  const wanted = redisClient(options.client)
  if (wanted !== undefined) {
    throw new ReelcacheError('ERR_REELCACHE_INVALID_OPTION', `redis.client is ${show(options.client)}: write ${wanted}`)
  }
  return { ...REDIS_DEFAULTS, client: options.client, ...withoutUndefined(options) }
}

function resolveAlerts(options: AlertOptions = {}): ResolvedAlerts {
  check('alerts', options, ALERT_CHECKS)
  return { ...ALERT_DEFAULTS, ...withoutUndefined(options) }
}

function resolveProfile(
  name: ProfileName,
  options: ProfileOptions & TtsOptions = {},
  maxBytes: number,
): ResolvedProfile {
  check(name, options, name === 'tts' ? TTS_CHECKS : PROFILE_CHECKS)
  const { maxSize, maxMemorySize, cleanupInterval, ...others } = options
  const { fileCache, cacheDir: _dir, fileTtl: _ttl, fileMaxBytes: _max, fileMinFreeBytes: _free, ...rest } = others
  const { warmUpBytes: _bytes, warmUpTime: _time, ...route } = rest
  const files = name === 'tts' && fileCache !== false ? resolveFiles(others) : undefined
  const inMemory = Math.floor(maxBytes * LARGEST_ENTRY_SHARE)
  const base: ResolvedRoute = {
    ...ROUTE_DEFAULTS[name],
    maxEntryBytes: Math.max(inMemory, Math.min(files?.maxBytes ?? 0, DEFAULT_FILE_ENTRY_BYTES)),
  }
  // While an answer is made its copy is in memory, files or not.
  const mostEntryBytes = Math.max(inMemory, Math.min(files?.maxBytes ?? 0, MOST_FILE_ENTRY_BYTES))
  return {
    name,
    maxEntries: maxSize ?? maxMemorySize ?? MAX_ENTRIES[name],
    cleanupInterval: cleanupInterval ?? DEFAULT_CLEANUP_INTERVAL,
    mostEntryBytes,
    route: withRoute(name, base, route, mostEntryBytes),
    files,
  }
}

function resolveFiles({ cacheDir, fileTtl, fileMaxBytes, fileMinFreeBytes, ...warmUp }: TtsOptions): ResolvedFiles {
  const maxBytes = fileMaxBytes ?? DEFAULT_FILE_MAX_BYTES
  if (maxBytes < MIN_MAX_BYTES) throw tooSmall('tts.fileMaxBytes', maxBytes, DEFAULT_FILE_MAX_BYTES)
  const { warmUpBytes = 0, warmUpTime = DEFAULT_WARM_UP_TIME } = warmUp
  const dir = resolve(cacheDir ?? 'cache/tts')
  return { dir, maxBytes, minFreeBytes: fileMinFreeBytes, ttl: fileTtl, warmUpBytes, warmUpTime }
}

const tooSmall = (where: string, value: number, standard: number): ReelcacheError =>
  new ReelcacheError(
    'ERR_REELCACHE_BUDGET_TOO_SMALL',
    `${where} is ${value}: too small for one entry; write ${MIN_MAX_BYTES} or more (default ${standard})`,
  )

/** Who may look at the cache and change it, and under which names it is reached. */
export interface AdminOptions {
  /** Says who may: `true`, or a promise of it; everything else is a no. Must be given. Default: none. */
  authorize: (req: Request) => boolean | Promise<boolean>
  /** Host names under which the router is reached, beside `localhost` and addresses. Default: none. */
  hosts?: readonly string[]
}

/** Where audio is played. */
export interface AudioOptions {
  /** The whole path that clients ask for, such as '/api/audio'. Needed where the router is in an `express.Router`, which does not tell it; an app does. Default: where an app mounts it. */
  path?: string
}

export type ResolvedAdmin = Readonly<Required<AdminOptions>>

const HOST = /^[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?(?::[0-9]{1,5})?$/i
const hostNames: Check = value =>
  areTexts(value) && value.every(name => HOST.test(name))
    ? undefined
    : "a list of host names, such as ['admin.example.org']"
const ADMIN_CHECKS: Readonly<Record<keyof AdminOptions, Check>> = { authorize: callback, hosts: hostNames }

const urlPath: Check = value =>
  typeof value === 'string' && /^\/(?![/\\])[\w.~!$&'()*+,;=:@%/-]*$/.test(value)
    ? undefined
    : "the path that clients ask for, such as '/api/audio'"
const AUDIO_CHECKS: Readonly<Record<keyof AudioOptions, Check>> = { path: urlPath }

/** Validates the options of `audioRouter`, and answers the path. Throws `ReelcacheError`. */
export function resolveAudio(options: AudioOptions = {}): string | undefined {
  check('audioRouter', options, AUDIO_CHECKS)
  return options.path
}

/** Validates the options of `adminRouter`. Throws `ReelcacheError`. */
export function resolveAdmin(options: AdminOptions): ResolvedAdmin {
  check('adminRouter', options, ADMIN_CHECKS)
  if (typeof (options as Partial<AdminOptions> | undefined)?.authorize !== 'function') {
    throw new ReelcacheError(
      'ERR_REELCACHE_INVALID_OPTION',
      'adminRouter has no guard: write adminRouter({ authorize: req => … }), and answer true to those who may',
    )
  }
  return { authorize: options.authorize, hosts: (options.hosts ?? []).map(name => name.toLowerCase()) }
}

/** Validates the options of one route and lays them over the profile's. Throws `ReelcacheError`. */
export function resolveRoute(profile: ResolvedProfile, options: RouteOptions = {}): ResolvedRoute {
  const where = `cache${profile.name[0]!.toUpperCase()}${profile.name.slice(1)}`
  checkIsOptions(where, options)
  check(where, options, ROUTE_CHECKS, name => {
    const ofProfile = Object.keys(profile.name === 'tts' ? TTS_CHECKS : PROFILE_CHECKS)
    const meant = ofProfile.includes(name) ? name : meantName(name, ofProfile)
    if (meant === undefined || Object.hasOwn(ROUTE_CHECKS, meant)) return undefined
    const instead = meant === name ? '' : `did you mean "${meant}"? `
    return `${instead}it belongs to the profile: createCache({ ${profile.name}: { ${meant}: … } })`
  })
  return withRoute(where, profile.route, options, profile.mostEntryBytes)
}

/** What people write who know another cache, or who forgot to call the factory. */
function checkIsOptions(factory: string, given: unknown): void {
  if (isRecord(given) && isRequest(given)) {
    throw new ReelcacheError(
      'ERR_REELCACHE_INVALID_OPTION',
      `${factory} was given a request: it makes the middleware, so write app.use(${factory}())`,
    )
  }
  const hint = isRecord(given) ? undefined : hintFor(given, factory)
  if (hint === undefined) return
  throw new ReelcacheError(
    'ERR_REELCACHE_INVALID_OPTION',
    `${factory} takes an object of options, not ${show(given)}: ${hint}`,
  )
}

function withRoute(where: string, base: ResolvedRoute, options: RouteOptions, mostEntryBytes: number): ResolvedRoute {
  const route = {
    ...base,
    ...withoutUndefined(options),
    vary: (options.vary ?? base.vary).map(name => name.toLowerCase()).sort(),
    ignoreHeaders: inLowerCase(options.ignoreHeaders ?? base.ignoreHeaders),
  }
  if (route.maxEntryBytes > mostEntryBytes) {
    throw new ReelcacheError(
      'ERR_REELCACHE_BUDGET_TOO_SMALL',
      `${where}.maxEntryBytes is ${route.maxEntryBytes}: write ${mostEntryBytes} or less, ` +
        'which is an eighth of memory.maxBytes (with files also up to 64 MiB, within fileMaxBytes), or a larger budget',
    )
  }
  return route
}

const inLowerCase = (names: readonly string[] | true): readonly string[] | true =>
  names === true || names.map(name => name.toLowerCase())

/** What was left open on purpose is left open. */
const withoutUndefined = (options: object) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

/** Throws `ReelcacheError` where an option is unknown, or not what it must be. */
export function check(
  where: string,
  options: unknown,
  checks: Readonly<Record<string, Check>>,
  hint: (name: string) => string | undefined = () => undefined,
): void {
  if (options === undefined) return
  if (!isRecord(options)) {
    throw new ReelcacheError(
      'ERR_REELCACHE_INVALID_OPTION',
      `${where} takes an object of options, not ${show(options)}`,
    )
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name)) {
      const names = Object.keys(checks)
      const meant = meantName(name, names)
      const instead = meant === undefined ? '' : `did you mean "${meant}"? Or `
      throw new ReelcacheError(
        'ERR_REELCACHE_UNKNOWN_OPTION',
        `${where} has no option "${name}": ${hint(name) ?? `${instead}write one of ${names.join(', ')}`}`,
      )
    }
    const wanted = value === undefined ? undefined : checks[name]!(value)
    if (wanted !== undefined) {
      throw new ReelcacheError('ERR_REELCACHE_INVALID_OPTION', `${where}.${name} is ${show(value)}: write ${wanted}`)
    }
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Also generators: calling one begins something that ends later. */
const isAsync = (value: object): boolean => /^\[object (?:Async|Generator)/.test(Object.prototype.toString.call(value))

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  return typeof value === 'function' ? (isAsync(value) ? 'an async function' : 'a function') : String(value)
}
