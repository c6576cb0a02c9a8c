import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import express5, { type RequestHandler } from 'express'
import type { WarmOptions, WarmProgress, WarmReport, WarmRequest } from '../../lib/index.js'
import { cacheStatus, testCache, type Cache, type RouteOptions } from '../support/cache.js'
import { ask, postJson } from '../support/client.js'
import { fakeClock, type FakeClock } from '../support/clock.js'
import { counted, errorPage, expresses, type CountedHandler, type Express } from '../support/express.js'
import { gate } from '../support/gate.js'
import { serve } from '../support/server.js'

const NOTHING = { warmed: 0, fresh: 0, stale: 0, refused: {}, uncached: 0, failed: 0, aborted: false }

interface WarmApp {
  readonly app: ReturnType<Express>
  readonly cache: Cache
  readonly handler: CountedHandler
  readonly warm: (requests: WarmRequest[], options?: WarmOptions) => Promise<WarmReport>
}

/** An app whose handler is behind each of the four kinds of routes. */
function warmApp(
  express: Express,
  answer: RequestHandler = (req, res) => void res.json({ url: req.url, body: req.body }),
  { cache = testCache(), route = {} }: { cache?: Cache; route?: RouteOptions } = {},
): WarmApp {
  const handler = counted((req, res, _run, next) => answer(req, res, next))
  const app = express()
  app.use(express.json(), express.text())
  app.all('/api/movies/:movieId', cache.cacheApi(route), handler)
  app.all('/ai/:movieId', cache.cacheAi(route), handler)
  app.all('/tts/:movieId', cache.cacheTts(route), handler)
  app.get('/plain', handler)
  app.use(errorPage)
  // The host name under which the tests ask.
  const warm = (requests: WarmRequest[], options?: WarmOptions): Promise<WarmReport> =>
    cache.warm(app, requests, { base: 'http://127.0.0.1', ...options })
  return { app, cache, handler, warm }
}

/** A cache whose time the test moves. */
function timedCache(): { cache: Cache; clock: FakeClock } {
  const clock = fakeClock()
  return { cache: testCache({ clock }), clock }
}

/** Waits until no handler run is under way that may fill a key. */
async function settled(cache: Cache): Promise<void> {
  do await turn()
  while (cache.stats().flights.running > 0)
}

const movies = (count: number): string[] => Array.from({ length: count }, (_, n) => `/api/movies/${n}`)
const ofReport = ({ failures: _, milliseconds: __, kept: ___, ...counts }: WarmReport): object => counts

