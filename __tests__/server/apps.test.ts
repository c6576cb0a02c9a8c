import type { Application, Request, RequestHandler, Response } from 'express'
import { errorPage, expresses, type Express } from '../support/express.js'
import { listening } from '../support/server.js'
import { both, bothSay, bytesOf, said } from './support.js'

/** Where a request is: the name of the app that it and its answer belong to, and what that app has set. */
const place = (req: Request, res: Response): string =>
  [req.app, res.app].map(app => `${String(app.locals['name'])}/${String(app.get('answer'))}`).join(' ')

const named = (app: Application, name: string): Application => {
  app.locals['name'] = name
  return app
}

interface Case {
  readonly name: string
  readonly make: (express: Express) => Application
  readonly says: string
  readonly method?: string
  readonly path?: string
}

const routes: Case[] = [
  {
    name: 'app.param',
    make: express => {
      const app = express()
      app.param('id', (req, _res, next, id) => ((req.body = `film ${String(id)}`), next()))
      return app.get('/films/:id', (req, res) => res.send(req.body))
    },
    says: 'film 7',
  },
  {
    name: 'a router that has the parameters of its parent',
    make: express => {
      const router = express.Router({ mergeParams: true })
      router.get('/:part', ({ params, baseUrl, url }, res) => res.json([params, baseUrl, url]))
      return express().use('/:kind', router)
    },
    says: '[{"kind":"films","part":"7"},"/films","/7"]',
  },
  {
    name: "next('route') and next('router')",
    make: express => {
      const router = express.Router()
      router.get(
        '/films/7',
        (_req, _res, next) => next('route'),
        (_req, res) => res.send('not here'),
      )
      router.get('/films/7', (_req, res, next) => (res.append('X-Way', 'route'), next('router')))
      router.use((_req, res) => res.send('nor here'))
      return express()
        .use(router)
        .use((_req, res) => res.append('X-Way', 'router').send('here'))
    },
    says: 'X-Way: route\r\nX-Way: router\r\n',
  },
  {
    name: 'app.route and app.all',
    make: express => {
      const app = express()
      app
        .route('/films/7')
        .all((_req, res, next) => (res.set('X-All', 'yes'), next()))
        .put((_req, res) => res.send('put'))
      return app
    },
    method: 'PUT',
    says: 'X-All: yes',
  },
  {
    name: 'OPTIONS that nobody answers',
    make: express => express().get('/films/7', (_req, res) => res.end()),
    method: 'OPTIONS',
    says: 'Allow: GET',
  },
  {
    name: 'a method that no route has',
    make: express => express().get('/films/7', (_req, res) => res.end()),
    method: 'DELETE',
    says: '<pre>Cannot DELETE /films/7</pre>',
  },
]

const mounted: Case[] = [
  {
    name: 'the settings and locals of its own',
    make: express => {
      const inner = named(express(), 'inner').set('answer', 42).set('json spaces', 1).disable('etag')
      inner.get('/7', (req, res) => res.json({ place: place(req, res), mount: inner.mountpath, at: inner.path() }))
      return named(express(), 'outer').set('answer', 1).use('/films', inner)
    },
    says: '"place": "inner/42 inner/42"',
  },
  {
    name: 'a settings it inherits',
    make: express => {
      const inner = named(express(), 'inner').get('/7', (req, res) => res.send(`${req.ip!} ${place(req, res)}`))
      return named(express(), 'outer').set('answer', 1).set('trust proxy', true).use('/films', inner)
    },
    says: '203.0.113.7 inner/1 inner/1',
  },
  {
    name: 'the outer app back, when it is done',
    make: express => {
      const inner = named(express(), 'inner').use((req, res, next) => (res.set('X-Inner', place(req, res)), next()))
      const outer = named(express(), 'outer').set('answer', 1)
      inner.set('answer', 42)
      return outer.use('/films', inner).use((req, res) => res.send(place(req, res)))
    },
    says: 'outer/1 outer/1',
  },
  {
    name: 'the outer app back, when it has failed',
    make: express => {
      const inner = named(express(), 'inner').use(() => {
        throw new Error('torn')
      })
      const outer = named(express(), 'outer').use('/films', inner)
      return outer.use(((error, req, res, _next) =>
        res.send(`${(error as Error).message} ${place(req, res)}`)) as typeof errorPage)
    },
    says: 'torn outer/undefined outer/undefined',
  },
  {
    name: 'one app inside the other',
    make: express => {
      const innermost = named(express(), 'innermost').get('/7', (req, res) => res.send(place(req, res)))
      return named(express(), 'outer').use(named(express(), 'inner').use('/films', innermost))
    },
    says: 'innermost/undefined innermost/undefined',
  },
]

