import type { RequestListener } from 'node:http'
import type { RequestHandler } from 'express'
import { testCache, type Cache, type RouteOptions } from '../support/cache.js'
import { ask } from '../support/client.js'
import { counted, expresses, type Express } from '../support/express.js'
import { arrivals, gate } from '../support/gate.js'
import { serve, type Served } from '../support/server.js'

interface Mounting {
  /** Puts the handler of a movie's URL behind a cache that was mounted before any router named the movie. */
  readonly mount: (express: Express, cache: RequestHandler, handler: RequestHandler) => RequestListener
  readonly options?: RouteOptions
  /** Paths of movie 603, and of another. */
  readonly paths?: readonly [string, string]
}

const PATHS = ['/movies/603/enhanced', '/movies/604/enhanced'] as const

const mountings: [string, Mounting][] = [
  [
    'an app',
    {
      mount: (express, cache, handler) => express().use(cache).all('/movies/:movieId/enhanced', handler),
    },
  ],
  [
    'an app whose parameter is called id',
    { mount: (express, cache, handler) => express().use(cache).all('/movies/:id/enhanced', handler) },
  ],
  [
    'an app, and a path',
    { mount: (express, cache, handler) => express().use('/movies', cache).all('/movies/:movieId/enhanced', handler) },
  ],
  [
    'an express.Router',
    {
      mount: (express, cache, handler) =>
        express().use('/movies', express.Router().use(cache).all('/:movieId/enhanced', handler)),
    },
  ],
  [
    'an app, with a nested router that hides the parameters of its parent',
    {
      mount: (express, cache, handler) =>
        express().use(cache).use('/movies/:movieId', express.Router().all('/enhanced', handler)),
    },
  ],
  [
    'an app, with a nested router that has an id of its own',
    {
      mount: (express, cache, handler) =>
        express().use(cache).use('/movies/:movieId', express.Router().all('/:id', handler)),
    },
  ],
  [
    'an app, with a nested router that merges parameters',
    {
      mount: (express, cache, handler) =>
        express()
          .use(cache)
          .use('/movies/:movieId', express.Router({ mergeParams: true }).all('/enhanced', handler)),
    },
  ],
  [
    'an app, with an app mounted in it',
    {
      mount: (express, cache, handler) =>
        express().use(cache).use('/movies/:movieId', express().all('/enhanced', handler)),
    },
  ],
  [
    'an app, with a handler that answers later',
    {
      mount: (express, cache, handler) =>
        express()
          .use(cache)
          .all('/movies/:movieId/enhanced', (req, res, next) => void setImmediate(() => handler(req, res, next))),
    },
  ],
  [
    'an app, with a route that leaves the answer to the next',
    {
      mount: (express, cache, handler) =>
        express()
          .use(cache)
          .all('/movies/:movieId/enhanced', (_req, _res, next) => next())
          .use(handler),
    },
  ],
  [
    'an app, with a movieId of its own',
    {
      mount: (express, cache, handler) => express().use(cache).all('/movies/:slug/enhanced', handler),
      options: { movieId: req => req.params['slug'] },
    },
  ],
  [
    'an app, with a parameter that app.param resolves',
    {
      mount: (express, cache, handler) =>
        express()
          .use(cache)
          .param('slug', (req, _res, next, slug: string) => {
            req.params = { ...req.params, movieId: slug.slice(0, 3) }
            next()
          })
          .all('/movies/:slug/enhanced', handler),
      paths: ['/movies/603-the-matrix/enhanced', '/movies/604-reloaded/enhanced'],
    },
  ],
  [
    'an app, with the movie in the query',
    {
      mount: (express, cache, handler) => express().use(cache).all('/enhanced', handler),
      paths: ['/enhanced?movieId=603', '/enhanced?movieId=604'],
    },
  ],
]

const shown = counted((req, res, run) => {
  // A POST whose answer is stored only asks.
  if (req.method === 'POST') res.set('Cache-Control', 'no-store')
  res.json({ run, url: req.originalUrl, params: req.params })
})

async function mounted(cache: Cache, express: Express, { mount, options, paths = PATHS }: Mounting) {
  const route = cache.cacheApi({ invalidate: 'movie', ...options })
  const served = await serve(mount(express, route, shown))
  return { served, paths }
}

const stateOf = async (served: Served, path: string): Promise<unknown> => (await ask(served, path)).headers['x-cache']

describe.each(expresses)('a cache that %s mounts in front of its routers', (_, express) => {
  describe.each(mountings)('in %s', (__, mounting) => {
    it('finds what it has stored of a movie, and hits send the bytes of the handler', async () => {
      const cache = testCache()
      const { served, paths } = await mounted(cache, express, mounting)
      const made = await Promise.all(paths.map(path => ask(served, path)))
      const hits = await Promise.all(paths.map(path => ask(served, path)))
      expect(hits.map(hit => hit.headers['x-cache'])).toEqual(['HIT', 'HIT'])
      expect(hits.map(hit => hit.body.toString())).toEqual(made.map(miss => miss.body.toString()))
      expect(await cache.purge({ movie: 603 })).toBe(1)
      expect([await stateOf(served, paths[0]), await stateOf(served, paths[1])]).toEqual(['MISS', 'HIT'])
    })

    it.each(['PUT', 'PATCH', 'DELETE', 'POST'])('throws the movie out after a %s that succeeds', async method => {
      const cache = testCache()
      const { served, paths } = await mounted(cache, express, mounting)
      const others = paths.map(path => (path.includes('?') ? `${path}&page=2` : `${path}?page=2`))
      for (const path of others) await ask(served, path)
      await ask(served, paths[0], { method })
      expect([await stateOf(served, others[0]!), await stateOf(served, others[1]!)]).toEqual(['MISS', 'HIT'])
    })
  })
})

