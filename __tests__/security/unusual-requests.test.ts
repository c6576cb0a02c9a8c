/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call, @typescript-eslint/unbound-method, @typescript-eslint/no-base-to-string -- these read what no type knows */
/** Requests that are not quite Node's: the cache can fail, the app cannot. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import * as http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { types } from 'node:util'
import codegenie from '@codegenie/serverless-express'
import vendia from '@vendia/serverless-express'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import expressWs from 'express-ws'
import serverlessHttp from 'serverless-http'
import { WebSocket } from 'ws'
import type { CacheEvent } from '../../lib/index.js'
import { cacheStatus, testCache, type RouteOptions } from '../support/cache.js'
import { startChild } from '../support/child.js'
import { answered, ask, open, over, type Answer } from '../support/client.js'
import { fakeClock } from '../support/clock.js'
import { counted, expresses } from '../support/express.js'
import { arrivals, gate } from '../support/gate.js'
import type { Loose } from '../support/loose.js'
import { serve, type Served } from '../support/server.js'
import { until } from '../support/until.js'

const factories = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const
type Factory = (typeof factories)[number]

/** A leader that is dead would hold the test up until it fails. */
const patient: RouteOptions = { lockTimeout: 600_000 }

/** One gate after the other. */
const gates = () => ({
  current: gate(),
  again(): Promise<void> {
    this.current = gate()
    return this.current.opened
  },
})

const film = { title: 'Amélie', year: 2001 }
const speech = Buffer.concat([Buffer.from('ID3'), Buffer.alloc(3_000, 0xfb)])
const answerFilm: RequestHandler = (_req, res) => void res.json(film)
const answerSpeech: RequestHandler = (_req, res) => void res.type('audio/mpeg').send(speech)

interface LambdaAnswer {
  readonly statusCode: number
  readonly headers: Record<string, string>
  readonly body: string
  readonly isBase64Encoded: boolean
}
type Lambda = (event: object, context: object) => Promise<LambdaAnswer>

const adapters: [name: string, adapt: (app: Loose) => Lambda][] = [
  ['serverless-http', app => serverlessHttp(app, { binary: ['audio/*'] }) as Lambda],
  ['@vendia/serverless-express', app => (vendia as Loose)({ app, binarySettings: { contentTypes: ['audio/*'] } })],
  [
    '@codegenie/serverless-express',
    app => (codegenie as Loose)({ app, binarySettings: { contentTypes: ['audio/*'] } }),
  ],
]

/** An event of API Gateway. */
const lambdaEvent = (method: string, { body, headers = {} }: { body?: string; headers?: object } = {}): object => ({
  version: '2.0',
  rawPath: '/movies/603',
  rawQueryString: '',
  headers: {
    host: 'api.example.org',
    ...(body !== undefined && { 'content-type': 'application/json', 'content-length': String(body.length) }),
    ...headers,
  },
  body,
  requestContext: { http: { method, path: '/movies/603', sourceIp: '192.0.2.1' }, stage: '$default' },
  isBase64Encoded: false,
})

const bytesOf = ({ body, isBase64Encoded }: LambdaAnswer): Buffer =>
  Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8')
const saysHit = (headers: Record<string, unknown>): boolean => / hit;/.test(String(headers['cache-status']))
const isHit = (answer: Answer): boolean => cacheStatus(answer)['hit'] === true

