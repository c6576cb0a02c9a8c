import { createServer, ServerResponse } from 'node:http'
import compression from 'compression'
import express5, { type RequestHandler, type Response } from 'express'
import interceptor from 'express-interceptor'
import mung from 'express-mung'
import session from 'express-session'
import onHeaders from 'on-headers'
import { testCache } from '../support/cache.js'
import { ask, open, over, postJson, type Answer } from '../support/client.js'
import { counted, expresses, type Express } from '../support/express.js'
import { gate } from '../support/gate.js'
import { listening, serve, type Served } from '../support/server.js'
import { staleApp, TOO_LATE } from '../support/stale.js'
import { listen } from '../support/streams.js'

type Own = (res: Response) => void
type Method = (...args: unknown[]) => unknown
type Name = 'end' | 'write' | 'writeHead' | 'setHeader' | 'flushHeaders' | 'json' | 'send'

const addField: Own = res => void res.setHeader('X-Extra', '1')

/** Puts a function of its own in place of one of `res`'s, which does something before the first call goes on. */
function wrap(res: Response, name: Name, first: Own = addField): void {
  const methods = res as unknown as Record<Name, Method>
  const original = methods[name]
  let isFirst = true
  methods[name] = function (this: Response, ...args: unknown[]) {
    if (isFirst) first(res)
    isFirst = false
    return original.apply(this, args)
  }
}

const front =
  (own: Own): RequestHandler =>
  (_req, res, next) => {
    own(res)
    next()
  }

/** As an app has it that adds to `express.response`, or a class of its own: nothing lies on the response itself. */
function wrapPrototype(res: Response): void {
  const between = Object.create(Object.getPrototypeOf(res) as object) as Response
  between.end = function (this: Response, ...args: unknown[]) {
    addField(this)
    return (express5.response.end as unknown as Method).apply(this, args)
  } as Response['end']
  Object.setPrototypeOf(res, between)
}

const FRONTS: [what: string, middleware: RequestHandler][] = [
  ['an end of its own', front(res => wrap(res, 'end'))],
  ['a writeHead of its own', front(res => wrap(res, 'writeHead'))],
  ['an end within an end', front(res => (wrap(res, 'end', () => undefined), wrap(res, 'end')))],
  ['an end and a write', front(res => (wrap(res, 'end', it => it.headersSent || addField(it)), wrap(res, 'write')))],
  ['an end in a prototype between', front(wrapPrototype)],
  ['on-headers', front(res => onHeaders(res, () => addField(res)))],
  ['on-headers within an end', front(res => (onHeaders(res, () => undefined), wrap(res, 'end')))],
  ['express-mung', mung.headers((_req, res) => addField(res))],
  ['express-mung that takes its time', mung.headersAsync(async (_req, res) => addField(res))],
  [
    'express-interceptor',
    interceptor((_req, res) => ({
      isInterceptable: () => true,
      intercept: (body, send) => (addField(res), send(body)),
    })),
  ],
  [
    'express-interceptor that takes its time',
    interceptor((_req, res) => ({
      isInterceptable: () => true,
      intercept: (body, send) => setImmediate(() => (addField(res), send(body))),
    })),
  ],
  ['express-session', (req, res, next) => session(SESSION)(req, res, () => (wrap(res, 'end'), next()))],
  [
    'compression()',
    (req, res, next) => (onHeaders(res, () => addField(res)), compression({ threshold: 0 })(req, res, next)),
  ],
]
const SESSION = { secret: 'rabbit', resave: false, saveUninitialized: false }

const BODY = '{"title":"The Matrix"}'

/** One app with that middleware in front of everything, and a cache unless it is left out. */
function appBehind(express: Express, middleware: RequestHandler, cached: boolean): Promise<Served> {
  const cache = testCache({ api: { negativeTtl: 60_000 }, ai: { negativeTtl: 60_000 } })
  const pass: RequestHandler = (_req, _res, next) => next()
  const app = express().use(middleware, express5.json())
  app.all('/movie', cached ? cache.cacheApi() : pass, (_req, res) => {
    res.set({ ETag: '"v1"', 'X-Own': 'yes' }).type('json').send(BODY)
  })
  app.get('/sound', cached ? cache.cacheTts() : pass, (_req, res) => {
    res.set({ ETag: '"v1"', 'X-Own': 'yes' }).type('text/plain').send(BODY)
  })
  app.post('/speech', cached ? cache.cacheAi() : pass, (_req, res) => void res.set('X-Own', 'yes').json({ said: 1 }))
  app.get('/gone', cached ? cache.cacheApi() : pass, (_req, res) => void res.status(404).set('X-Own', 'yes').json({}))
  app.get('/empty', cached ? cache.cacheApi() : pass, (_req, res) => {
    res.status(204).set({ 'X-Own': 'yes', 'Cache-Control': 'max-age=60' }).end()
  })
  return serve(app)
}

