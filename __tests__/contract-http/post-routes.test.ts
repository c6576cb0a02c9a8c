import { createServer as nodeServer } from 'node:http'
import type { Express as App, RequestHandler, Router } from 'express'
import { createServer } from '../../lib/index.js'
import { cacheStatus, testCache, type Cache } from '../support/cache.js'
import { ask, postJson, type Answer } from '../support/client.js'
import { counted, expresses, type Express } from '../support/express.js'
import { listening, serve, type Served } from '../support/server.js'

type Mount = (app: App, cache: Cache, handler: RequestHandler, express: Express) => unknown
/** A second handler, which only passes on. */
const pass: RequestHandler = (_req, _res, next) => next()
const leave: RequestHandler = (_req, _res, next) => next('route')
const both = { methods: ['GET', 'POST'] } as const

/** What tracers and express-async-errors do: their own function in the layer, with the properties of the one they wrap. */
function wrapLayers(router: { readonly stack: readonly { route?: unknown; handle: RequestHandler }[] }): void {
  for (const layer of router.stack) {
    if (layer.route !== undefined) wrapLayers(layer.route as typeof router)
    const { handle } = layer
    layer.handle = Object.assign<RequestHandler, object>((req, res, next) => handle(req, res, next), handle)
  }
}

/** All are asked at `/films/603`. */
const asked: [string, Mount][] = [
  ['app.post', (app, cache, handler) => app.post('/films/:id', cache.cacheApi(), handler)],
  ['a list of handlers', (app, cache, handler) => app.post('/films/:id', [pass, cache.cacheApi()], handler)],
  ['a list of paths', (app, cache, handler) => app.post(['/shows/:id', '/films/:id'], cache.cacheApi(), handler)],
  ['app.route().post', (app, cache, handler) => app.route('/films/:id').get(handler).post(cache.cacheApi(), handler)],
  [
    'GET and POST with one middleware',
    (app, cache, handler) => {
      const cached = cache.cacheApi()
      app.route('/films/:id').get(cached, handler).post(cached, handler)
    },
  ],
  [
    'a router in a router',
    (app, cache, handler, express) => {
      const films = express.Router().post('/:id', cache.cacheApi(), handler)
      app.use('/', express.Router().use('/films', films))
    },
  ],
  [
    'an app in an app',
    (app, cache, handler, express) => app.use('/films', express().post('/:id', cache.cacheApi(), handler)),
  ],
  [
    'app.post behind a route for everything',
    (app, cache, handler) => app.all(/.*/, pass).post('/films/:id', cache.cacheApi(), handler),
  ],
  [
    'app.post whose layers a tracer has wrapped',
    (app, cache, handler, express) => {
      const router = express.Router().post('/films/:id', cache.cacheApi(), handler)
      wrapLayers(router)
      app.use(router)
    },
  ],
  ['app.all', (app, cache, handler) => app.all('/films/:id', cache.cacheApi(), handler)],
  ['route.all', (app, cache, handler) => app.route('/films/:id').all(cache.cacheApi(), handler)],
  [
    'route.all in front of route.post',
    (app, cache, handler) => app.route('/films/:id').all(cache.cacheApi()).post(handler),
  ],
  ['app.use with methods', (app, cache, handler) => app.use(cache.cacheApi(both)).use('/films', handler)],
  [
    'methods of the profile',
    (app, _cache, handler) => app.use(testCache({ api: { methods: ['POST'] } }).cacheApi()).use('/films', handler),
  ],
  [
    'a function of the owner, with methods',
    (app, cache, handler) => {
      const cached = cache.cacheApi(both)
      app.post('/films/:id', (req, res, next) => cached(req, res, next), handler)
    },
  ],
]

