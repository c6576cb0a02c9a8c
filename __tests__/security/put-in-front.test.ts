/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call -- these read what no type knows */
import type { Request, RequestHandler, Response } from 'express'
import { cacheStatus, testCache, type RouteOptions } from '../support/cache.js'
import { ask, type Answer } from '../support/client.js'
import { expresses } from '../support/express.js'
import { serve } from '../support/server.js'
import type { Loose } from '../support/loose.js'

type Put = (req: Loose, res: Loose, who: string) => void
type Read = (req: Loose, res: Loose) => unknown

/** What middleware in front makes of a field, how the handler comes to it, and the name it goes by. */
const ways: readonly (readonly [what: string, put: Put, read: Read, property: string])[] = [
  ['req.tenant', (req, _res, who) => (req.tenant = who), req => req.tenant, 'tenant'],
  ['req.auth of express-jwt', (req, _res, who) => (req.auth = { sub: who }), req => req.auth.sub, 'auth'],
  [
    'a member taken apart',
    (req, _res, who) => (req.account = { name: who }),
    ({ account: { name } }) => name,
    'account',
  ],
  ['a function, as req.t of i18next', (req, _res, who) => (req.t = () => who), req => req.t('greeting'), 't'],
  ['a number', (req, _res, who) => (req.plan = who.length), req => req.plan, 'plan'],
  ['a yes or no', (req, _res, who) => (req.isMobile = who === 'neo'), req => req.isMobile, 'isMobile'],
  [
    'an instance of a class',
    (req, _res, who) => (req.scope = new Map([['who', who]])),
    req => req.scope.get('who'),
    'scope',
  ],
  [
    'a getter',
    (req, _res, who) => Object.defineProperty(req, 'lazy', { get: () => who, configurable: true }),
    req => req.lazy,
    'lazy',
  ],
  [
    'what is not listed',
    (req, _res, who) => Object.defineProperty(req, 'shy', { value: who, configurable: true }),
    req => req.shy,
    'shy',
  ],
  [
    'what cannot be changed',
    (req, _res, who) => Object.defineProperty(req, 'fixed', { value: who }),
    req => req.fixed,
    'fixed',
  ],
  ['uploads beside the body', (req, _res, who) => (req.files = [who]), req => req.files[0], 'files'],
  ['a CSRF token', (req, _res, who) => (req.csrfToken = () => who), req => req.csrfToken(), 'csrfToken'],
  ['Reflect.get', (req, _res, who) => (req.tenant = who), req => Reflect.get(req, 'tenant'), 'tenant'],
  ['res.req', (req, _res, who) => (req.tenant = who), (_req, res) => res.req.tenant, 'tenant'],
  [
    'res.locals.language',
    (_req, res, who) => (res.locals.language = who),
    (_req, res) => res.locals.language,
    'locals.language',
  ],
  ['req.res.locals', (_req, res, who) => (res.locals.nonce = who), req => req.res.locals.nonce, 'locals.nonce'],
  [
    'a copy of res.locals',
    (_req, res, who) => (res.locals.country = who),
    (_req, res) => ({ ...res.locals }),
    'locals.country',
  ],
  [
    'JSON of res.locals',
    (_req, res, who) => (res.locals.role = who),
    (_req, res) => JSON.stringify(res.locals),
    'locals.role',
  ],
  ['locals of another kind', (_req, res, who) => (res.locals = { who }), (_req, res) => res.locals.who, 'locals.who'],
  [
    'frozen locals',
    (_req, res, who) => (res.locals = Object.freeze({ who })),
    (_req, res) => res.locals.who,
    'locals.who',
  ],
]

const harmless: readonly (readonly [what: string, put: Put, read: Read])[] = [
  ['a logger', req => (req.log = { info: () => undefined }), req => req.log.info('asked')],
  ['the id of the request', (req, _res, who) => (req.id = who), req => req.id],
  ['the time it came', req => (req._startTime = new Date()), req => req._startTime],
  ['what nobody reads', (req, res, who) => ((req.tenant = who), (res.locals.tenant = who)), () => 'the same'],
  ['what is not there', () => undefined, (req, res) => [req.tenant ?? null, res.locals.tenant ?? null]],
  [
    'what the handler puts there itself',
    () => undefined,
    (req, res) => ((req.film = 'The Matrix'), (res.locals.film = req.film)),
  ],
  [
    'a method that somebody has wrapped',
    req => {
      const { get } = req
      req.get = (name: string) => get.call(req, name)
    },
    req => typeof req.get,
  ],
  ['what Express knows', () => undefined, req => [req.params, req.query, req.originalUrl, req.baseUrl, req.path]],
]

const factories = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const
const isHit = (answer: Answer): boolean => cacheStatus(answer)['hit'] === true

