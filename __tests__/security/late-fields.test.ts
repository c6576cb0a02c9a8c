/** What middleware in front adds while the head leaves decides as what the handler says does: before anybody else gets a byte. */
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import compression from 'compression'
import cookieSession from 'cookie-session'
import type { Request, RequestHandler, Response } from 'express'
import session from 'express-session'
import onHeaders from 'on-headers'
import { createServer } from '../../lib/index.js'
import { cacheStatus, testCache, type RouteOptions } from '../support/cache.js'
import { ask, open, type Question } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { arrivals, gate } from '../support/gate.js'
import { listening, serve } from '../support/server.js'
import { departures, listen } from '../support/streams.js'
import { staleApp, TOO_LATE } from '../support/stale.js'
import { until } from '../support/until.js'

type Say = (res: ServerResponse, req: Request) => void
type Send = (res: Response, text: string) => unknown

const set =
  (name: string, value: string | string[]): Say =>
  res =>
    void res.setHeader(name, value)

/** What is said, and the reason for which the answer is refused. */
const said: [what: string, say: Say, reason: string][] = [
  ['private', set('Cache-Control', 'private'), 'private'],
  ['no-store', set('Cache-Control', 'no-store'), 'no-store'],
  ['no-cache', set('Cache-Control', 'max-age=60, NO-CACHE'), 'no-cache'],
  ['a Cache-Control that cannot be parsed', set('Cache-Control', 'max-age="'), 'cache-control'],
  ['Vary: *', set('Vary', '*'), 'vary'],
  ['a cookie', set('Set-Cookie', 'who=ann'), 'set-cookie'],
  ['two cookies', set('Set-Cookie', ['who=ann', 'theme=dark']), 'set-cookie'],
]

type Passing = (...args: unknown[]) => unknown

const settingIn = (setHeader: (name: string, value: string | string[]) => unknown): ServerResponse =>
  ({ setHeader }) as unknown as ServerResponse

/** `writeHead` of somebody's own, which may give fields of its own to Node's. */
const wrappedHead =
  (fieldsOf: (req: Request, res: Response) => object | undefined): RequestHandler =>
  (req, res, next) => {
    const writeHead = res.writeHead.bind(res) as Passing
    const wrapped = (status: number, ...args: unknown[]): unknown => {
      const fields = fieldsOf(req, res)
      return fields === undefined ? writeHead(status, ...args) : writeHead(status, fields)
    }
    Object.assign(res, { writeHead: wrapped })
    next()
  }

/** Where it is said. */
const late: [where: string, (say: Say) => RequestHandler][] = [
  [
    'on-headers',
    say => (req, res, next) => {
      onHeaders(res, () => say(res, req))
      next()
    },
  ],
  ['a wrapped writeHead', say => wrappedHead((req, res) => (say(res, req), undefined))],
  [
    'fields given to writeHead',
    say =>
      wrappedHead(req => {
        const fields: Record<string, string | string[]> = {}
        say(
          settingIn((name, value) => (fields[name] = value)),
          req,
        )
        return fields
      }),
  ],
  [
    'a list given to writeHead',
    say =>
      wrappedHead(req => {
        const fields: (string | string[])[] = []
        say(
          settingIn((name, value) => fields.push(name, value)),
          req,
        )
        return fields
      }),
  ],
  [
    'a wrapped end and write',
    say => (req, res, next) => {
      const [end, write] = [res.end.bind(res), res.write.bind(res)] as Passing[]
      const speak = (): void => {
        if (!res.headersSent) say(res, req)
      }
      Object.assign(res, {
        end: (...args: unknown[]) => (speak(), end!(...args)),
        write: (...args: unknown[]) => (speak(), write!(...args)),
      })
      next()
    },
  ],
  [
    'an end that takes its time',
    say => (req, res, next) => {
      const end = res.end.bind(res) as Passing
      Object.assign(res, {
        end: (...args: unknown[]) => {
          setImmediate(() => {
            if (!res.headersSent) say(res, req)
            end(...args)
          })
          return res
        },
      })
      onHeaders(res, () => say(res, req))
      next()
    },
  ],
]

const here = readFileSync(__filename)

