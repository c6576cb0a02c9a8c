import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { RequestHandler } from 'express'
import express from 'express'
import type { CacheEvent, PurgeTarget } from '../lib/index.js'
import { PROFILES } from '../lib/core/types.js'
import { MemoryTier } from '../lib/tiers/memory.js'
import { cacheStatus, testCache, type Cache, type CacheOptions } from './support/cache.js'
import { ask, type Answer } from './support/client.js'
import { counted, type CountedHandler } from './support/express.js'
import { serve } from './support/server.js'

/** Without files: what is counted here is what memory holds. */
const memoryCache = (options?: CacheOptions): Cache => testCache({ tts: { fileCache: false }, ...options })

/** An app with one route of each profile, and how often their handlers ran. */
async function served(cache: Cache): Promise<{ get: (path: string) => Promise<Answer>; handler: CountedHandler }> {
  const handler = counted((req, res) => res.type('audio/mpeg').send(Buffer.from(`ID3 ${req.url}`)))
  const app = express()
  const routes: [string, RequestHandler][] = [
    ['api', cache.cacheApi()],
    ['enhanced', cache.cacheEnhanced()],
    ['ai', cache.cacheAi()],
    ['tts', cache.cacheTts()],
  ]
  for (const [name, middleware] of routes) app.get(`/${name}/:movieId`, middleware, handler)
  const server = await serve(app)
  return { get: path => ask(server, path), handler }
}

describe('a process that makes a cache', () => {
  const run = (script: string): Promise<{ stdout: string }> =>
    promisify(execFile)(process.execPath, ['-e', script], { cwd: join(__dirname, '..'), timeout: 10_000 })

  it.each([
    ['with options', "require('./dist/cjs/index.js').createCache({ api: { cleanupInterval: 60000 } })"],
    ['by default', "require('./dist/cjs/index.js').cacheApi()"],
    ['as a module', "import('./dist/esm/index.js').then(({ createCache }) => createCache())"],
  ])(
    '%s exits by itself',
    async (_, script) => {
      expect(await run(`${script}; process.on('exit', () => console.log('left'))`)).toMatchObject({ stdout: 'left\n' })
    },
    15_000,
  )
})

describe('the timers', () => {
  beforeEach(() => jest.useFakeTimers())
  afterEach(() => jest.useRealTimers())

  it('sweep each profile at its own interval, and stop at close', async () => {
    const sweep = jest.spyOn(MemoryTier.prototype, 'sweep')
    const cache = memoryCache({ api: { cleanupInterval: 1_000 }, ai: { cleanupInterval: 2_500 } })
    // And one looks after the alerts.
    expect(jest.getTimerCount()).toBe(5)
    jest.advanceTimersByTime(5_000)
    expect(sweep.mock.calls.flat().sort()).toEqual(['ai', 'ai', 'api', 'api', 'api', 'api', 'api'])
    await cache.close()
    expect(jest.getTimerCount()).toBe(0)
    sweep.mockRestore()
  })
})

describe('close', () => {
  it('empties the memory, and routes go past the cache from then on', async () => {
    const cache = memoryCache()
    const { get, handler } = await served(cache)
    await get('/api/603')
    await cache.close()
    expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0 })
    const answers = [await get('/api/603'), await get('/api/603')]
    expect(answers.map(cacheStatus)).toEqual([
      { fwd: 'bypass', detail: 'closed' },
      { fwd: 'bypass', detail: 'closed' },
    ])
    expect(handler.calls).toBe(3)
  })

  it('may be called again, and purge after it finds nothing', async () => {
    const cache = memoryCache()
    await cache.close()
    await expect(cache.close()).resolves.toBeUndefined()
    await expect(cache.purge({ all: true })).resolves.toBe(0)
  })
})