type Form = [form: string, send: (app: Served) => Promise<Answer>, status: number, body: string | undefined]
const FORMS: Form[] = [
  ['hit', app => ask(app, '/movie'), 200, BODY],
  ['304 by tag', app => ask(app, '/movie', { headers: { 'If-None-Match': '"v1"' } }), 304, ''],
  ['304 by any tag', app => ask(app, '/movie', { headers: { 'If-None-Match': '*' } }), 304, ''],
  ['HEAD', app => ask(app, '/movie', { method: 'HEAD' }), 200, ''],
  ['206', app => ask(app, '/movie', { headers: { Range: 'bytes=0-3' } }), 206, BODY.slice(0, 4)],
  ['416', app => ask(app, '/movie', { headers: { Range: 'bytes=999-' } }), 416, ''],
  ['hit on a POST', app => postJson(app, '/speech', { text: 'x' }), 200, '{"said":1}'],
  ['negative hit', app => ask(app, '/gone'), 404, '{}'],
  ['204', app => ask(app, '/empty'), 204, ''],
]

/** What two answers must have alike. */
const shown = ({ status, body, lines }: Answer): unknown => [
  status,
  body.toString(),
  lines.filter(([name]) => /^(x-(?!cache)|content-|etag)/.test(name)).sort(),
]

describe.each(expresses)('a hit on %s leaves by what stands in front of it', (_version, express) => {
  describe.each(FRONTS)('%s', (_what, middleware) => {
    it('for whatever is asked of what is stored', async () => {
      const app = await appBehind(express, middleware, true)
      const whole = await ask(app, '/movie')
      await postJson(app, '/speech', { text: 'x' })
      for (const path of ['/gone', '/empty']) await ask(app, path)
      expect([whole.status, whole.headers['x-extra']]).toEqual([200, '1'])
      for (const [form, send, status, body] of FORMS) {
        const answer = await send(app)
        const { headers } = answer
        expect([
          form,
          answer.status,
          answer.body.toString(),
          headers['x-cache'],
          headers['x-extra'],
          headers['x-own'],
        ]).toEqual([...[form, status, body, 'HIT', '1', 'yes']])
      }
    })

    it('for a first answer to a conditional request', async () => {
      const app = await appBehind(express, middleware, true)
      const answer = await ask(app, '/movie', { headers: { 'If-None-Match': '"v1"' } })
      expect([answer.status, answer.headers['x-extra']]).toEqual([304, '1'])
    })

    it('for a stale answer that is refreshed, and one that covers a failure', async () => {
      for (const options of [{ staleWhileRevalidate: 60_000 }, { staleIfError: 60_000 }]) {
        const handler = counted((_req, res, run) => void res.status(run === 1 ? 200 : 500).json({ run: 1 }))
        const { get, clock } = await staleApp(express, handler, options, { front: [middleware] })
        await get()
        clock.advance(TOO_LATE)
        const { status, headers, body } = await get()
        expect([status, headers['x-cache'], headers['x-extra'], body.toString()]).toEqual([
          200,
          'STALE',
          '1',
          '{"run":1}',
        ])
      }
    })
  })
})

/** What a stream passes through without a cache, too. */
const STREAMING = new Set([
  ...['a writeHead of its own', 'an end and a write', 'on-headers', 'express-mung', 'compression()'],
  ...['express-interceptor', 'express-interceptor that takes its time'],
])

const TWICE_IS_SEEN: [what: string, middleware: RequestHandler][] = [
  ['json that is wrapped in an envelope', mung.json(body => ({ data: body }))],
  ['json that hides a field', mung.json(body => ({ ...(body as object), secret: undefined }))],
  [
    'send that is wrapped in a frame',
    front(res => {
      const { send } = res
      res.send = body => ((res.send = send), res.send(`[${String(body)}]`))
    }),
  ],
  [
    'a setHeader that adds to what is set',
    front(res => {
      const setHeader = res.setHeader.bind(res)
      res.setHeader = (name, value) => setHeader(name, /^x-own/i.test(name) ? `${String(value)}!` : value)
    }),
  ],
  [
    'a setHeader that leaves a field out',
    front(res => {
      const setHeader = res.setHeader.bind(res)
      res.setHeader = (name, value) => (/^x-secret/i.test(name) ? res : setHeader(name, value))
    }),
  ],
  [
    'an end that adds to what is sent',
    interceptor(() => ({ isInterceptable: () => true, intercept: (body, send) => send(`${body}!`) })),
  ],
]