describe.each(expresses)('cache.warm on %s', (_, express) => {
  it('stores what clients then find', async () => {
    const { app, handler, warm } = warmApp(express)
    const report = await warm(['/api/movies/603?b=2&a=1', { url: '/ai/603', body: { question: 'Why?' } }])
    expect(report).toEqual({
      ...{ ...NOTHING, done: 2, warmed: 2, kept: 2 },
      ...{ failures: [], milliseconds: expect.any(Number) },
    })
    const served = await serve(app)
    const answers = [
      await ask(served, '/api/movies/603?a=1&b=2'),
      await postJson(served, '/ai/603', { question: 'Why?' }),
      await postJson(served, '/ai/603', { question: 'Who?' }),
    ]
    expect(answers.map(({ headers }) => headers['x-cache'])).toEqual(['HIT', 'HIT', 'MISS'])
    expect(JSON.parse(answers[1]!.body.toString())).toEqual({ url: '/ai/603', body: { question: 'Why?' } })
    expect(handler.calls).toBe(3)
  })

  it('counts what is there already as fresh, and asks no handler for it', async () => {
    const { app, handler, warm } = warmApp(express)
    await ask(await serve(app), '/api/movies/603')
    const report = await warm(['/api/movies/603', '/api/movies/604', { method: 'HEAD', url: '/api/movies/603' }])
    expect(ofReport(report)).toEqual({ ...NOTHING, done: 3, fresh: 2, warmed: 1 })
    expect(handler.calls).toBe(2)
  })

  it('counts one of two equal requests at once as warmed, and the other as fresh', async () => {
    const hold = gate()
    const { handler, warm } = warmApp(express, async (_req, res) => {
      await hold.opened
      res.json('The Matrix')
    })
    const warming = warm(['/api/movies/603', '/api/movies/603', '/plain'], {
      onProgress: () => undefined,
      concurrency: 3,
    })
    hold.open()
    expect(ofReport(await warming)).toEqual({ ...NOTHING, done: 3, warmed: 1, fresh: 1, uncached: 1 })
    expect(handler.calls).toBe(2)
  })

  it.each<[reason: string, answer: RequestHandler, request: WarmRequest, route?: RouteOptions]>([
    ['status', (_req, res) => void res.status(404).json({}), '/api/movies/603'],
    ['set-cookie', (_req, res) => void res.cookie('sid', '1').json({}), '/api/movies/603'],
    ['private', (_req, res) => void res.set('Cache-Control', 'private').json({}), '/api/movies/603'],
    ['unkeyed-header', (req, res) => void res.json(req.get('X-Theme')), '/api/movies/603'],
    ['too-large', (_req, res) => void res.send('x'.repeat(101)), '/api/movies/603', { maxEntryBytes: 100 }],
    ['empty-audio', (_req, res) => void res.type('audio/mpeg').end(), '/tts/603'],
    ['head', (_req, res) => void res.json({}), { method: 'HEAD', url: '/api/movies/603' }],
    ['method', (_req, res) => void res.json({}), { method: 'DELETE', url: '/api/movies/603' }],
    ['cookie', (_req, res) => void res.json({}), { url: '/api/movies/603', headers: { Cookie: 'sid=1' } }],
    ['option', (_req, res) => void res.json({}), '/api/movies/603', { bypass: () => true }],
    [
      'body-unparsed',
      (_req, res) => void res.json({}),
      { url: '/ai/603', body: Buffer.from('x'), headers: { 'Content-Type': 'application/x-unknown' } },
    ],
  ])('says that an answer was refused: %s', async (reason, answer, request, route = {}) => {
    const { handler, warm } = warmApp(express, answer, { route })
    expect(ofReport(await warm([request]))).toEqual({ ...NOTHING, done: 1, refused: { [reason]: 1 } })
    expect(handler.calls).toBe(1)
  })

  it.each<[reason: string, lines: string[]]>([
    ['incomplete', ['data: The\n\n', 'data: Matrix\n\n']],
    ['stored', ['data: The\n\n', 'data: [DONE]\n\n']],
  ])('says how a stream has ended whose head was sent before: %s', async (reason, lines) => {
    const { warm } = warmApp(express, (_req, res) => {
      res.type('text/event-stream')
      const next = (): void => {
        const line = lines.shift()
        if (line === undefined) return void res.end()
        res.write(line)
        setImmediate(next)
      }
      next()
    })
    const report = ofReport(await warm([{ url: '/ai/603', body: { question: 'Why?' } }]))
    const counts = reason === 'stored' ? { warmed: 1 } : { refused: { [reason]: 1 } }
    expect(report).toEqual({ ...NOTHING, done: 1, ...counts })
  })

  it('says the same where keys are hidden from clients', async () => {
    const before = process.env['NODE_ENV']
    process.env['NODE_ENV'] = 'production'
    const { app, warm } = warmApp(express, (_req, res) => {
      res.type('text/event-stream').write('data: The\n\n')
      res.end()
    })
    process.env['NODE_ENV'] = before
    expect(ofReport(await warm([{ url: '/ai/603', body: {} }]))).toMatchObject({ refused: { incomplete: 1 } })
    const answer = await ask(await serve(app), '/api/movies/603')
    expect(cacheStatus(answer)).not.toHaveProperty('key')
  })

  it.each<[string, RequestHandler, string]>([
    ['answers 503', (_req, res) => void res.status(503).json({}), 'status 503'],
    [
      'throws',
      () => {
        throw new Error('the database is gone')
      },
      'status 500',
    ],
    ['rejects', (_req, _res, next) => void Promise.reject(new Error('gone')).catch(next), 'status 500'],
    ['tears the connection down', (_req, res) => void res.destroy(), 'the answer was cut off'],
    ['breaks off', (_req, res) => void res.write('half', () => res.destroy()), 'the answer was cut off'],
    ['never answers', () => undefined, 'no answer within 50 ms'],
  ])('counts as failed a handler that %s', async (_, answer, reason) => {
    const { warm } = warmApp(express, answer)
    const report = await warm(['/api/movies/603'], reason.startsWith('no answer') ? { timeout: 50 } : {})
    expect(ofReport(report)).toEqual({ ...NOTHING, done: 1, failed: 1 })
    expect(report.failures).toEqual([{ request: '/api/movies/603', reason }])
  })

  it('counts as failed what is no request, or leads nowhere, and goes on', async () => {
    const { warm } = warmApp(express)
    const wrong = ['api/movies/603', '//elsewhere/603', 603, null, {}, { url: '/a', method: 'GET /' }, '/nowhere']
    const report = await warm([...(wrong as WarmRequest[]), '/api/movies/603'])
    expect(ofReport(report)).toEqual({ ...NOTHING, done: 8, warmed: 1, failed: 7 })
    expect(report.failures.map(({ request }) => request)).toEqual([
      ...['api/movies/603', '//elsewhere/603', 'what is no request', 'what is no request', 'what is no request'],
      ...['GET / /a', '/nowhere'],
    ])
  })

  it('refreshes what is stale, and waits for that', async () => {
    const { cache, clock } = timedCache()
    const { handler, warm } = warmApp(express, undefined, {
      cache,
      route: { ttl: 1_000, staleWhileRevalidate: 10_000 },
    })
    await warm(movies(3))
    clock.advance(2_000)
    expect(ofReport(await warm(movies(3), { concurrency: 1 }))).toEqual({ ...NOTHING, done: 3, warmed: 3 })
    expect(ofReport(await warm(movies(3)))).toEqual({ ...NOTHING, done: 3, fresh: 3 })
    expect(handler.calls).toBe(6)
  })

  it('counts what stays stale as stale or failed', async () => {
    const { cache, clock } = timedCache()
    let fails = false
    const { warm } = warmApp(express, (_req, res) => void res.status(fails ? 503 : 200).json({}), {
      cache,
      route: { ttl: 1_000, staleWhileRevalidate: 10_000, staleIfError: 60_000 },
    })
    await warm(movies(1))
    fails = true
    clock.advance(2_000)
    expect(ofReport(await warm(movies(1)))).toEqual({ ...NOTHING, done: 1, refused: { status: 1 } })
    // The failed refresh is not tried again at once.
    await settled(cache)
    expect(ofReport(await warm(movies(1)))).toEqual({ ...NOTHING, done: 1, stale: 1 })
    clock.advance(20_000)
    const report = await warm(movies(1))
    expect([report.failed, report.failures[0]?.reason]).toEqual([1, 'stale-if-error'])
  })

  it('asks under the scheme and host name it is given, and with the headers', async () => {
    const { warm, cache } = warmApp(express, (req, res) => void res.json(req.get('X-Theme')), {
      route: { vary: ['x-theme'] },
    })
    const keys: string[] = []
    cache.on('event', event => {
      if (event.type === 'stored') keys.push(event.key)
    })
    await warm(['/api/movies/603'], { base: 'https://movies.example:8443', headers: { 'X-Theme': 'dark' } })
    await warm([{ url: 'http://other.example/api/movies/604', headers: { 'x-theme': 'light' } }], {
      headers: { 'X-Theme': 'dark' },
    })
    expect(keys).toEqual([
      expect.stringMatching(/^api 603 GET https:\/\/movies\.example \/api\/movies\/603 .*dark/),
      expect.stringMatching(/^api 604 GET http:\/\/other\.example \/api\/movies\/604 .*light/),
    ])
  })

  it.each<[string, unknown, string]>([
    ['an object', { text: 'Hello' }, 'application/json'],
    ['a list', ['Hello'], 'application/json'],
    ['a text', 'Hello', 'text/plain; charset=utf-8'],
    ['bytes', Buffer.from('Hello'), 'application/octet-stream'],
  ])('sends %s as a body of its type', async (_, body, type) => {
    const seen: unknown[] = []
    const app = express()
    app.use(express.json(), express.text(), express.raw())
    app.post('/', (req, res) => {
      seen.push(req.headers['content-type'], req.body)
      res.end()
    })
    await testCache().warm(app, [{ url: '/', body }])
    expect(seen).toEqual([type, body])
  })

  it('tells of each request that has an outcome', async () => {
    const { warm } = warmApp(express)
    const told: WarmProgress[] = []
    const onProgress = (progress: WarmProgress): void => void told.push(progress)
    await warm(['/api/movies/603', '/api/movies/603', '/nowhere'], { concurrency: 1, onProgress })
    expect(told.map(({ done, request, outcome, reason }) => [done, request, outcome, reason])).toEqual([
      [1, '/api/movies/603', 'warmed', undefined],
      [2, '/api/movies/603', 'fresh', undefined],
      [3, '/nowhere', 'failed', 'status 404'],
    ])
  })

  it('is refused by a cache that is closed, and ends when it is closed meanwhile', async () => {
    const { cache, warm } = warmApp(express, () => void cache.close())
    expect(ofReport(await warm(movies(3), { concurrency: 1 }))).toEqual({ ...NOTHING, done: 0, aborted: true })
    expect(ofReport(await warm(movies(3)))).toEqual({ ...NOTHING, done: 0, aborted: true })
  })

  it('leaves a handler that is paid for to its end when it is aborted', async () => {
    const hold = gate()
    const begun = gate()
    const { app, cache, warm } = warmApp(express, async (_req, res) => {
      begun.open()
      await hold.opened
      res.type('audio/mpeg').send(Buffer.from('ID3 hello'))
    })
    const controller = new AbortController()
    const warming = warm([{ url: '/tts/603', body: { text: 'Hello' } }], { signal: controller.signal })
    await begun.opened
    controller.abort()
    expect(ofReport(await warming)).toEqual({ ...NOTHING, done: 0, aborted: true })
    hold.open()
    await settled(cache)
    const answer = await postJson(await serve(app), '/tts/603', { text: 'Hello' })
    expect(answer.headers['x-cache']).toBe('HIT')
  })
})