describe('stats', () => {
  const never = { lastMinute: 0, last5Minutes: 0, lastHour: 0 }
  const nothing = { runs: 0, time: 0, cost: 0 }
  const none = {
    ...{
      hits: 0,
      collapsed: 0,
      hitsByTier: {},
      misses: 0,
      stale: 0,
      covered: 0,
      refreshes: 0,
      revalidated: 0,
      bypasses: {},
      stored: 0,
      refusals: {},
      evictions: 0,
      evictionsByCause: { entries: 0, bytes: 0 },
    },
    ...{ expired: 0, saved: nothing, hitRate: 0, hitRates: never, entries: 0, bytes: 0 },
  }

  it('are all there before the first request', () => {
    expect(memoryCache({ memory: { maxBytes: 1_000_000 } }).stats()).toEqual({
      ...{ hits: 0, misses: 0, hitRate: 0, evictions: 0, entries: 0, bytes: 0, maxBytes: 1_000_000 },
      ...{ hitRates: never, saved: nothing, tierErrors: {} },
      flights: { running: 0, waiting: 0 },
      profiles: { api: none, enhanced: none, ai: none, tts: none },
      files: undefined,
      alerts: [],
    })
  })

  it('add up: the whole is the sum of the profiles, and agrees with the events', async () => {
    const cache = memoryCache({ api: { maxSize: 2 } })
    const events: CacheEvent['type'][] = []
    cache.on('event', ({ type }) => events.push(type))
    const { get, handler } = await served(cache)
    for (const id of [1, 2, 3, 3]) for (const name of PROFILES) await get(`/${name}/${id}`)
    const stats = cache.stats()
    const count = (type: CacheEvent['type']): number => events.filter(one => one === type).length
    expect(stats).toMatchObject({ hits: 4, misses: 12, hitRate: 0.25, evictions: 1, entries: 11 })
    expect(stats).toMatchObject({ hits: count('hit'), misses: count('miss'), evictions: count('evicted') })
    expect(stats.misses).toBe(handler.calls)
    expect(stats.profiles.api).toMatchObject({ hits: 1, misses: 3, hitRate: 0.25, stored: 3, evictions: 1, entries: 2 })
    for (const field of ['hits', 'misses', 'evictions', 'entries', 'bytes'] as const) {
      expect(PROFILES.reduce((sum, name) => sum + stats.profiles[name][field], 0)).toBe(stats[field])
    }
  })

  it('are a copy: changing them changes nothing', () => {
    const cache = memoryCache()
    const first = cache.stats()
    first.profiles.api.bypasses['cookie'] = 99
    first.profiles.api.hits = 99
    expect(cache.stats().profiles.api).toEqual(none)
  })
})

describe('events', () => {
  it('reach a listener from on to off, in the order in which they happened', async () => {
    const cache = memoryCache()
    const heard: CacheEvent[] = []
    const listener = (event: CacheEvent): unknown => heard.push(event)
    expect(cache.on('event', listener)).toBe(cache)
    const { get } = await served(cache)
    await get('/api/603')
    await get('/api/603')
    await cache.purge({ movie: 603 })
    expect(cache.off('event', listener)).toBe(cache)
    await get('/api/603')
    expect(heard).toEqual([
      expect.objectContaining({ type: 'miss', profile: 'api', key: expect.stringMatching(/^api 603 GET /) }),
      expect.objectContaining({ type: 'stored', bytes: expect.any(Number) }),
      expect.objectContaining({ type: 'hit', collapsed: false }),
      { type: 'purged', entries: 1 },
    ])
  })
})

describe('an event listener that throws', () => {
  it.each<CacheEvent['type']>(['miss', 'stored', 'hit', 'evicted', 'expired', 'purged', 'refused', 'bypass'])(
    '(at %s) costs nobody an answer, and the budget its count',
    async type => {
      const warnings: string[] = []
      const warning = jest.spyOn(process, 'emitWarning').mockImplementation(text => void warnings.push(String(text)))
      const cache = memoryCache()
      cache.on('event', event => {
        if (event.type === type) throw new Error('listener')
      })
      const { get } = await served(cache)
      for (const path of ['/api/603', '/api/603', '/api/604']) expect((await get(path)).status).toBe(200)
      expect((await get('/api/603')).headers['x-cache']).toBe('HIT')
      await cache.purge({ all: true })
      expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0, flights: { running: 0, waiting: 0 } })
      if (['miss', 'stored', 'hit', 'purged'].includes(type)) expect(warnings.join()).toContain('listener')
      warning.mockRestore()
    },
  )
})