/** How the handler answers. */
const sent: [how: string, send: Send][] = [
  ['res.json', (res, text) => res.json({ text })],
  ['res.send', (res, text) => res.send(text)],
  ['writeHead and end', (res, text) => res.writeHead(200, { 'Content-Type': 'text/plain' }).end(text)],
  ['write and end', (res, text) => (res.write(text), res.end('!'))],
  ['flushHeaders, write and end', (res, text) => (res.flushHeaders(), res.write(text), res.end('!'))],
  ['pipe', (res, text) => Readable.from([text, '!']).pipe(res)],
  ['res.sendFile', res => res.sendFile(__filename, { maxAge: 60_000 })],
]

const asked: [what: string, question: Question][] = [
  ['plainly', {}],
  ['under a condition', { headers: { 'If-None-Match': '"another"' } }],
  ['for a part', { headers: { Range: 'bytes=0-1' } }],
]

describe.each(expresses)('on %s a stranger cannot get an answer that left as somebody’s own', (_version, express) => {
  async function fronted(front: RequestHandler[], send: Send, options?: RouteOptions) {
    const handler = counted((_req, res, run) => send(res, `run ${run}`))
    const app = express()
    for (const middleware of front) app.use(middleware)
    app.get('/movies/:movieId', testCache().cacheApi(options), handler)
    return { served: await serve(app), handler }
  }

  // Who has wrapped `end` and `write` alone comes too late where the handler sends the head by itself.
  const reaches = (where: string, how: string): boolean =>
    where !== 'a wrapped end and write' || !/writeHead|flushHeaders/.test(how)

  describe.each(late)('with %s', (where, front) => {
    it.each(said)('that says %s', async (_what, say, reason) => {
      const { served, handler } = await fronted([front(say)], (res, text) => res.json({ text }))
      const first = await ask(served, '/movies/603')
      const second = await ask(served, '/movies/603')
      expect([first, second].map(({ headers }) => headers['x-cache'])).toEqual(['MISS', 'MISS'])
      expect(cacheStatus(first)).toMatchObject({ fwd: 'miss', detail: reason })
      expect(cacheStatus(first)).not.toHaveProperty('stored')
      expect(JSON.parse(second.body.toString())).toEqual({ text: 'run 2' })
      expect(handler.calls).toBe(2)
    })

    it.each(sent.filter(([how]) => reaches(where, how)))('and a handler that uses %s', async (_how, send) => {
      const { served, handler } = await fronted([front(set('Cache-Control', 'private'))], send)
      await ask(served, '/movies/603')
      expect((await ask(served, '/movies/603')).headers).toMatchObject({
        'x-cache': 'MISS',
        'cache-control': 'private',
      })
      expect(handler.calls).toBe(2)
    })

    it.each(asked)('that was asked for %s', async (_what, question) => {
      const { served, handler } = await fronted([front(set('Cache-Control', 'private'))], (res, text) => res.send(text))
      const first = await ask(served, '/movies/603', question)
      expect(first.headers).toMatchObject({ 'cache-control': 'private', 'x-cache': 'MISS' })
      expect((await ask(served, '/movies/603')).body.toString()).toBe('run 2')
      expect(handler.calls).toBe(2)
    })

    it.each(sent)('while it stores with a harmless field: %s', async (_how, send) => {
      const { served, handler } = await fronted([front(set('X-Powered-By', 'popcorn'))], send)
      const first = await ask(served, '/movies/603')
      const second = await ask(served, '/movies/603')
      expect(second.headers).toMatchObject({ 'x-cache': 'HIT', 'x-powered-by': 'popcorn' })
      expect(second.body).toEqual(first.body)
      expect(handler.calls).toBe(1)
    })
  })

  it('by reading along: those who wait get their own from the first byte on', async () => {
    const goOn = gate()
    const inside = arrivals()
    const says: RequestHandler = (req, res, next) => {
      onHeaders(res, () => req.headers['x-name'] === 'ann' && res.setHeader('Cache-Control', 'private'))
      next()
    }
    const { served, handler } = await fronted([inside.middleware, says], async (res, text) => {
      res.write(`${text} begins`)
      await goOn.opened
      res.end(' and ends')
    })
    const ann = await listen(open(served, '/movies/603', { headers: { 'X-Name': 'ann' } }))
    await ann.heard(5)
    const others = [1, 2, 3].map(() => ask(served, '/movies/603'))
    await inside.reached(4)
    goOn.open()
    const bodies = (await Promise.all(others)).map(({ body }) => body.toString())
    expect((await ann.over).body.toString()).toBe('run 1 begins and ends')
    expect(bodies).not.toContain('run 1 begins and ends')
    expect(handler.calls).toBeGreaterThan(1)
  })

  it('by waiting for it, with a cookie that comes while the head leaves', async () => {
    const goOn = gate()
    const inside = arrivals()
    let people = 0
    const greets: RequestHandler = (_req, res, next) => {
      const name = `visitor-${++people}`
      onHeaders(res, () => res.setHeader('Set-Cookie', `who=${name}`))
      next()
    }
    const { served, handler } = await fronted([greets, inside.middleware], async (res, text) => {
      await goOn.opened
      res.write(text)
      res.end('!')
    })
    const all = [1, 2, 3, 4].map(() => ask(served, '/movies/603'))
    await inside.reached(4)
    goOn.open()
    const answers = await Promise.all(all)
    expect(new Set(answers.map(({ body }) => body.toString())).size).toBe(4)
    expect(new Set(answers.map(({ headers }) => String(headers['set-cookie']))).size).toBe(4)
    expect(handler.calls).toBe(4)
  })

  it('while others read along where nothing is said', async () => {
    const goOn = gate()
    const inside = arrivals()
    const { served, handler } = await fronted(
      [inside.middleware, late[0]![1](set('X-Extra', '1'))],
      async (res, text) => {
        res.write(text)
        await goOn.opened
        res.end(' and ends')
      },
    )
    const leader = await listen(open(served, '/movies/603'))
    const follower = await listen(open(served, '/movies/603'))
    await Promise.all([leader.heard(5), follower.heard(5)])
    goOn.open()
    expect((await follower.over).body.toString()).toBe('run 1 and ends')
    expect(handler.calls).toBe(1)
  })

  const sessions: [what: string, middleware: () => RequestHandler][] = [
    ['express-session', () => session({ secret: 'popcorn', resave: false, saveUninitialized: true })],
    [
      'express-session that saves nothing',
      () => session({ secret: 'popcorn', resave: false, saveUninitialized: false }),
    ],
    ['cookie-session', () => cookieSession({ keys: ['popcorn'] })],
  ]
  const foreign: [where: string, RequestHandler][] = [
    ['on-headers', late[0]![1]((res: ServerResponse) => res.appendHeader('Set-Cookie', 'who=ann'))],
    ['a wrapped end', late[4]![1]((res: ServerResponse) => res.appendHeader('Set-Cookie', 'who=ann'))],
  ]
  describe.each(sessions)('beside %s', (_what, middleware) => {
    it.each(foreign)('a foreign cookie of %s stops storing', async (_where, cookie) => {
      const { served, handler } = await fronted([middleware(), cookie], (res, text) => res.send(text))
      const first = await ask(served, '/movies/603')
      expect(cacheStatus(first)).toMatchObject({ detail: 'set-cookie' })
      expect(first.headers['set-cookie']).toContain('who=ann')
      expect((await ask(served, '/movies/603')).body.toString()).toBe('run 2')
      expect(handler.calls).toBe(2)
    })

    it('the session’s own does not', async () => {
      const { served, handler } = await fronted([middleware()], (res, text) => res.send(text))
      await ask(served, '/movies/603')
      expect((await ask(served, '/movies/603')).headers['x-cache']).toBe('HIT')
      expect(handler.calls).toBe(1)
    })
  })

  it('of a session that the handler has begun anew', async () => {
    const anew: Send = (res, text) => res.req.session.regenerate(() => res.send(text))
    const { served, handler } = await fronted([sessions[0]![1]()], anew)
    await ask(served, '/movies/603')
    expect((await ask(served, '/movies/603')).body.toString()).toBe('run 2')
    expect(handler.calls).toBe(2)
  })

  it('behind compression, which stores as before', async () => {
    const text = here.toString()
    for (const [say, calls] of [
      [set('Cache-Control', 'private'), 2],
      [set('X-Extra', '1'), 1],
    ] as const) {
      const { served, handler } = await fronted([compression(), late[0]![1](say)], res => res.type('text').send(text))
      const zipped = { headers: { 'Accept-Encoding': 'gzip' } }
      await ask(served, '/movies/603', zipped)
      const second = await ask(served, '/movies/603', zipped)
      expect(second.headers['content-encoding']).toBe('gzip')
      expect(handler.calls).toBe(calls)
    }
  })

  it('through createServer', async () => {
    for (const [say, calls] of [
      [set('Cache-Control', 'private'), 2],
      [set('X-Extra', '1'), 1],
    ] as const) {
      const app = express()
      const handler = counted((_req, res, run) => res.send(`run ${run}`))
      app.use(late[0]![1](say))
      app.get('/movies/:movieId', testCache().cacheApi(), handler)
      const served = await listening(createServer(app as never))
      await ask(served, '/movies/603')
      await ask(served, '/movies/603')
      expect(handler.calls).toBe(calls)
    }
  })

  it('where the response does not show when its head leaves, and nobody reads along', async () => {
    const goOn = gate()
    const inside = arrivals()
    const blind: RequestHandler = (_req, res, next) => {
      const writeHead = res.writeHead.bind(res) as Passing
      const seeing = (...args: unknown[]): unknown => {
        Reflect.deleteProperty(res, '_storeHeader')
        return writeHead(...args)
      }
      Object.assign(res, { _storeHeader: undefined, writeHead: seeing })
      next()
    }
    for (const [say, calls] of [
      [set('Cache-Control', 'private'), 3],
      [set('X-Extra', '1'), 1],
    ] as const) {
      const { served, handler } = await fronted([blind, inside.middleware, late[0]![1](say)], async (res, text) => {
        res.write(text)
        await goOn.opened
        res.end('!')
      })
      const both = [ask(served, '/movies/603'), ask(served, '/movies/603')]
      await inside.reached(2)
      goOn.open()
      await Promise.all(both)
      await ask(served, '/movies/603')
      expect(handler.calls).toBe(calls)
    }
  })

  const early: [when: string, begin: (res: Response) => void, headers: Record<string, string>][] = [
    ['before the head', () => undefined, {}],
    ['after it', res => res.flushHeaders(), {}],
    ['while it is held back for a condition', res => res.flushHeaders(), { 'If-None-Match': '"another"' }],
  ]
  it.each(early)('by leaving early: %s', async (_when, begin, headers) => {
    for (const [say, calls] of [
      [set('Cache-Control', 'private'), 2],
      [set('Set-Cookie', 'who=ann'), 2],
      [set('X-Extra', '1'), 1],
    ] as const) {
      const [goOn, inside, gone] = [gate(), arrivals(), departures()]
      const handler = counted(async (_req, res, run) => {
        res.type('text')
        begin(res)
        await goOn.opened
        res.write(`run ${run}`)
        res.end('!')
      })
      const app = express()
      app.use(inside.middleware, gone.middleware, late[0]![1](say))
      const cache = testCache()
      app.get('/movies/:movieId', cache.cacheAi(), handler)
      const served = await serve(app)
      const leader = open(served, '/movies/603', { headers })
      leader.on('error', () => undefined)
      await inside.reached(1)
      leader.destroy()
      await gone.reached(1)
      goOn.open()
      await until('the run ends', () => cache.stats().flights.running === 0)
      expect((await ask(served, '/movies/603')).body.toString()).toBe(`run ${calls}!`)
      expect(handler.calls).toBe(calls)
    }
  })

  it('whom a late handler’s stale answer was covered for', async () => {
    const goOn = gate()
    let isLate = false
    const handler = counted(async (_req, res, run) => {
      if (isLate) await goOn.opened
      res.send(`run ${run}`)
    })
    const says: RequestHandler = (_req, res, next) => {
      onHeaders(res, () => isLate && res.setHeader('Cache-Control', 'private'))
      next()
    }
    const { clock, get, over } = await staleApp(
      express,
      handler,
      { staleIfError: 60_000, handlerTimeout: 20 },
      { front: [says] },
    )
    await get()
    clock.advance(TOO_LATE)
    isLate = true
    const covered = await get()
    expect(covered.headers).toMatchObject({ 'x-cache': 'STALE', 'cache-control': 'private' })
    goOn.open()
    await over()
    isLate = false
    expect((await get()).body.toString()).toBe('run 3')
  })
})