describe.each(expresses)('under app.use on %s', (_, express) => {
  const patient = { lockTimeout: 60_000, invalidate: 'movie' } as const

  async function behind(cache: Cache, handler: RequestHandler) {
    const inside = arrivals()
    const app = express().use(inside.middleware, cache.cacheApi(patient)).all('/movies/:movieId', handler)
    return { app: await serve(app), inside }
  }

  const purges: [string, (cache: Cache, app: Served) => Promise<unknown>][] = [
    ['a purge of the movie', cache => cache.purge({ movie: 603 })],
    ['a PUT', (_cache, app) => ask(app, '/movies/603', { method: 'PUT' })],
    ['a PUT of something else of the movie', (_cache, app) => ask(app, '/movies/603?part=cast', { method: 'PUT' })],
  ]
  it.each(purges)('%s wins over a run that does not know its movie yet', async (__, purge) => {
    const cache = testCache()
    const release = gate()
    const handler = counted(async ({ method }, res, run) => {
      if (run === 1) await release.opened
      res.send(method === 'PUT' ? 'put' : run === 1 ? 'old' : 'new')
    })
    const { app, inside } = await behind(cache, handler)
    const early = ask(app, '/movies/603')
    await inside.reached(1)
    await purge(cache, app)
    release.open()
    expect((await early).body.toString()).toBe('old')
    const after = await ask(app, '/movies/603')
    expect([after.headers['x-cache'], after.body.toString()]).toEqual(['MISS', 'new'])
  })

  it.each<[string, (cache: Cache, app: Served) => Promise<unknown>]>([
    ['a purge of another movie', cache => cache.purge({ movie: 604 })],
    ['a PUT to another movie', (_cache, app) => ask(app, '/movies/604', { method: 'PUT' })],
    ['a PUT that fails', (_cache, app) => ask(app, '/movies/603?status=500', { method: 'PUT' })],
  ])('%s leaves a run that does not know its movie yet alone', async (__, purge) => {
    const cache = testCache()
    const release = gate()
    const handler = counted(async ({ method, query }, res) => {
      if (method === 'GET') await release.opened
      res.status(Number(query['status'] ?? 200)).send('kept')
    })
    const { app, inside } = await behind(cache, handler)
    const early = ask(app, '/movies/603')
    await inside.reached(1)
    await purge(cache, app)
    release.open()
    await early
    expect((await ask(app, '/movies/603')).headers['x-cache']).toBe('HIT')
  })

  it('a purge of the movie reaches an answer whose head has left', async () => {
    const cache = testCache()
    const release = gate()
    const began = gate()
    const handler = counted(async (_req, res, run) => {
      res.write(`run ${run}`)
      began.open()
      if (run === 1) await release.opened
      res.end()
    })
    const { app } = await behind(cache, handler)
    const early = ask(app, '/movies/603')
    await began.opened
    await cache.purge({ movie: 603 })
    release.open()
    await early
    expect((await ask(app, '/movies/603')).body.toString()).toBe('run 2')
  })

  it('a purge of the movie takes all variants with it', async () => {
    const cache = testCache()
    const app = await serve(
      express()
        .use(cache.cacheApi())
        .get('/movies/:movieId', (req, res) => void res.vary('accept-language').send(req.get('accept-language'))),
    )
    const asked = (language: string) => ask(app, '/movies/603', { headers: { 'Accept-Language': language } })
    for (const language of ['de', 'en']) await asked(language)
    expect((await asked('de')).headers['x-cache']).toBe('HIT')
    expect(await cache.purge({ movie: 603 })).toBe(3)
    expect([(await asked('de')).headers['x-cache'], (await asked('en')).headers['x-cache']]).toEqual(['MISS', 'MISS'])
  })

  it.each<[string, RequestHandler]>([
    ['a list', (_req, res) => void res.json([603, 604])],
    ['a parameter that names no movie', (_req, res) => void res.json({})],
  ])('%s is stored without a movie', async (__, handler) => {
    const cache = testCache()
    const app = await serve(express().use(cache.cacheApi()).get(['/popular', '/genres/:genre'], handler))
    await ask(app, '/popular')
    expect((await ask(app, '/popular')).headers['x-cache']).toBe('HIT')
    expect(await cache.purge({ movie: 'popular' })).toBe(0)
  })

  it('req.params are a plain property again once the answer has been sent', async () => {
    const cache = testCache()
    const seen: unknown[] = []
    const app = express().use(cache.cacheApi())
    app.get('/movies/:movieId', (req, res) => {
      res.json({ params: req.params })
      seen.push(Object.getOwnPropertyDescriptor(req, 'params'))
    })
    const answer = await ask(await serve(app), '/movies/603')
    expect(JSON.parse(answer.body.toString())).toEqual({ params: { movieId: '603' } })
    expect(seen).toEqual([
      { value: expect.objectContaining({ movieId: '603' }), writable: true, enumerable: true, configurable: true },
    ])
  })
})