describe('purge', () => {
  it.each<[PurgeTarget, number, string[]]>([
    [{ movie: 603 }, 4, ['/api/604', '/ai/604']],
    [{ movie: '603' }, 4, ['/api/604', '/ai/604']],
    [{ movie: '60' }, 0, ['/api/603', '/ai/603', '/tts/603', '/enhanced/603', '/api/604', '/ai/604']],
    [{ profile: 'ai' }, 2, ['/api/603', '/tts/603', '/enhanced/603', '/api/604']],
    [{ all: true }, 6, []],
  ])('of %j throws out %d entries and leaves the others', async (target, gone, left) => {
    const cache = memoryCache()
    const { get } = await served(cache)
    const paths = ['/api/603', '/ai/603', '/tts/603', '/enhanced/603', '/api/604', '/ai/604']
    for (const path of paths) await get(path)
    expect(await cache.purge(target)).toBe(gone)
    const answers = await Promise.all(paths.map(async path => ({ path, hit: (await get(path)).headers['x-cache'] })))
    expect(answers.filter(({ hit }) => hit === 'HIT').map(({ path }) => path)).toEqual(
      paths.filter(path => left.includes(path)),
    )
  })

  it('of a key takes the text that key(req) gives, and the variants under it', async () => {
    const cache = memoryCache()
    const route = cache.cacheApi()
    let key: string | undefined
    const vary = counted((req, res) => res.vary('X-Theme').json(req.get('x-theme')))
    const app = express().get('/', (req, _res, next) => ((key = route.key(req)), next()), route, vary)
    const server = await serve(app)
    for (const theme of ['dark', 'light']) await ask(server, '/', { headers: { 'X-Theme': theme } })
    expect(cache.stats().entries).toBe(3)
    expect(await cache.purge({ key: key! })).toBe(3)
    expect(cache.stats().entries).toBe(0)
  })

  it.each<unknown>([
    ...[undefined, null, '603', {}, { movies: '603' }, { movie: '603', profile: 'api' }],
    ...[{ movie: '' }, { movie: undefined }, { movie: ['603'] }, { profile: 'movies' }, { profile: 'constructor' }],
    ...[{ key: 5 }, { key: 'nonsense' }, { key: '' }, { all: false }, { all: 'true' }],
  ])('of %j is refused, and nothing goes', async target => {
    const cache = memoryCache()
    const { get } = await served(cache)
    await get('/api/603')
    const error = { code: 'ERR_REELCACHE_INVALID_PURGE', message: expect.stringContaining("{ movie: '603' }") }
    await expect(async () => cache.purge(target as PurgeTarget)).rejects.toMatchObject(error)
    expect(cache.stats().entries).toBe(1)
  })
})

describe('the key', () => {
  const environment = process.env['NODE_ENV']
  afterEach(() => {
    process.env['NODE_ENV'] = environment
  })

  it.each([
    ['development', true],
    ['test', true],
    ['production', false],
  ])('in %s is shown to clients: %p', async (name, isShown) => {
    process.env['NODE_ENV'] = name
    const { get } = await served(memoryCache())
    const answers = [await get('/api/603'), await get('/api/603')]
    expect(answers.map(answer => cacheStatus(answer)['hit'])).toEqual([undefined, true])
    for (const answer of answers) {
      expect(cacheStatus(answer)['key']?.toString().startsWith('api 603 GET ')).toBe(isShown || undefined)
    }
  })
})

describe('a handler that reads what the key does not cover', () => {
  it('is warned of once for each header and profile, with what to write instead', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation()
    const cache = memoryCache()
    const read = counted((req, res) => res.json([req.get('X-Theme'), req.get('X-Mode')]))
    const app = express().get('/api', cache.cacheApi(), read).get('/tts', cache.cacheTts(), read)
    const server = await serve(app)
    for (const path of ['/api', '/api?page=2', '/tts']) await ask(server, path)
    const sentences = warn.mock.calls.map(([sentence]) => String(sentence))
    expect(sentences).toEqual([
      expect.stringMatching(/"x-theme".*write cacheApi\(\{ vary: \['x-theme'\] \}\)/),
      expect.stringMatching(/"x-theme".*write cacheTts\(\{ vary: \['x-theme'\] \}\)/),
    ])
    expect(warn.mock.calls[0]![1]).toEqual({ type: 'ReelcacheWarning', code: 'WRN_REELCACHE_UNKEYED_HEADER' })
    warn.mockRestore()
  })
})

describe('two caches', () => {
  it('do not see each other', async () => {
    const [one, other] = [memoryCache(), memoryCache()]
    const [first, second] = [await served(one), await served(other)]
    await first.get('/api/603')
    expect((await second.get('/api/603')).headers['x-cache']).toBe('MISS')
    await one.purge({ all: true })
    await one.close()
    expect((await second.get('/api/603')).headers['x-cache']).toBe('HIT')
    expect([one.stats().hits, other.stats().hits]).toEqual([0, 1])
  })
})

describe('the default cache', () => {
  it('is made by the first factory that is called, and shared by all four', async () => {
    const started = jest.spyOn(globalThis, 'setInterval')
    await jest.isolateModulesAsync(async () => {
      const lib = await import('../lib/index.js')
      expect(started).not.toHaveBeenCalled()
      const routes = [lib.cacheApi(), lib.cacheEnhanced(), lib.cacheAi(), lib.cacheTts()]
      // Four profiles and the files are swept, and one timer looks after the alerts.
      expect(started).toHaveBeenCalledTimes(6)
      const app = express()
      const failing: RequestHandler = (_req, res) => void res.status(503).end()
      for (const [n, route] of routes.entries()) app.get(`/${n}`, route, failing)
      const server = await serve(app)
      for (const n of routes.keys()) await ask(server, `/${n}`)
      expect(lib.defaultCache().stats()).toMatchObject({ misses: 4, entries: 0 })
      await lib.defaultCache().close()
    })
    started.mockRestore()
  })
})