const failures: Case[] = [
  {
    name: 'a path without a handler',
    make: express => express(),
    says: '<pre>Cannot GET /films/7</pre>',
  },
  { name: 'an error that is thrown', make: express => failing(express), says: '<pre>Error: torn<br> &nbsp; &nbsp;at ' },
  {
    name: 'an error inside a method of the request',
    make: express => express().use((req, res) => res.send(req.get(''))),
    says: 'at IncomingMessage.',
  },
  {
    name: 'an error in production',
    make: express => failing(express).set('env', 'production'),
    says: '<pre>Internal Server Error</pre>',
  },
  {
    name: 'an error with a status and fields',
    make: express => failing(express, { status: 503, headers: { 'Retry-After': '9' } }),
    says: 'Retry-After: 9',
  },
  {
    name: 'an error that another one handles',
    make: express => failing(express).use(errorPage),
    says: '{"error":"torn"}',
  },
  {
    name: 'an error that is passed on later',
    make: express => express().use((_req, _res, next) => void setImmediate(() => next(new Error('late')))),
    says: '<pre>Error: late',
  },
  { name: 'a path that cannot be read', make: express => failing(express), path: '/%zz', says: '400 Bad Request' },
  {
    name: 'an error after the first bytes',
    make: express => express().use((_req, res, next) => void res.write('reel', () => next(new Error('torn')))),
    says: '4\r\nreel\r\n',
  },
]

function failing(express: Express, properties: object = {}): Application {
  return express()
    .get('/:any', (_req, res) => res.end())
    .get('/films/7', () => {
      throw Object.assign(new Error('torn'), properties)
    })
}

describe.each(expresses)('%s behaves the same through createServer', (name, express) => {
  let logged: jest.SpyInstance
  beforeEach(() => (logged = jest.spyOn(console, 'error').mockImplementation()))
  afterEach(() => logged.mockRestore())

  const asked = (make: () => Application, method = 'GET', path = '/films/7') =>
    bothSay(make, bytesOf(method, path, { 'X-Forwarded-For': '203.0.113.7' }))

  describe.each([
    ['with', routes],
    ['a mounted app has', mounted],
    ['after', failures],
  ])('%s', (_part, cases) => {
    it.each(cases)('$name', async it => {
      const { plain, ours } = await asked(() => it.make(express), it.method, it.path)
      expect(plain).toContain(it.says)
      expect(ours).toBe(plain)
    })
  })

  it('after an async handler has failed, which Express 5 alone looks after', async () => {
    const failed: RequestHandler = async (_req, _res, next) => {
      if (name === 'Express 4') next(new Error('lost'))
      else throw new Error('lost')
    }
    const { plain, ours } = await asked(() => express().get('/films/7', failed).use(errorPage))
    expect(plain).toContain('{"error":"lost"}')
    expect(ours).toBe(plain)
  })

  describe('with methods of its own', () => {
    const own = (app: Application): Record<'request' | 'response', Record<string, unknown>> => app as never
    const extend = (app: Application, word: string): void => {
      own(app).request['word'] = () => word
      own(app).response['say'] = function (this: Response, text: string) {
        return this.set('X-Said', 'yes').send(text)
      }
      Object.defineProperty(own(app).request, 'ip', { configurable: true, get: () => 'hidden' })
    }
    const speak: RequestHandler = (req, res) => {
      const { word, ip } = req as Request & { word: () => string }
      const { say } = res as Response & { say?: (text: string) => void }
      say?.call(res, `${word()} from ${String(ip)}`)
    }

    it.each([
      ['set before the server is made', true],
      ['set after it was made', false],
    ])('%s', async (_when, isBefore) => {
      const { plain, ours } = await both(async serverOf => {
        const app = express().get('/films/7', speak)
        if (isBefore) extend(app, 'hello')
        const served = await listening(serverOf(app))
        if (!isBefore) extend(app, 'hello')
        return said(served, bytesOf('GET', '/films/7'))
      })
      expect(plain).toMatch(/X-Said: yes\r\n[^]*hello from hidden$/)
      expect(ours).toBe(plain)
    })

    it('which a mounted app inherits and may replace', async () => {
      const make = (): Application => {
        const outer = express()
        const inner = express().get('/7', speak)
        extend(outer, 'outer')
        own(inner).request['word'] = () => 'inner'
        return outer.use('/films', inner)
      }
      const { plain, ours } = await asked(make)
      expect(plain).toMatch(/inner from hidden$/)
      expect(ours).toBe(plain)
    })

    it('on prototypes that were replaced after the server was made', async () => {
      const { plain, ours } = await both(async serverOf => {
        const app = express().get('/films/7', speak)
        const served = await listening(serverOf(app))
        app.request = Object.create(express.request) as Request
        app.response = Object.create(express.response) as Response
        Object.assign(app.request, { app })
        Object.assign(app.response, { app })
        extend(app, 'replaced')
        return said(served, bytesOf('GET', '/films/7'))
      })
      expect(plain).toMatch(/replaced from hidden$/)
      expect(ours).toBe(plain)
    })

    it('behind the app it is mounted on, when it is served on its own', async () => {
      const make = (): Application => {
        const outer = express()
        extend(outer, 'outer')
        const inner = express().get('/films/7', speak)
        outer.use(inner)
        return inner
      }
      const { plain, ours } = await asked(make)
      expect(plain).toMatch(/outer from hidden$/)
      expect(ours).toBe(plain)
    })
  })
})