const notAsked: [string, Mount][] = [
  ['app.use', (app, cache, handler) => app.use(cache.cacheApi()).all('/films/:id', handler)],
  ['app.use with cacheAi', (app, cache, handler) => app.use(cache.cacheAi()).all('/films/:id', handler)],
  ['app.use with a path', (app, cache, handler) => app.use('/films', cache.cacheApi(), handler)],
  [
    'router.use',
    (app, cache, handler, express) =>
      app.use('/films', express.Router().use(cache.cacheApi()).all('/:id', handler) as Router),
  ],
  ['app.all that only passes on', (app, cache, handler) => app.all(/.*/, cache.cacheApi()).all('/films/:id', handler)],
  [
    'app.all that passes on from a list',
    (app, cache, handler) => app.all(/.*/, [pass, cache.cacheAi()]).all('/films/:id', handler),
  ],
  [
    'route.all that only passes on',
    (app, cache, handler) => {
      app.route(/.*/).all(cache.cacheTts()).put(pass)
      app.all('/films/:id', handler)
    },
  ],
  [
    'app.use behind a route for everything',
    (app, cache, handler) => app.all(/.*/, pass).use(cache.cacheApi()).all('/films/:id', handler),
  ],
  [
    'app.use behind a POST route that passed on',
    (app, cache, handler) => app.post('/films/:id', pass).use(cache.cacheApi(), handler),
  ],
  [
    "app.use behind a POST route that said next('route')",
    (app, cache, handler) => app.post('/films/:id', leave, handler).use(cache.cacheApi(), handler),
  ],
  [
    'app.use behind a POST route with another middleware of the cache',
    (app, cache, handler) => {
      const other = cache.cacheApi({ bypass: () => true })
      app.post('/films/:id', other, pass).use(cache.cacheApi()).all('/films/:id', handler)
    },
  ],
  [
    'app.post with methods that leave POST out',
    (app, cache, handler) => {
      const cached = cache.cacheApi({ methods: ['GET'] })
      app.route('/films/:id').get(cached, handler).post(cached, handler)
    },
  ],
  [
    'a function of the owner',
    (app, cache, handler) => {
      const cached = cache.cacheApi()
      const mine: RequestHandler = (req, res, next) => cached(req, res, next)
      app.route('/films/:id').get(mine, handler).post(mine, handler)
    },
  ],
]

