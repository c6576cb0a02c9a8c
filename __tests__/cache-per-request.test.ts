import type { Request, Response } from 'express'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { cacheApi, createCache } from '../lib/index.js'
import type { Clock } from '../lib/core/types.js'
import { ask } from './support/client.js'
import { expresses, type Express } from './support/express.js'
import { collectGarbage } from './support/gc.js'
import { serve } from './support/server.js'
import { until } from './support/until.js'

type Cache = ReturnType<typeof createCache>
const WARNED = Symbol.for('reelcache.madePerRequest')
const caches = new Set<Cache>()

/** In a line of its own, so that the warning can be asked for it. */
const here = (): string => /cache-per-request\.test\.ts:\d+/.exec(new Error().stack!.split('\n')[2]!)![0]
let place = ''
function make(): Cache {
  place = here()
  return createCache({ tts: { fileCache: false } })
}
function kept(cache: Cache): Cache {
  caches.add(cache)
  return cache
}

let warnings: jest.SpyInstance
beforeEach(() => {
  Reflect.deleteProperty(globalThis, WARNED)
  warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
})
afterEach(async () => {
  warnings.mockRestore()
  await Promise.all([...caches].map(cache => cache.close()))
  caches.clear()
})

const told = (): unknown[] =>
  warnings.mock.calls
    .filter(([, { code }]) => code === 'WRN_REELCACHE_CACHE_PER_REQUEST')
    .map(([message]) => String(message))

/** Apps in which a request makes a cache. */
const MAKERS: Record<string, (express: Express) => ReturnType<Express>> = {
  'a handler': express =>
    express().get('/movie', (_req, res) => {
      kept(make())
      res.json({})
    }),
  'a handler that calls its middleware': express =>
    express().get('/movie', (req, res) => kept(make()).cacheApi()(req, res, () => res.json({}))),
  'middleware of the app': express =>
    express()
      .use((_req, _res, next) => {
        kept(make())
        next()
      })
      .get('/movie', (_req, res) => void res.json({})),
  'a router': express =>
    express().use(
      express.Router().get('/movie', (_req, res) => {
        kept(make())
        res.json({})
      }),
    ),
  'an async handler': express =>
    express().get('/movie', async (_req, res) => {
      kept(make())
      await turn()
      res.json({})
    }),
  'a handler behind a body parser': express =>
    express().post('/movie', express.json(), (_req, res) => {
      kept(make())
      res.json({})
    }),
  'an error handler': express =>
    express()
      .get('/movie', () => {
        throw new Error('broken')
      })
      .use((_error: unknown, _req: Request, res: Response, _next: unknown) => {
        kept(make())
        res.json({})
      }),
}

describe.each(expresses)('A cache that is made per request on %s', (_version, express) => {
  it.each(Object.keys(MAKERS))('by %s is told of once, with the place of the call', async name => {
    const app = await serve(MAKERS[name]!(express))
    const question = name.includes('parser')
      ? { method: 'POST', body: '{"a":1}', headers: { 'Content-Type': 'application/json' } }
      : {}
    for (let run = 0; run < 3; run++) expect((await ask(app, '/movie', question)).status).toBe(200)
    expect(caches.size).toBe(3)
    expect(told()).toEqual([expect.stringContaining('createCache() was called while a request is answered')])
    expect(told()[0]).toContain(`${place.split(':')[0]}:${Number(place.split(':')[1]) + 1}`)
  })

  it('is not one that is made beside the app, or once the server listens', async () => {
    const cache = kept(make())
    const app = await serve(express().get('/movie', cache.cacheApi(), (_req, res) => void res.json({})))
    kept(make())
    expect((await ask(app, '/movie')).status).toBe(200)
    kept(make())
    expect(told()).toEqual([])
  })

  it('is not the default cache, which there is once', async () => {
    const app = await serve(
      express().get('/movie', (req, res) => cacheApi({ ttl: 1_000 })(req, res, () => res.json({}))),
    )
    expect((await ask(app, '/movie')).status).toBe(200)
    expect(told()).toEqual([])
  })
})

describe('A cache that nobody holds', () => {
  const directory = mkdtempSync(join(tmpdir(), 'reelcache-unheld-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  const living = (held: readonly WeakRef<object>[]): number =>
    held.filter(reference => reference.deref() !== undefined).length

  /** Collects until all but `few` are gone. */
  const collected = (held: readonly WeakRef<object>[], few: number): Promise<void> =>
    until(`${held.length} caches are collected`, async () => {
      await turn()
      collectGarbage()
      return living(held) <= few
    })

  it.each<[string, (clock: Clock) => Cache]>([
    ['memory alone', clock => createCache({ clock, tts: { fileCache: false } })],
    ['files', clock => createCache({ clock, tts: { cacheDir: directory } })],
    ['a listener', clock => createCache({ clock, tts: { fileCache: false } }).on('event', () => undefined)],
    [
      'alerts that have been asked for',
      clock => {
        const cache = createCache({ clock, tts: { fileCache: false } })
        cache.stats()
        return cache
      },
    ],
  ])('is collected with all its parts, with %s', async (_with, create) => {
    // All parts of a cache hold its clock.
    const newClock = (): Clock => ({ now: () => Date.now() })
    const clockOf = (clock: Clock): WeakRef<Clock> => {
      create(clock)
      return new WeakRef(clock)
    }
    const ofControl = newClock()
    const control = kept(create(ofControl))
    const clocks = Array.from({ length: 50 }, () => clockOf(newClock()))
    await collected(clocks, 0)
    expect(control.health().status).toBeDefined()
  })

  it.each(expresses)('is collected with what it holds, where requests make 200 on %s', async (_version, express) => {
    const held: WeakRef<object>[] = []
    const body = 'x'.repeat(200_000)
    const app = await serve(
      express().get('/movie', (req, res) => {
        const cache = createCache({ tts: { fileCache: false } })
        held.push(new WeakRef(cache))
        cache.cacheApi()(req, res, () => res.type('json').send(JSON.stringify(body)))
      }),
    )
    collectGarbage()
    const before = process.memoryUsage()
    for (let run = 0; run < 200; run++) await ask(app, '/movie')
    await app.close()
    await collected(held, 5)
    // What lies outside of the heap goes a little later.
    await until('memory is as before', () => {
      collectGarbage()
      const after = process.memoryUsage()
      return after.heapUsed + after.external - before.heapUsed - before.external < 10_000_000
    })
  })

  it('is swept as long as somebody holds it', async () => {
    let now = Date.UTC(2026, 4, 17)
    const cache = kept(
      createCache({ api: { cleanupInterval: 10 }, tts: { fileCache: false }, clock: { now: () => now } }),
    )
    const [[, express]] = expresses
    const app = await serve(express().get('/movie', cache.cacheApi({ ttl: 5_000 }), (_req, res) => void res.json({})))
    await ask(app, '/movie')
    expect(cache.stats().profiles.api.entries).toBe(1)
    now += 10_000
    await until('what has expired is swept', () => cache.stats().profiles.api.entries === 0)
  })
})