describe.each(expresses)('a stranger cannot stop or hold up an app on %s with', (version, express) => {
  describe.each(adapters)('a request of %s', (_name, adapt) => {
    function lambdaOf(factory: Factory, handler: RequestHandler, options: RouteOptions = patient) {
      const clock = fakeClock()
      const runs = counted((req, res, _run, next) => handler(req, res, next))
      const app = express()
      app.use(express.json())
      app.all('/movies/:movieId', testCache({ clock })[factory](options), runs)
      const lambda = adapt(app)
      return { runs, clock, invoke: (...event: Parameters<typeof lambdaEvent>) => lambda(lambdaEvent(...event), {}) }
    }
    const answerOf = (factory: Factory): RequestHandler => (factory === 'cacheTts' ? answerSpeech : answerFilm)

    it.each(factories.flatMap(factory => ['GET', 'POST'].map(method => [method, factory] as const)))(
      'is a hit the second time, byte for byte: %s behind %s',
      async (method, factory) => {
        const { invoke, runs } = lambdaOf(factory, answerOf(factory))
        const event = method === 'POST' ? { body: '{"text":"hello"}' } : {}
        const first = await invoke(method, event)
        const second = await invoke(method, event)
        expect(first.statusCode).toBe(200)
        expect([second.statusCode, saysHit(second.headers), runs.calls]).toEqual([200, true, 1])
        expect(bytesOf(second)).toEqual(factory === 'cacheTts' ? speech : Buffer.from(JSON.stringify(film)))
        expect(second.headers['content-type']).toBe(first.headers['content-type'])
      },
    )

    it('is told apart from one with another body', async () => {
      const { invoke } = lambdaOf('cacheAi', (req, res) => void res.json({ said: req.body.text }))
      const said = async (text: string) => bytesOf(await invoke('POST', { body: JSON.stringify({ text }) })).toString()
      expect(await said('one')).toBe('{"said":"one"}')
      expect(await said('two')).toBe('{"said":"two"}')
      expect(await said('one')).toBe('{"said":"one"}')
    })

    it('gets a 304 for the validator of a hit', async () => {
      const { invoke } = lambdaOf('cacheApi', answerFilm)
      await invoke('GET')
      const { headers } = await invoke('GET')
      const again = await invoke('GET', { headers: { 'if-none-match': headers['etag']! } })
      expect([again.statusCode, again.body]).toEqual([304, ''])
    })

    it('has a stale answer refreshed behind it', async () => {
      const { invoke, runs, clock } = lambdaOf('cacheApi', answerFilm, { ttl: 1_000, staleWhileRevalidate: 60_000 })
      await invoke('GET')
      clock.advance(2_000)
      expect((await invoke('GET')).headers['x-cache']).toBe('STALE')
      await until('it was refreshed', () => runs.calls === 2)
      expect(saysHit((await invoke('GET')).headers)).toBe(true)
    })

    it('gets the error page where the handler fails, each time', async () => {
      const { invoke, runs } = lambdaOf('cacheApi', (_req, res) => void res.status(503).json({ error: 'down' }))
      expect([(await invoke('GET')).statusCode, (await invoke('GET')).statusCode, runs.calls]).toEqual([503, 503, 2])
    })
  })

  describe('a request of HTTP/2', () => {
    const closers: (() => void)[] = []
    afterEach(() => {
      for (const close of closers.splice(0)) close()
    })

    /** Express gives a request the prototype of `app.request`: this one is of HTTP/2, as bridges make it. */
    async function serveHttp2(handler: RequestHandler, options: RouteOptions = patient, factory: Factory = 'cacheApi') {
      const runs = counted((req, res, _run, next) => handler(req, res, next))
      const app = express() as Loose
      for (const [name, original, half] of [
        ['request', (express as Loose).request, http2.Http2ServerRequest],
        ['response', (express as Loose).response, http2.Http2ServerResponse],
      ])
        app[name] = Object.create(half.prototype, {
          ...Object.getOwnPropertyDescriptors(original),
          app: { value: app, writable: true },
        })
      app.get('/movies/:movieId', testCache()[factory](options), runs)
      const server = http2.createServer(app)
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
      closers.push(() => {
        client.destroy()
        server.close()
      })
      const get = async (path: string, fields: object = {}) => {
        const stream = client.request({ ':path': path, ...fields })
        const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders & { ':status': number }]
        const chunks: Buffer[] = []
        for await (const chunk of stream) chunks.push(chunk as Buffer)
        return { status: headers[':status'], headers, body: Buffer.concat(chunks).toString() }
      }
      return { get, runs, client }
    }

    it('is a hit the second time, byte for byte', async () => {
      const { get, runs } = await serveHttp2(answerFilm)
      const first = await get('/movies/603')
      const second = await get('/movies/603')
      expect([first.status, second.status, saysHit(second.headers), runs.calls]).toEqual([200, 200, true, 1])
      expect(second.body).toBe(JSON.stringify(film))
    })

    it.each(factories)('gets a streamed answer of %s whole, as a miss and as a hit', async factory => {
      const whole = `ID3 ${'Wake up, Neo. '.repeat(100)}`
      const handler: RequestHandler = (_req, res) => {
        res.type(factory === 'cacheTts' ? 'audio/mpeg' : 'text/plain').write(whole.slice(0, 99))
        res.write(whole.slice(99, 500))
        res.end(whole.slice(500))
      }
      const { get } = await serveHttp2(handler, patient, factory)
      expect((await get('/movies/603')).body).toBe(whole)
      const hit = await get('/movies/603')
      expect([hit.body, saysHit(hit.headers)]).toEqual([whole, true])
    })

    it('is told apart from one for another authority', async () => {
      const { get, runs } = await serveHttp2(answerFilm)
      await get('/movies/603', { ':authority': 'a.example' })
      const other = await get('/movies/603', { ':authority': 'b.example' })
      expect([saysHit(other.headers), runs.calls]).toEqual([false, 2])
      expect(saysHit((await get('/movies/603', { ':authority': 'b.example' })).headers)).toBe(true)
    })

    it.each([
      ['req.authority', (req: Loose): unknown => req.authority],
      ['its pseudo-field', (req: Loose): unknown => req.headers[':authority']],
      ['its stream', (req: Loose): unknown => req.stream.sentHeaders ?? 'none'],
      ['its socket', (req: Loose): unknown => req.socket.remotePort],
    ])('is not stored where the handler looked at %s', async (_what, look) => {
      const { get, runs } = await serveHttp2((req, res) => void res.json({ said: String(look(req)) }))
      await get('/movies/603')
      await get('/movies/603')
      expect(runs.calls).toBe(2)
    })

    it.each(factories)('that is cancelled in the middle of an answer leaves %s well', async factory => {
      const begun = gates()
      let finish = (): void => undefined
      const handler: RequestHandler = (_req, res) => {
        res.type('audio/mpeg').write('ID3 Wake up, ')
        finish = () => res.end('Neo.')
        begun.current.open()
      }
      const { get, client } = await serveHttp2(handler, { ...patient, complete: () => true }, factory)
      const leaving = client.request({ ':path': '/movies/603' }).on('error', () => undefined)
      await begun.current.opened
      const closed = once(leaving, 'close')
      leaving.close(http2.constants.NGHTTP2_CANCEL)
      await closed
      finish()
      const again = begun.again()
      const next = get('/movies/603')
      await Promise.race([next, again])
      finish()
      expect((await next).body).toBe('ID3 Wake up, Neo.')
    })
  })

  describe('a request or response that is odd', () => {
    const define = (target: object, name: string, descriptor: PropertyDescriptor): unknown =>
      Object.defineProperty(target, name, { configurable: true, ...descriptor })
    const fail = (): never => {
      throw new Error('not here')
    }
    /** What is odd, and whether it can be cached all the same; undefined where Node itself looks at it, on some versions. */
    const oddities: [what: string, isCached: boolean | undefined, make: (req: Loose, res: Loose) => unknown][] = [
      ['without a socket', true, req => define(req, 'socket', { value: undefined, writable: true })],
      ['with null for a socket', true, req => define(req, 'socket', { value: null, writable: true })],
      ['with a plain object for a socket', true, req => define(req, 'socket', { value: {}, writable: true })],
      [
        'with a socket that is frozen',
        undefined,
        req => define(req, 'socket', { value: Object.freeze({}), writable: true }),
      ],
      [
        'with a socket that throws',
        false,
        req => define(req, 'socket', { value: define({}, 'encrypted', { get: fail }), writable: true }),
      ],
      ['without rawHeaders', true, req => define(req, 'rawHeaders', { value: undefined, writable: true })],
      ['without httpVersion', true, req => define(req, 'httpVersion', { value: undefined, writable: true })],
      [
        'with headers that only a getter gives',
        true,
        req =>
          define(req, 'headers', {
            get: (
              h => () =>
                h
            )(req.headers),
          }),
      ],
      [
        'with headers that are fixed',
        false,
        req => define(req, 'headers', { value: req.headers, configurable: false }),
      ],
      [
        'with a distinct list that is fixed',
        false,
        req => define(req, 'headersDistinct', { value: {}, configurable: false }),
      ],
      ['with an emit that is fixed', true, req => define(req, 'emit', { value: req.emit, configurable: false })],
      ['with a response without getHeaders', false, (_req, res) => define(res, 'getHeaders', { value: undefined })],
      ['with a response whose getHeaders throws', false, (_req, res) => define(res, 'getHeaders', { value: fail })],
      ['with a response that takes no listener', false, (_req, res) => define(res, 'on', { value: fail })],
      ['with a response that takes no listener once', true, (_req, res) => define(res, 'once', { value: fail })],
      [
        'with a response whose write is fixed',
        false,
        (_req, res) => define(res, 'write', { value: res.write, configurable: false }),
      ],
      [
        'with a response whose end is fixed',
        false,
        (_req, res) => define(res, 'end', { value: res.end, configurable: false }),
      ],
      [
        'with a response without a list of listeners',
        false,
        (_req, res) => define(res, 'rawListeners', { value: undefined }),
      ],
    ]

    function serveOdd(make: (req: Loose, res: Loose) => unknown, factory: Factory = 'cacheApi') {
      const events: CacheEvent[] = []
      const cache = testCache().on('event', event => events.push(event))
      const runs = counted((req, res) => {
        if (factory === 'cacheTts') answerSpeech(req, res, () => undefined)
        else {
          // Not `res.json`, which asks for more than the oddest responses have.
          res.statusCode = 200
          res.end(JSON.stringify(film))
        }
      })
      const app = express()
      app.use((req, res, next) => {
        if (req.headers['x-odd'] !== undefined) make(req, res)
        next()
      })
      app.get('/movies/:movieId', cache[factory](patient), runs)
      return serve(app).then(served => ({ served, runs, events }))
    }
    const odd = { headers: { 'X-Odd': '1' } }

    it.each(oddities)('%s is answered as without the cache', async (_what, isCached, make) => {
      const { served, runs, events } = await serveOdd(make)
      for (const run of [1, 2]) {
        const answer = await ask(served, '/movies/603', odd)
        expect([answer.status, answer.body.toString()]).toEqual([200, JSON.stringify(film)])
        if (isCached !== undefined) expect(runs.calls).toBe(isCached ? 1 : run)
      }
      const aside = events.filter(event => event.type === 'bypass' && event.reason === 'unsupported')
      expect(aside.length > 0).toBe(isCached === false)
    })

    it.each(oddities)('%s holds up nobody who comes after it', async (_what, _isCached, make) => {
      const { served, runs } = await serveOdd(make)
      await ask(served, '/movies/603', odd)
      const before = runs.calls
      const [one, two] = [await ask(served, '/movies/603'), await ask(served, '/movies/603')]
      expect([one.status, two.status, isHit(two)]).toEqual([200, 200, true])
      expect(runs.calls).toBeLessThanOrEqual(before + 1)
    })

    it.each(oddities)('%s takes over from a leader without harm to those who wait', async (_what, _isCached, make) => {
      const inside = arrivals()
      const opened = gate()
      const app = express()
      app.use((req, res, next) => {
        if (req.headers['x-odd'] !== undefined) make(req, res)
        next()
      })
      app.use(inside.middleware)
      app.get('/movies/:movieId', testCache().cacheApi(patient), async (req, res) => {
        await opened.opened
        if (req.headers['x-first'] !== undefined) res.status(500)
        res.end(JSON.stringify(film))
      })
      const served = await serve(app)
      const leader = open(served, '/movies/603', { headers: { 'X-First': '1' } })
      await inside.reached(1)
      const waiting = [odd, {}, odd, {}].map(question => ask(served, '/movies/603', question))
      await inside.reached(5)
      const gone = over(leader)
      leader.destroy()
      await gone
      opened.open()
      expect((await Promise.all(waiting)).map(({ body }) => body.toString())).toEqual(
        Array(4).fill(JSON.stringify(film)),
      )
    })
  })

  describe('whatever throws while the cache is set up', () => {
    let dir: string
    beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'reelcache-'))))
    afterEach(() => rmSync(dir, { recursive: true, force: true }))

    interface Scene {
      readonly what: string
      readonly factory?: Factory
      readonly options?: RouteOptions
      readonly method?: string
      readonly headers?: Record<string, string>
      /** What was asked before. */
      readonly isWarm?: boolean
      /** How much later. */
      readonly later?: number
      readonly files?: boolean
    }
    const swr: RouteOptions = { ttl: 1_000, staleWhileRevalidate: 60_000 }
    const scenes: Scene[] = [
      { what: 'a miss' },
      { what: 'a miss that is finished without its client', factory: 'cacheAi' },
      {
        what: 'a miss with a stale entry behind it',
        options: { ttl: 1_000, staleIfError: 60_000 },
        isWarm: true,
        later: 2_000,
      },
      { what: 'a miss with a parameter that is hidden', headers: { 'x-query': '?utm_source=x' } },
      { what: 'a hit', isWarm: true },
      { what: 'a stale hit', options: swr, isWarm: true, later: 2_000 },
      { what: 'a HEAD that is a hit', isWarm: true, method: 'HEAD' },
      { what: 'a HEAD that is a miss', method: 'HEAD' },
      { what: 'a miss of speech, looked up in files', factory: 'cacheTts', files: true },
      { what: 'a hit of speech', factory: 'cacheTts', isWarm: true },
      { what: 'a request that goes past the cache', headers: { authorization: 'Bearer x' } },
      { what: 'a DELETE', method: 'DELETE' },
    ]

    /** Throws at the nth thing that is asked of it, until the set-up is over. */
    function faults(at: number) {
      const state = { asked: 0, isArmed: true, hasThrown: false }
      const ask = (): void => {
        if (!state.isArmed || ++state.asked !== at) return
        state.hasThrown = true
        throw new Error(`fault ${at}`)
      }
      const traps = ['set', 'has', 'defineProperty', 'deleteProperty', 'getOwnPropertyDescriptor'].map(trap => [
        trap,
        (...args: unknown[]) => {
          ask()
          return (Reflect as Loose)[trap](...args)
        },
      ])
      const get = (target: Loose, name: string): unknown => {
        ask()
        const value = Reflect.get(target, name)
        // Node's own methods run on what is theirs. This one the cache knows by its identity.
        return typeof value === 'function' && name !== 'setHeader' ? value.bind(target) : value
      }
      return { state, wrap: <T extends object>(half: T): T => new Proxy(half, { ...Object.fromEntries(traps), get }) }
    }

    /** What stands on a request or response, but for what Express changes as it goes on. */
    const standing = (half: object): string =>
      Reflect.ownKeys(half)
        .filter(name => !['next', 'params', 'route', 'locals', 'statusCode'].includes(String(name)))
        .map(name => {
          const { value, get } = Object.getOwnPropertyDescriptor(half, name)!
          return `${String(name)} ${get === undefined ? typeof value : 'getter'} ${types.isProxy(value)}`
        })
        .sort()
        .join('\n')

    async function sweep(scene: Scene): Promise<number> {
      const { factory = 'cacheApi', options, method = 'GET', headers = {}, isWarm, later = 0, files } = scene
      const clock = fakeClock()
      const cache = testCache({ clock, ...(files === true && { tts: { cacheDir: dir, fileMinFreeBytes: 0 } }) })
      const middleware = cache[factory]({ ...patient, ...options })
      let fault: ReturnType<typeof faults> | undefined
      let before = ''
      let found: { standing: string; isWatched: boolean; url: string; head: string } | undefined
      const look = (req: Request, res: Response) => ({
        standing: `${standing(req)}\n${standing(res)}`,
        isWatched: types.isProxy(req.headers) || types.isProxy(req.rawHeaders),
        url: req.originalUrl + req.url,
        head: JSON.stringify([
          res.statusCode,
          { ...res.getHeaders(), 'cache-status': undefined, 'x-cache': undefined },
        ]),
      })
      const app = express()
      app.disable('x-powered-by')
      app.all(
        '/movies/:movieId',
        (req: Request, res: Response, next: NextFunction) => {
          if (fault === undefined) return middleware(req, res, next)
          // What Node makes of them on first use stands there from now on.
          for (const name of ['headers', 'headersDistinct'] as const) expect(req[name]).toBeDefined()
          res.setHeader('x-front', '1')
          before = `${standing(req)}\n${standing(res)}`
          const { state, wrap } = fault
          const goOn: NextFunction = error => {
            state.isArmed = false
            found = look(req, res)
            if (error === undefined) next()
            else next(error)
          }
          try {
            middleware(wrap(req), wrap(res), goOn)
          } finally {
            if (!files) state.isArmed = false
          }
        },
        factory === 'cacheTts' ? answerSpeech : answerFilm,
      )
      const served = await serve(app)
      const expected = factory === 'cacheTts' ? speech : Buffer.from(JSON.stringify(film))
      const body = method === 'HEAD' ? Buffer.alloc(0) : expected
      let swept = 0
      for (let at = 1; ; at++) {
        const path = `/movies/${at}`
        fault = undefined
        if (isWarm === true) await ask(served, path)
        clock.advance(later)
        fault = faults(at)
        found = undefined
        const { 'x-query': query = '', ...fields } = headers
        const answer = await ask(served, path + query, { method, headers: fields })
        const { hasThrown } = fault.state
        fault.state.isArmed = false
        fault = undefined
        expect([at, answer.status, answer.body.equals(body)]).toEqual([at, 200, true])
        if (!hasThrown) return swept
        swept++
        // Either it did without, or it stepped aside.
        const aside = found as { standing: string; isWatched: boolean; url: string; head: string } | undefined
        if (aside !== undefined && !aside.isWatched) {
          expect([at, aside.url]).toEqual([at, (path + query).repeat(2)])
          expect([at, aside.head]).toEqual([at, '[200,{"x-front":"1"}]'])
          if (method !== 'DELETE') expect([at, withoutState(aside.standing)]).toEqual([at, withoutState(before)])
        }
        const next = await ask(served, path)
        expect([at, next.status, next.body.equals(expected)]).toEqual([at, 200, true])
      }
    }
    // A mark that tells another cache on the same way what is watched; and what Node keeps of fields it was asked for.
    const withoutState = (text: string): string => text.replace(/^Symbol\(.*$/gm, '').replace(/\n+/g, '\n')

    it.each(scenes)('costs the cache and not the app: $what', async scene => {
      expect(await sweep(scene)).toBeGreaterThan(5)
    })
  })

  describe('a client that leaves in the middle of an answer', () => {
    const agents = [['res'], ['req'], ['req', 'res']]
    it.each(
      agents.flatMap(wraps =>
        (['cacheAi', 'cacheTts'] as const).map(route => [wraps.join(' and '), route, wraps] as const),
      ),
    )('ends no process with an agent in front that wraps emit of %s, and %s', async (_what, route, wraps) => {
      const script = join(__dirname, 'unusual-server.mjs')
      const child = await startChild(
        script,
        [JSON.stringify({ version, route, wraps })],
        ['--unhandled-rejections=strict'],
      )
      const begun = child.heard('begun')
      const leaving = open(child, '/say')
      await begun
      const gone = over(leaving)
      leaving.destroy()
      await gone
      const ends = async () => ((await child.tell('state')) as { ended: number }).ended
      await until('the agent has heard of it', async () => (await ends()) === wraps.length)
      await child.tell('finish')
      const hit = await ask(child, '/say')
      expect([hit.status, hit.body.toString(), isHit(hit)]).toEqual([200, 'ID3 Wake up, Neo.', true])
      expect(await child.tell('state')).toMatchObject({ calls: 1 })
    })
  })

  describe('a WebSocket', () => {
    async function serveSockets(mount: (app: Loose, cached: RequestHandler) => void) {
      const events: CacheEvent[] = []
      const { cacheApi } = testCache().on('event', event => events.push(event))
      const app = express() as Loose
      const server = (await import('node:http')).createServer(app)
      expressWs(app, server, { leaveRouterUntouched: true })
      mount(app, cacheApi(patient) as RequestHandler)
      app.ws('/chat', (socket: WebSocket) => socket.on('message', text => socket.send(`heard ${String(text)}`)))
      app.get('/movies', answerFilm)
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const sockets: WebSocket[] = []
      const talk = async (text: string): Promise<string> => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`)
        sockets.push(socket)
        const heard = once(socket, 'message')
        await once(socket, 'open')
        socket.send(text)
        return String((await heard)[0])
      }
      const close = (): void => {
        for (const socket of sockets) socket.terminate()
        server.closeAllConnections()
        server.close()
      }
      return { talk, close, events, served: { port, agent: undefined } as unknown as Served }
    }
    it.each<[string, (app: Loose, cached: RequestHandler) => void]>([
      ['under app.use', (app, cached) => app.use(cached)],
      ['under a path', (app, cached) => app.use('/chat', cached)],
      ['on the route', (app, cached) => app.get('/chat/.websocket', cached)],
    ])('waits for no other one and loses no message, with the cache %s', async (_where, mount) => {
      const { talk, close, events } = await serveSockets(mount)
      try {
        expect([await talk('one'), await talk('two'), await talk('three')]).toEqual([
          'heard one',
          'heard two',
          'heard three',
        ])
        expect(events.every(event => event.type === 'bypass' && event.reason === 'upgrade')).toBe(true)
      } finally {
        close()
      }
    })

    it('is no way past the cache for what offers another protocol with each request', async () => {
      const app = express()
      app.get('/movies', testCache().cacheApi(), answerFilm)
      const served = await serve(app)
      const offer = { headers: { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABk' } }
      await answered(open(served, '/movies', offer))
      expect(isHit(await answered(open(served, '/movies', offer)))).toBe(true)
    })
  })
})