describe.each(expresses)(
  'a stranger cannot get what middleware in front found out of another, on %s,',
  (_version, express) => {
    const front =
      (put: Put): RequestHandler =>
      (req, res, next) => {
        put(req, res, String(req.headers['x-user']))
        next()
      }
    async function served(
      put: Put,
      handler: RequestHandler,
      options: RouteOptions = {},
      factory: (typeof factories)[number] = 'cacheApi',
    ) {
      const app = await serve(express().use(front(put)).get('/movies/:movieId', testCache()[factory](options), handler))
      return (user: string) => ask(app, '/movies/603', { headers: { 'X-User': user } })
    }
    const saying =
      (read: Read): RequestHandler =>
      (req, res) =>
        void res.json({ said: read(req, res) ?? null })

    it.each(ways)('by %s, in turn', async (_what, put, read, property) => {
      const visit = await served(put, saying(read))
      const [neo, trinity] = [await visit('neo'), await visit('trinity')]
      expect(cacheStatus(neo)).toMatchObject({ fwd: 'miss', detail: 'unkeyed-property', property })
      expect([isHit(trinity), trinity.body.toString() === neo.body.toString()]).toEqual([false, false])
    })

    it.each(ways)('by %s, at once, after a while', async (_what, put, read) => {
      const slowly: RequestHandler = (req, res) => void setTimeout(() => saying(read)(req, res, () => undefined), 5)
      const visit = await served(put, slowly)
      const answers = await Promise.all(['neo', 'trinity', 'smith'].map(visit))
      expect(answers.filter(isHit)).toEqual([])
      expect(new Set(answers.slice(0, 2).map(({ body }) => body.toString())).size).toBe(2)
    })

    it.each(factories)('behind %s', async factory => {
      const [, put, read] = ways[0]!
      const visit = await served(
        put,
        (req, res) => void res.type('audio/mpeg').send(`ID3 ${String(read(req, res))}`),
        {},
        factory,
      )
      const bodies = [await visit('neo'), await visit('trinity')].map(({ body }) => body.toString())
      expect(bodies).toEqual(['ID3 neo', 'ID3 trinity'])
    })

    it('by what is read after the first bytes', async () => {
      const [, put, read] = ways[0]!
      const visit = await served(put, (req, res) => {
        res.type('text/plain').write('hello ')
        setImmediate(() => res.end(read(req, res)))
      })
      expect([await visit('neo'), await visit('trinity')].map(({ body }) => body.toString())).toEqual([
        'hello neo',
        'hello trinity',
      ])
    })

    it('by a template that shows res.locals', async () => {
      const app = express().use(front((_req, res, who) => (res.locals.who = who)))
      app.engine('txt', (_path, options, done) => done(null, `hello ${(options as { who?: string }).who}`))
      app.set('views', __dirname).set('view engine', 'txt')
      app.get('/movies/:movieId', testCache().cacheApi(), (_req, res) => res.render('put-in-front.test.ts', {}))
      app.engine('ts', (_path, options, done) => done(null, `hello ${(options as { who?: string }).who}`))
      const page = await serve(app)
      const bodies = []
      for (const user of ['neo', 'trinity'])
        bodies.push((await ask(page, '/movies/603', { headers: { 'X-User': user } })).body.toString())
      expect(bodies).toEqual(['hello neo', 'hello trinity'])
    })

    it('by a res.json of somebody’s own that hides fields by role', async () => {
      const hiding: Put = (req, res, who) => {
        const json = res.json.bind(res)
        req.role = who
        res.json = (film: object) => json(req.role === 'neo' ? { ...film, budget: 63 } : film)
      }
      const visit = await served(hiding, (_req, res) => void res.json({ title: 'The Matrix' }))
      const [neo, trinity] = [await visit('neo'), await visit('trinity')]
      expect(cacheStatus(neo)).toMatchObject({ detail: 'unkeyed-property', property: 'role' })
      expect(trinity.body.toString()).toBe('{"title":"The Matrix"}')
    })

    describe('while what tells nothing of him is cached:', () => {
      it.each(harmless)('%s', async (_what, put, read) => {
        const visit = await served(put, saying(read))
        const [neo, trinity] = [await visit('neo'), await visit('trinity')]
        expect([isHit(trinity), trinity.body.toString()]).toEqual([true, neo.body.toString()])
      })

      it.each(ways.filter(([what]) => what !== 'what cannot be changed' && what !== 'frozen locals'))(
        '%s, when key(req) reads it',
        async (_what, put, read) => {
          const key = (req: Request): string => JSON.stringify(read(req, (req as Loose).res as Response))
          const visit = await served(put, saying(read), { key })
          const [neo, trinity] = [await visit('neo'), await visit('trinity')]
          expect(trinity.body.toString()).not.toBe(neo.body.toString())
          expect([isHit(trinity), isHit(await visit('neo')), isHit(await visit('trinity'))]).toEqual([
            false,
            true,
            true,
          ])
        },
      )

      it.each(ways)('%s, when it is vouched for', async (_what, put, read, property) => {
        for (const ignoreProperties of [[property], true as const]) {
          const visit = await served(put, saying(read), { ignoreProperties })
          await visit('neo')
          expect(isHit(await visit('trinity'))).toBe(true)
        }
      })
    })

    describe('nor what authentication behind the cache has found out:', () => {
      const late: [string, (req: Loose, who: string) => void, string][] = [
        ['req.user', (req, who) => (req.user = { name: who }), 'user'],
        ['req.auth', (req, who) => (req.auth = { name: who }), 'auth'],
      ]
      const greeting: RequestHandler = (req, res) =>
        void res.json({ hello: ((req as Loose).user ?? (req as Loose).auth).name })

      async function behind(set: (req: Loose, who: string) => void, options: RouteOptions = {}) {
        // A client certificate, or an address: what the cache is not told of.
        const visitors = ['neo', 'trinity']
        const auth: RequestHandler = (req, _res, next) => (set(req, visitors.shift()!), next())
        const app = await serve(express().get('/me', testCache().cacheApi(options), auth, greeting))
        return [await ask(app, '/me'), await ask(app, '/me')]
      }

      it.each(late)('%s', async (_what, set, property) => {
        const [neo, trinity] = await behind(set)
        expect(cacheStatus(neo!)).toMatchObject({ fwd: 'miss', detail: 'user', property })
        expect([neo!, trinity!].map(({ body }) => body.toString())).toEqual(['{"hello":"neo"}', '{"hello":"trinity"}'])
      })

      it.each(late)('%s, but where somebody vouches for it', async (_what, set, property) => {
        const [, second] = await behind(set, { ignoreProperties: [property] })
        expect(isHit(second!)).toBe(true)
      })
    })
  },
)