describe.each(expresses)('what middleware in front makes of an answer on %s', (_version, express) => {
  it.each(TWICE_IS_SEEN)('is made of it once: %s', async (_what, middleware) => {
    const apps = await Promise.all(
      [true, false].map(async isCached => {
        const app = express().use(middleware)
        if (isCached) app.use(testCache().cacheApi())
        app.get(
          '/movie',
          (_req, res) => void res.set({ 'X-Own': 'a', 'X-Secret': 's', ETag: '"v1"' }).json({ secret: 1, a: 2 }),
        )
        return serve(app)
      }),
    )
    const [miss, plain] = (await Promise.all(apps.map(app => ask(app, '/movie')))) as [Answer, Answer]
    const hit = await ask(apps[0]!, '/movie')
    expect([miss.headers['x-cache'], hit.headers['x-cache']]).toEqual(['MISS', 'HIT'])
    expect([shown(miss), shown(hit)]).toEqual([shown(plain), shown(plain)])
  })

  it.each(FRONTS.filter(([what]) => STREAMING.has(what)))(
    'comes with an answer that is still being made, and with its replay: %s',
    async (what, middleware) => {
      const rest = gate()
      const handler = counted(async (_req, res) => {
        res.type('text/event-stream').write('data: 1\n\n')
        await rest.opened
        res.write('data: 2\n\n')
        res.end('data: [DONE]\n\n')
      })
      const app = await serve(express().use(middleware).get('/ask', testCache().cacheAi(), handler))
      // Whoever collects the whole answer sends none of it before its end.
      if (what.startsWith('express-interceptor')) rest.open()
      const leader = open(app, '/ask')
      const first = await listen(leader)
      const joined = await listen(open(app, '/ask'))
      rest.open()
      const answers = [await first.over, await joined.over]
      const replayed = await ask(app, '/ask')
      expect(handler.calls).toBe(1)
      expect(replayed.headers['x-cache']).toBe('HIT')
      const extra = what.startsWith('express-mung') ? undefined : '1'
      for (const { status, headers, body } of [...answers, replayed]) {
        expect([status, headers['x-extra'], body.toString()]).toEqual([
          200,
          extra,
          'data: 1\n\ndata: 2\n\ndata: [DONE]\n\n',
        ])
      }
    },
  )

  it('is heard by a class of the server of its own', async () => {
    class Loud extends ServerResponse {
      override end(...args: unknown[]): this {
        this.setHeader('X-Extra', '1')
        return (super.end as Method).apply(this, args) as this
      }
    }
    // Express gives each response another prototype: the app's must come of that class.
    const app = express()
    Object.setPrototypeOf(app.response, Object.assign(Object.create(Loud.prototype), express.response))
    app.get('/movie', testCache().cacheApi(), (_req, res) => void res.json({ a: 1 }))
    const served = await listening(createServer({ ServerResponse: Loud }, app))
    const answers = [await ask(served, '/movie'), await ask(served, '/movie')]
    expect(answers.map(({ headers }) => [headers['x-cache'], headers['x-extra']])).toEqual([
      ['MISS', '1'],
      ['HIT', '1'],
    ])
  })

  it('is kept where it comes late, and not where it is a cookie', async () => {
    const late = (name: string) => mung.headersAsync(async (_req, res) => void res.setHeader(name, 'a=1'))
    const outcomes = await Promise.all(
      ['X-Late', 'Set-Cookie'].map(async name => {
        const app = await serve(
          express().get('/movie', late(name), testCache().cacheApi(), (_req, res) => void res.json({})),
        )
        await ask(app, '/movie')
        return (await ask(app, '/movie')).headers['x-cache']
      }),
    )
    expect(outcomes).toEqual(['HIT', 'MISS'])
  })

  it('does not hold up those who wait where the client has left before it came', async () => {
    const held = gate()
    const isHeld = gate()
    let isFirst = true
    const slow = mung.headersAsync(async () => {
      if (!isFirst) return
      isFirst = false
      isHeld.open()
      await held.opened
    })
    const handler = counted((_req, res) => void res.json({ a: 1 }))
    const app = await serve(express().get('/movie', slow, testCache().cacheApi(), handler))
    const leaving = open(app, '/movie')
    await isHeld.opened
    const waiting = ask(app, '/movie')
    leaving.destroy()
    await over(leaving)
    expect([(await waiting).status, handler.calls]).toEqual([200, 2])
    held.open()
  })
})