describe('cache.warm', () => {
  it('warms 3,000 movies a few at a time, while others get their turns', async () => {
    let running = 0
    let most = 0
    const { cache, warm } = warmApp(
      express5,
      async (req, res) => {
        most = Math.max(most, ++running)
        for (let n = 0; n < 10; n++) await turn()
        running--
        res.json(req.url)
      },
      { cache: testCache({ api: { maxSize: 5_000 } }) },
    )
    let turns = 0
    let isOver = false
    const others = async (): Promise<void> => {
      for (; !isOver; turns++) await turn()
    }
    void others()
    const report = await warm(movies(3_000))
    isOver = true
    expect(report).toMatchObject({ done: 3_000, warmed: 3_000, failed: 0 })
    expect([most, cache.stats().entries]).toEqual([4, 3_000])
    expect(turns).toBeGreaterThan(3_000)
  })

  it('takes any function that a server would call', async () => {
    const app = (_req: IncomingMessage, res: ServerResponse): void => void res.end('plain')
    expect(await testCache().warm(app, ['/'])).toMatchObject({ done: 1, uncached: 1 })
  })

  it.each<[string, unknown[], string, string]>([
    ['no app', [undefined, []], 'ERR_REELCACHE_INVALID_WARM', 'not given an app'],
    ['a text for a list', [express5(), '/api'], 'ERR_REELCACHE_INVALID_WARM', 'not given an iterable'],
    ['one request for a list', [express5(), { url: '/api' }], 'ERR_REELCACHE_INVALID_WARM', 'not given an iterable'],
    ['no list', [express5()], 'ERR_REELCACHE_INVALID_WARM', 'not given an iterable'],
    ['an unknown option', [express5(), [], { speed: 1 }], 'ERR_REELCACHE_UNKNOWN_OPTION', 'no option "speed"'],
    ...(
      [
        ['concurrency', 0],
        ['concurrency', 1.5],
        ['rate', 0],
        ['rate', Infinity],
        ['timeout', 0],
        ['base', '/api'],
        ['base', 'ftp://movies.example'],
        ['headers', ['X-Theme']],
        ['signal', {}],
        ['onProgress', true],
      ] as const
    ).map(([name, value]): [string, unknown[], string, string] => [
      `${name}: ${JSON.stringify(value)}`,
      [express5(), [], { [name]: value }],
      'ERR_REELCACHE_INVALID_OPTION',
      `warm.${name} is`,
    ]),
  ])('rejects %s', async (_, args, code, message) => {
    const { warm } = testCache() as unknown as { warm: (...args: unknown[]) => Promise<unknown> }
    const rejection = warm(...args)
    await expect(rejection).rejects.toThrow(TypeError)
    await expect(rejection).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
  })
})