describe.each(expresses)('where no stranger’s POST is taken for another’s, on %s,', (_version, express) => {
  const answer = () => counted((req, res, run) => res.type('mp3').send(`ID3 run ${run} of ${req.method}`))
  const madeWith = (mount: Mount, handler: RequestHandler, cache = testCache()): App => {
    const app = express().use(express.json())
    mount(app, cache, handler, express)
    return app
  }
  const like = (server: Served): Promise<Answer> => postJson(server, '/films/603', { like: true })

  let warn: jest.SpyInstance
  beforeEach(() => void (warn = jest.spyOn(process, 'emitWarning').mockImplementation()))
  afterEach(() => jest.restoreAllMocks())

  describe.each(asked)('with %s,', (_how, mount) => {
    it('is looked up: of three equal ones one reaches the handler', async () => {
      const handler = answer()
      const server = await serve(madeWith(mount, handler))
      const answers = [await like(server), await like(server), await like(server)]
      expect(answers.map(({ body }) => body.toString())).toEqual(Array(3).fill('ID3 run 1 of POST'))
      expect(answers.map(one => cacheStatus(one)['hit'])).toEqual([undefined, true, true])
    })
  })

  describe.each(notAsked)('with %s,', (_how, mount) => {
    it('reaches its handler each time, while a GET is cached', async () => {
      const handler = answer()
      const server = await serve(madeWith(mount, handler))
      const posts = [await like(server), await like(server), await like(server)]
      expect(posts.map(({ body }) => body.toString())).toEqual([1, 2, 3].map(run => `ID3 run ${run} of POST`))
      for (const post of posts) expect(cacheStatus(post)).toMatchObject({ fwd: 'method' })
      await ask(server, '/films/603')
      expect(cacheStatus(await ask(server, '/films/603'))).toMatchObject({ hit: true })
    })

    it('reaches its handler each time when all come at once', async () => {
      const handler = answer()
      const server = await serve(madeWith(mount, handler))
      await Promise.all([like(server), like(server), like(server)])
      expect(handler.calls).toBe(3)
    })
  })

  describe.each([
    ['http.createServer', (app: App) => nodeServer(app)],
    ['createServer', (app: App) => createServer(app)],
  ])('through %s', (_name, serverOf) => {
    it('is looked up on a route, and not in front of all routes', async () => {
      const handler = answer()
      const cache = testCache()
      const app = express().use(express.json()).post('/films/:id', cache.cacheApi(), handler)
      app.use(cache.cacheApi()).use(handler)
      const server = await listening(serverOf(app))
      await like(server)
      expect(cacheStatus(await like(server))).toMatchObject({ hit: true })
      await postJson(server, '/likes', {})
      expect(cacheStatus(await postJson(server, '/likes', {}))).toMatchObject({ fwd: 'method' })
      expect(handler.calls).toBe(3)
    })
  })

  describe('behind app.use(cacheApi())', () => {
    const served = async (handler: RequestHandler): Promise<Served> =>
      serve(madeWith((app, cache) => app.use(cache.cacheApi()).use(handler), handler))

    it.each([
      ['a GraphQL mutation', '/graphql', { query: 'mutation { addReview(movie: 603, stars: 5) { id } }' }],
      ['a logout without fields', '/logout', {}],
      ['a like', '/films/603/like', { movieId: 603 }],
    ])('%s runs each time', async (_what, path, body) => {
      const handler = counted((_req, res, run) => res.json({ run }))
      const server = await served(handler)
      for (let i = 0; i < 2; i++) await postJson(server, path, body)
      expect(handler.calls).toBe(2)
    })

    it('a token in the answer to a login is not stored', async () => {
      const cache = testCache()
      const app = express().use(express.json(), cache.cacheApi())
      app.post('/login', (_req, res) => void res.json({ token: 'trinity-7f3a' }))
      const server = await serve(app)
      await postJson(server, '/login', { user: 'trinity', password: 'white rabbit' })
      expect(cache.stats().entries).toBe(0)
    })

    it.each([
      [201, 'outdated', undefined],
      [303, 'outdated', undefined],
      [422, 'left as it is', true],
    ])('after one that was answered with %d the GET of its URL is %s', async (status, _what, hit) => {
      const handler = counted((req, res) => res.status(req.method === 'POST' ? status : 200).json({}))
      const server = await served(handler)
      await ask(server, '/films/603')
      await like(server)
      expect(cacheStatus(await ask(server, '/films/603'))['hit']).toBe(hit)
    })
  })

  it('with methods: POST alone leaves GET and HEAD to their handler', async () => {
    const handler = answer()
    const cache = testCache()
    const server = await serve(
      madeWith(app => app.all('/films/:id', cache.cacheAi({ methods: ['POST'] }), handler), pass),
    )
    for (const method of ['GET', 'HEAD']) {
      expect(cacheStatus(await ask(server, '/films/603', { method }))).toMatchObject({ fwd: 'method' })
    }
    await like(server)
    expect(cacheStatus(await like(server))).toMatchObject({ hit: true })
  })

  it.each(['cacheAi', 'cacheTts'] as const)('that goes past %s() is warned of once, with what to write', async name => {
    const cache = testCache()
    const server = await serve(madeWith(app => app.use(cache[name](), answer()), pass))
    for (let i = 0; i < 2; i++) await like(server)
    expect(warn.mock.calls).toEqual([
      [
        expect.stringContaining(`app.post(path, ${name}(), handler), or ${name}({ methods: ['GET', 'POST'] })`),
        { type: 'ReelcacheWarning', code: 'WRN_REELCACHE_POST_BYPASSED' },
      ],
    ])
  })

  it('that goes past cacheApi() is no matter for a warning', async () => {
    const server = await serve(madeWith((app, cache) => app.use(cache.cacheApi(), answer()), pass))
    await like(server)
    expect(warn).not.toHaveBeenCalled()
  })
})
