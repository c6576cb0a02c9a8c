import { resolve } from 'node:path'
import { ReelcacheError } from '../lib/errors.js'
import { createCache, type CacheOptions, type RouteOptions } from '../lib/index.js'
import { resolveOptions, resolveRoute } from '../lib/options.js'

const MiB = 1024 * 1024

function errorOf(make: () => unknown): ReelcacheError {
  try {
    make()
  } catch (error) {
    if (error instanceof ReelcacheError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** The configuration block of the README, as its owner writes it. */
const block: CacheOptions = {
  api: { ttl: 300_000, maxSize: 100, cleanupInterval: 300_000 },
  tts: { ttl: 3_600_000, maxMemorySize: 50, fileCache: true, cacheDir: 'cache/tts' },
  enhanced: { ttl: 600_000, maxSize: 200 },
  ai: { ttl: 1_800_000, maxSize: 50 },
}

const withoutClock = (options?: CacheOptions): object => {
  const { clock: _, ...others } = resolveOptions(options)
  return others
}

describe('the defaults', () => {
  it("are the owner's block, word for word", () => {
    expect(withoutClock(block)).toEqual(withoutClock())
  })

  it('are these', () => {
    const common = { vary: [], ignoreCookies: [], negativeTtl: 0, ttlJitter: 0, pace: 0, invalidate: 'url' }
    const quick = { lockTimeout: 5_000, handlerTimeout: 10_000, ignoreClientAbort: false, maxEntryBytes: 8 * MiB }
    const dear = { lockTimeout: 30_000, handlerTimeout: 30_000, ignoreClientAbort: true, maxEntryBytes: 8 * MiB }
    const stale = (staleWhileRevalidate: number, staleIfError: number) => ({ staleWhileRevalidate, staleIfError })
    const profile = (name: string, maxEntries: number, route: object) => ({
      ...{ name, maxEntries, cleanupInterval: 300_000 },
      route: { ...common, ...route },
    })
    expect(withoutClock()).toMatchObject({
      maxBytes: 64 * MiB,
      profiles: {
        api: profile('api', 100, { ...quick, ...stale(0, 0), ttl: 300_000 }),
        enhanced: profile('enhanced', 200, { ...quick, ...stale(600_000, 3_600_000), ttl: 600_000 }),
        ai: profile('ai', 50, { ...dear, ...stale(0, 3_600_000), ttl: 1_800_000 }),
        tts: {
          // Files take more than an eighth of the memory.
          ...profile('tts', 50, { ...dear, ...stale(0, 0), ttl: 3_600_000, maxEntryBytes: 16 * MiB }),
          files: { dir: resolve('cache/tts'), maxBytes: 1024 * MiB, minFreeBytes: undefined, ttl: undefined },
        },
      },
    })
  })

  it('have the time of the machine', () => {
    const before = Date.now()
    expect(resolveOptions().clock.now() - before).toBeLessThan(60_000)
    expect(resolveOptions().clock.now()).toBeGreaterThanOrEqual(before)
  })

  it('are not erased by undefined, on any level', () => {
    const nothing = { ttl: undefined, vary: undefined, lockTimeout: undefined, maxEntryBytes: undefined }
    const profile = { ...nothing, maxSize: undefined, cleanupInterval: undefined }
    const options = {
      api: profile,
      enhanced: undefined,
      tts: { fileCache: undefined },
      memory: { maxBytes: undefined },
    }
    expect(withoutClock({ ...options, clock: undefined } as never)).toEqual(withoutClock())
    const { profiles } = resolveOptions({ api: { ttl: 1, vary: ['accept'], key: () => 1 } })
    expect(resolveRoute(profiles.api, { ...nothing, key: undefined } as never)).toEqual(profiles.api.route)
  })
})

/** As much of a client as tells that it is one. */
const client = { duplicate: () => client, sendCommand: () => undefined, on: () => client }

describe('an option', () => {
  it.each<[string, CacheOptions]>([
    ['a ttl of nothing', { api: { ttl: 0 } }],
    ['a fraction of a millisecond', { api: { ttl: 0.5 } }],
    ['one entry', { ai: { maxSize: 1 } }],
    ['the longest timer', { api: { cleanupInterval: 2 ** 31 - 1 } }],
    ['the smallest budget', { memory: { maxBytes: 65_536 } }],
    ['an eighth of the budget', { memory: { maxBytes: 8 * MiB }, tts: { maxEntryBytes: MiB } }],
    ['both kinds of filter', { api: { query: { only: ['page'] }, body: { ignore: [] } } }],
    ['a list of methods', { ai: { methods: ['GET', 'POST'] }, tts: { methods: ['POST'] } }],
    ['all cookies', { api: { ignoreCookies: true } }],
    ['no file tier', { tts: { fileCache: false } }],
    ['no room kept free', { tts: { fileMinFreeBytes: 0, fileMaxBytes: 65_536, fileTtl: 0 } }],
    ['an entry that only files take', { memory: { maxBytes: 8 * MiB }, tts: { maxEntryBytes: 64 * MiB } }],
    ['a clock', { clock: { now: () => 0 } }],
    ['a store', { redis: { client, prefix: 'films:', timeout: 1, maxEntryBytes: 1, lease: 1 } }],
    ['functions', { api: { movieId: () => 603, key: () => 'a', bypass: () => false } }],
  ])('may be %s', (_, options) => {
    expect(() => resolveOptions(options)).not.toThrow()
  })

  const time = 'a number of milliseconds, 0 or more (five minutes: 300_000)'
  const timer = 'a number of milliseconds from 1 to 2147483647 (five minutes: 300_000)'
  const entries = 'a whole number of entries, 1 to 16,777,216'
  const bytes = 'a whole number of bytes, 1 or more (1 MiB: 1_048_576)'
  const callback = 'a function'
  const headers = "a list of request header names, such as ['accept-language']"
  const cookies = "true, or a list of cookie names such as ['theme', 'ab_*']"
  const methods = "['GET'], ['POST'] or ['GET', 'POST'] (HEAD goes with GET)"
  const filter = "{ only: ['page'] } or { ignore: ['session'] }"
  const store =
    "a client of node-redis or ioredis: createClient({ url: 'redis://localhost' }), or new Redis({ lazyConnect: true })"
  const body = "{ only: ['text'] } or { ignore: ['user'], defaults: { speed: 1 }, bypass: ['history'] }"

  it.each<[unknown, string]>([
    [{ api: { ttl: -1 } }, `api.ttl is -1: write ${time}`],
    [{ redis: {} }, `redis.client is undefined: write ${store}`],
    [{ redis: { client: 'redis://localhost' } }, `redis.client is "redis://localhost": write ${store}`],
    [{ redis: { client, timeout: 0 } }, `redis.timeout is 0: write ${timer}`],
    [{ redis: { client, prefix: '' } }, 'redis.prefix is "": write a text that is not empty'],
    [{ api: { ttl: NaN } }, `api.ttl is NaN: write ${time}`],
    [{ api: { ttl: Infinity } }, `api.ttl is Infinity: write ${time}`],
    [{ api: { ttl: '5m' } }, `api.ttl is "5m": write ${time.replace('five minutes', '"5m"')}`],
    [{ api: { ttl: null } }, `api.ttl is null: write ${time}`],
    [{ api: { negativeTtl: 10n } }, `api.negativeTtl is 10: write ${time}`],
    [{ api: { lockTimeout: 0 } }, `api.lockTimeout is 0: write ${timer}`],
    [{ api: { handlerTimeout: 0 } }, `api.handlerTimeout is 0: write ${timer}`],
    [{ api: { staleWhileRevalidate: true } }, `api.staleWhileRevalidate is true: write ${time}`],
    [{ api: { staleIfError: -1 } }, `api.staleIfError is -1: write ${time}`],
    [{ api: { ttlJitter: 10 } }, 'api.ttlJitter is 10: write a number from 0 to 1 (a tenth: 0.1)'],
    [{ ai: { pace: -1 } }, 'ai.pace is -1: write a number of milliseconds from 0 to 60_000 (a tenth of a second: 100)'],
    [{ ai: { ignoreClientAbort: 1 } }, 'ai.ignoreClientAbort is 1: write true or false'],
    [{ ai: { complete: 'DONE' } }, `ai.complete is "DONE": write ${callback}`],
    [{ api: { invalidate: 'all' } }, `api.invalidate is "all": write 'url' or 'movie'`],
    [{ ai: { cleanupInterval: 2 ** 31 } }, `ai.cleanupInterval is 2147483648: write ${timer}`],
    [{ ai: { maxSize: 0 } }, `ai.maxSize is 0: write ${entries}`],
    [{ ai: { maxSize: 1.5 } }, `ai.maxSize is 1.5: write ${entries}`],
    [{ tts: { maxMemorySize: 1e9 } }, `tts.maxMemorySize is 1000000000: write ${entries}`],
    [{ tts: { maxEntryBytes: 0 } }, `tts.maxEntryBytes is 0: write ${bytes}`],
    [{ memory: { maxBytes: '64MB' } }, `memory.maxBytes is "64MB": write ${bytes}`],
    [{ tts: { fileCache: 'no' } }, 'tts.fileCache is "no": write true or false'],
    [{ tts: { fileMaxBytes: 0 } }, `tts.fileMaxBytes is 0: write ${bytes}`],
    [{ tts: { fileTtl: -1 } }, `tts.fileTtl is -1: write ${time}`],
    [{ tts: { cacheDir: '' } }, 'tts.cacheDir is "": write a text that is not empty'],
    [{ api: { key: 'user' } }, `api.key is "user": write ${callback}`],
    [{ api: { bypass: true } }, `api.bypass is true: write ${callback}`],
    [{ api: { movieId: 603 } }, `api.movieId is 603: write ${callback}`],
    [{ api: { methods: 'POST' } }, `api.methods is "POST": write ${methods}`],
    [{ api: { methods: [] } }, `api.methods is a list: write ${methods}`],
    [{ api: { methods: ['GET', 'HEAD'] } }, `api.methods is a list: write ${methods}`],
    [{ api: { methods: ['post'] } }, `api.methods is a list: write ${methods}`],
    [{ api: { methods: ['PUT'] } }, `api.methods is a list: write ${methods}`],
    [{ api: { vary: 'accept' } }, `api.vary is "accept": write ${headers}`],
    [{ api: { vary: ['*'] } }, `api.vary is a list: write ${headers}`],
    [{ api: { vary: ['accept language'] } }, `api.vary is a list: write ${headers}`],
    [{ api: { ignoreCookies: false } }, `api.ignoreCookies is false: write ${cookies}`],
    [{ api: { ignoreCookies: [''] } }, `api.ignoreCookies is a list: write ${cookies}`],
    [{ api: { query: ['page'] } }, `api.query is a list: write ${filter}`],
    [{ api: { query: {} } }, `api.query is an object: write ${filter}`],
    [{ api: { body: { only: ['a'], ignore: ['b'] } } }, `api.body is an object: write ${body}`],
    [{ api: { body: () => 1 } }, `api.body is a function: write ${body}`],
    [{ api: { body: { ignore: [], defaults: { a: {} } } } }, `api.body is an object: write ${body}`],
    [{ api: { body: { ignore: [], bypass: 'a' } } }, `api.body is an object: write ${body}`],
    [{ api: { body: { defaults: { a: 1 } } } }, `api.body is an object: write ${body}`],
    [{ api: 300 }, 'createCache.api is 300: write an object of options'],
    [{ tts: [] }, 'createCache.tts is a list: write an object of options'],
    [{ clock: Date.now }, 'createCache.clock is a function: write an object with now(), in milliseconds'],
    [null, 'createCache takes an object of options, not null'],
    ['fast', 'createCache takes an object of options, not "fast"'],
  ])('%p is refused with what to write', (options, sentence) => {
    const error = errorOf(() => createCache(options as CacheOptions))
    expect([error.code, error.message]).toEqual([
      'ERR_REELCACHE_INVALID_OPTION',
      `${sentence} [ERR_REELCACHE_INVALID_OPTION]`,
    ])
    expect(error).toBeInstanceOf(TypeError)
    expect(error.name).toBe('ReelcacheError')
  })
})

describe('an unknown name', () => {
  it.each<[unknown, string]>([
    [
      { apis: {} },
      'createCache has no option "apis": did you mean "api"? Or write one of api, enhanced, ai, tts, memory, runs, redis, clock',
    ],
    [
      { colours: 1 },
      'createCache has no option "colours": write one of api, enhanced, ai, tts, memory, runs, redis, clock',
    ],
    [{ ttl: 1 }, 'createCache has no option "ttl": it belongs to a profile: createCache({ api: { ttl: … } })'],
    [
      { cacheDir: 'a' },
      'createCache has no option "cacheDir": it belongs to a profile: createCache({ tts: { cacheDir: … } })',
    ],
    [{ memory: { max: 1 } }, 'memory has no option "max": did you mean "maxBytes"? Or write one of maxBytes'],
    [{ api: { TTL: 1 } }, 'api has no option "TTL": did you mean "ttl"? Or write one of ttl, movieId, '],
    [{ api: { maxMemorySize: 1 } }, 'api has no option "maxMemorySize": did you mean "maxSize"? Or write one of ttl, '],
    [{ tts: { maxSize: 1 } }, 'tts has no option "maxSize": did you mean "maxMemorySize"? Or write one of ttl, '],
    [JSON.parse('{"__proto__":{}}'), 'createCache has no option "__proto__": write one of api, '],
  ])('in %j is refused with those there are', (options, sentence) => {
    const error = errorOf(() => createCache(options as CacheOptions))
    expect(error.code).toBe('ERR_REELCACHE_UNKNOWN_OPTION')
    expect(error.message).toContain(sentence)
  })
})

describe('the options of a route', () => {
  const cache = createCache({ tts: { fileCache: false } })
  afterAll(() => cache.close())

  it('lie over those of the profile, which lie over the defaults', () => {
    const { profiles } = resolveOptions({ api: { ttl: 1, negativeTtl: 2, vary: ['Accept'] } })
    const route = resolveRoute(profiles.api, { ttl: 9, vary: ['X-B', 'x-a'] })
    expect(route).toMatchObject({ ttl: 9, negativeTtl: 2, vary: ['x-a', 'x-b'], lockTimeout: 5_000 })
    expect(profiles.api.route).toMatchObject({ ttl: 1, vary: ['accept'] })
  })

  it.each<[string, () => unknown, string]>([
    ['maxSize', () => cache.cacheApi({ maxSize: 5 } as RouteOptions), 'createCache({ api: { maxSize: … } })'],
    ['cacheDir', () => cache.cacheTts({ cacheDir: 'a' } as RouteOptions), 'createCache({ tts: { cacheDir: … } })'],
    [
      'cleanupInterval',
      () => cache.cacheAi({ cleanupInterval: 5 } as RouteOptions),
      'createCache({ ai: { cleanupInterval: … } })',
    ],
  ])('do not have %s, and the error says where it belongs', (name, make, place) => {
    const error = errorOf(make)
    expect(error.code).toBe('ERR_REELCACHE_UNKNOWN_OPTION')
    expect(error.message).toContain(`has no option "${name}": it belongs to the profile: ${place}`)
  })

  it('are checked when the route is made, in the name of its factory', () => {
    expect(errorOf(() => cache.cacheEnhanced({ ttl: -1 })).message).toContain('cacheEnhanced.ttl is -1: write ')
    expect(errorOf(() => cache.cacheTts(5 as never)).message).toContain(
      'cacheTts takes an object of options, not 5: write ',
    )
    expect(errorOf(() => cache.cacheApi({ toLive: 1 } as never)).message).toContain(
      'cacheApi has no option "toLive": write one of ttl, ',
    )
  })
})

describe('a budget', () => {
  it('too small for one entry is refused with a larger one', () => {
    const error = errorOf(() => resolveOptions({ memory: { maxBytes: 65_535 } }))
    expect([error.code, error.message]).toEqual([
      'ERR_REELCACHE_BUDGET_TOO_SMALL',
      'memory.maxBytes is 65535: too small for one entry; write 65536 or more (default 67108864) [ERR_REELCACHE_BUDGET_TOO_SMALL]',
    ])
  })

  it('too small for maxEntryBytes is refused with the ways out, for a profile and for a route', () => {
    const sentence =
      '.maxEntryBytes is 1048577: write 1048576 or less, which is an eighth of memory.maxBytes (with files also up to 64 MiB, within fileMaxBytes), or a larger budget'
    const memory = { maxBytes: 8 * MiB }
    const { profiles } = resolveOptions({ memory })
    const errors = [
      errorOf(() => resolveOptions({ memory, ai: { maxEntryBytes: MiB + 1 } })),
      errorOf(() => resolveRoute(profiles.ai, { maxEntryBytes: MiB + 1 })),
    ]
    expect(errors.map(({ code }) => code)).toEqual(Array(2).fill('ERR_REELCACHE_BUDGET_TOO_SMALL'))
    expect(errors.map(({ message }) => message)).toEqual(
      ['ai', 'cacheAi'].map(where => `${where}${sentence} [ERR_REELCACHE_BUDGET_TOO_SMALL]`),
    )
  })
})
