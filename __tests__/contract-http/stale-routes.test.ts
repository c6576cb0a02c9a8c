/** A refresh runs the request once more through the app: whatever shape the app has, it must come to the same handler and the same key. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request as requestTls } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import compression from 'compression'
import cors from 'cors'
import type { Express as App, Request, RequestHandler } from 'express'
import session from 'express-session'
import helmet from 'helmet'
import { handlerLines, testCache, type Cache, type RouteOptions } from '../support/cache.js'
import { ask, collected, exchange, postJson, type Answer, type Question } from '../support/client.js'
import { fakeClock } from '../support/clock.js'
import { counted, expresses } from '../support/express.js'
import { gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { outcome, runsOf, timedCache, TOO_LATE, TTL } from '../support/stale.js'

const swr: RouteOptions = { ttl: TTL, staleWhileRevalidate: 60_000 }

describe.each(expresses)('a refresh on %s comes to its handler:', (_version, express) => {
  /** What the app makes of a request, and how often it was asked. */
  const seen = () =>
    counted((req, res, run) => {
      const { method, originalUrl, baseUrl, url, path, query, params, hostname, protocol } = req
      res.json({
        run,
        method: method === 'HEAD' ? 'GET' : method,
        originalUrl,
        baseUrl,
        url,
        path,
        query,
        params,
        hostname,
        protocol,
        body: req.body ?? null,
      })
    })

  const parse = (answer: Answer): { run: number } & Record<string, unknown> =>
    JSON.parse(answer.body.toString()) as never

  /** Miss, stale and refreshed hit of one request: what the handler saw must be the same, but for the number of the run. */
  async function refreshes(
    build: (cache: Cache, handler: RequestHandler, first: RequestHandler) => App,
    path: string,
    question: Question = {},
  ): Promise<{ first: Answer; last: Answer; handler: ReturnType<typeof seen> }> {
    const { cache, clock } = timedCache()
    const runs = runsOf(cache)
    const handler = seen()
    const app = await serve(build(cache, handler, runs.middleware))
    const first = await ask(app, path, question)
    expect([first.status, first.headers['x-cache']]).toEqual([200, 'MISS'])
    clock.advance(TOO_LATE)
    const stale = await ask(app, path, question)
    expect([stale.headers['x-cache'], stale.body.toString()]).toEqual(['STALE', first.body.toString()])
    await runs.over()
    const last = await ask(app, path, question)
    expect(last.headers['x-cache']).toBe('HIT')
    expect(parse(last)).toEqual({ ...parse(first), run: 2 })
    expect(handler.calls).toBe(2)
    return { first, last, handler }
  }

  const shapes: [string, (cache: Cache, handler: RequestHandler, first: RequestHandler) => App][] = [
    [
      'a route',
      (cache, handler, first) => express().use(first).get('/x/movies/:movieId', cache.cacheApi(swr), handler),
    ],
    ['app.use', (cache, handler, first) => express().use(first, cache.cacheApi(swr), handler)],
    ['app.use with a path', (cache, handler, first) => express().use(first).use('/x', cache.cacheApi(swr), handler)],
    [
      'a router',
      (cache, handler, first) =>
        express()
          .use(first)
          .use('/x', express.Router().get('/movies/:movieId', cache.cacheApi(swr), handler)),
    ],
    [
      'routers within routers',
      (cache, handler, first) => {
        const inner = express.Router({ mergeParams: true }).get('/', cache.cacheApi(swr), handler)
        const middle = express.Router().use('/:movieId', inner)
        return express().use(first).use('/x', express.Router().use('/movies', middle))
      },
    ],
    [
      'a mounted app',
      (cache, handler, first) =>
        express()
          .use(first)
          .use('/x', express().get('/movies/:movieId', cache.cacheApi(swr), handler)),
    ],
    [
      'a mounted app within a mounted app, behind a router',
      (cache, handler, first) => {
        const inner = express().get('/:movieId', cache.cacheApi(swr), handler)
        const outer = express().use('/movies', inner)
        return express().use(first).use('/x', outer)
      },
    ],
    [
      'an app mounted twice',
      (cache, handler, first) => {
        const inner = express().get('/movies/:movieId', cache.cacheApi(swr), handler)
        return express().use(first).use('/x', inner).use('/y', inner)
      },
    ],
    [
      'an app that a function calls',
      (cache, handler, first) => {
        const inner = express().get('/movies/:movieId', cache.cacheApi(swr), handler)
        return express()
          .use(first)
          .use('/x', (req, res, next) => (inner as unknown as RequestHandler)(req, res, next))
      },
    ],
    [
      'an app that is a route of a router',
      (cache, handler, first) => {
        const inner = express().get('/x/movies/:movieId', cache.cacheApi(swr), handler)
        return express()
          .use(first)
          .use(express.Router().get(/.*/, inner as unknown as RequestHandler))
      },
    ],
  ]
  test.each(shapes)('%s', async (_name, build) => {
    await refreshes(build, '/x/movies/603?page=2&b[]=1&b[]=2')
  })

  test('never to another handler: an app that a function calls under a path that its own routes know too', async () => {
    const { cache, clock } = timedCache()
    const runs = runsOf(cache)
    const cached = cache.cacheApi(swr)
    const inner = express()
      .get('/movies/:movieId', cached, (_req, res) => void res.send('a film'))
      .get('/:section/movies/:movieId', cached, (_req, res) => void res.send('a film of a section'))
    const outer = express()
      .use(runs.middleware)
      .use('/x', (req, res, next) => (inner as unknown as RequestHandler)(req, res, next))
    const app = await serve(outer)
    await ask(app, '/x/movies/603')
    clock.advance(TOO_LATE)
    await ask(app, '/x/movies/603')
    await runs.over()
    expect((await ask(app, '/x/movies/603')).body.toString()).toBe('a film')
  })

  test('a router that is served without an app keeps serving', async () => {
    const { cache, clock } = timedCache()
    const router = express
      .Router()
      .get('/movies/:movieId', cache.cacheApi(swr), (_req, res) =>
        (res as unknown as { end(body: string): void }).end('film'),
      )
    const app = await serve((req, res) => router(req as Request, res as never, () => res.writeHead(404).end()))
    for (let i = 0; i < 3; i++) {
      expect((await ask(app, '/movies/603')).body.toString()).toBe('film')
      clock.advance(TOO_LATE)
    }
  })

  const spellings = [
    '/x//movies//603',
    '/x/%7emovies/603',
    '/x/%7Emovies/%36%30%33',
    '/x/a/../movies/603',
    '/x/./movies/603',
    '/x/movies/603?q=|',
    '/x/movies/603?q=\'&r="',
    '/x/movies/603?q=%zz&q=%ff',
    '/x/movies/603?a=1&utm_source=mail&a=2',
    '/x/movies/603?',
    '/x/movies/603?a=1?b=2',
    '/x/movies/603;v=1',
    '/x/movies/{603}',
    '/x/movies/603\\604',
    '/X/movies/603/',
    '/x/movies/%E2%9C%93',
  ]
  test.each(spellings)('with the URL as it was spelled: %s', async url => {
    await refreshes((cache, handler, first) => express().use(first).use('/x', cache.cacheApi(swr), handler), url)
  })

  test('with the URL in absolute form', async () => {
    const { cache, clock } = timedCache()
    const runs = runsOf(cache)
    const handler = seen()
    const app = await serve(express().use(runs.middleware, cache.cacheApi(swr), handler))
    const get = () =>
      exchange(app, 'GET http://a.example/x?b=1 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n')
    await get()
    clock.advance(TOO_LATE)
    expect(String(await get())).toContain('x-cache: STALE')
    await runs.over()
    expect(String(await get())).toMatch(/x-cache: HIT[^]*"run":2/)
    expect(handler.calls).toBe(2)
  })

  test('as the proxy in front has said: host and protocol', async () => {
    const { last } = await refreshes(
      (cache, handler, first) => express().set('trust proxy', 'loopback').use(first, cache.cacheApi(swr), handler),
      '/movies/603',
      {
        headers: {
          'X-Forwarded-Host': 'films.example',
          'X-Forwarded-Proto': 'https',
          'X-Forwarded-For': '203.0.113.7',
        },
      },
    )
    expect(parse(last)).toMatchObject({ hostname: 'films.example', protocol: 'https' })
  })

  test('by HEAD too: the refresh is a GET', async () => {
    const { cache, clock } = timedCache()
    const runs = runsOf(cache)
    const handler = seen()
    const app = await serve(express().use(runs.middleware, cache.cacheApi(swr), handler))
    await ask(app, '/movies/603')
    clock.advance(TOO_LATE)
    const head = await ask(app, '/movies/603', { method: 'HEAD' })
    expect(outcome(head)).toEqual([200, 'STALE', ''])
    await runs.over()
    expect(parse(await ask(app, '/movies/603'))).toMatchObject({ run: 2, method: 'GET' })
  })

  const bodies: [string, string, string | Buffer][] = [
    ['an object', 'application/json', '{"question":"wer?","n":1.5,"list":[1,{"a":null}],"é":"\\ud83c\\udfac"}'],
    ['an object with a charset', 'application/json; charset=UTF-8', '{"question":"wer?"}'],
    ['an object of another JSON type', 'application/vnd.films+json', '{"a":1}'],
    ['a list', 'application/json', '[1,2]'],
    ['a field called __proto__', 'application/json', '{"__proto__":{"a":1}}'],
    ['the empty object', 'application/json', '{}'],
    ['text', 'text/plain', 'Wer bist du? 🎬'],
    ['bytes', 'application/octet-stream', Buffer.from([0, 255, 10, 128])],
  ]
  test.each(bodies)('with a POST body: %s', async (_name, type, body) => {
    const parsers = [express.json({ type: ['json', '+json'] }), express.text(), express.raw()]
    await refreshes(
      (cache, handler, first) =>
        express()
          .use(first, ...parsers)
          .post('/movies/:movieId', cache.cacheApi(swr), handler),
      '/movies/603',
      {
        method: 'POST',
        headers: { 'Content-Type': type },
        body,
      },
    )
  })

  const unrepeatable: [string, string, string | Buffer][] = [
    ['a form', 'application/x-www-form-urlencoded', 'a=1&b=2'],
    ['JSON in UTF-16', 'application/json; charset=utf-16le', Buffer.from('{"a":"é"}', 'utf16le')],
    ['text in Latin-1', 'text/plain; charset=iso-8859-1', Buffer.from('caf\xe9', 'latin1')],
    ['a JSON text that is a text', 'application/json', '"true"'],
  ]
  test.each(unrepeatable)(
    '%s is no body that could be sent again: the client waits for the handler',
    async (_name, type, body) => {
      const { cache, clock } = timedCache()
      const runs = runsOf(cache)
      const handler = seen()
      const parsers = [express.json({ strict: false }), express.text(), express.urlencoded({ extended: false })]
      const app = await serve(
        express()
          .use(runs.middleware, ...parsers)
          .post('/movies/:movieId', cache.cacheApi(swr), handler),
      )
      const post = (): Promise<Answer> =>
        ask(app, '/movies/603', { method: 'POST', headers: { 'Content-Type': type }, body })
      const first = await post()
      clock.advance(TOO_LATE)
      const second = await post()
      expect([second.headers['x-cache'], parse(second)]).toEqual(['MISS', { ...parse(first), run: 2 }])
      expect(handler.calls).toBe(2)
    },
  )

  test('for each identity that key() names, with its own header', async () => {
    const { cache, clock } = timedCache()
    const runs = runsOf(cache)
    const handler = counted((req, res, run) => res.json({ run, user: (req as { user?: string }).user }))
    const login: RequestHandler = (req, _res, next) => {
      Object.assign(req, { user: req.get('authorization') })
      next()
    }
    const key = (req: Request): unknown => (req as { user?: string }).user
    const app = await serve(
      express()
        .use(runs.middleware, login)
        .get('/me', cache.cacheApi({ ...swr, key }), handler),
    )
    const get = (user: string): Promise<Answer> => ask(app, '/me', { headers: { Authorization: user } })
    for (const user of ['ALICE', 'BOB']) await get(user)
    clock.advance(TOO_LATE)
    for (const [index, user] of ['ALICE', 'BOB'].entries()) {
      expect(outcome(await get(user))).toEqual([200, 'STALE', JSON.stringify({ run: index + 1, user })])
    }
    await runs.over()
    for (const user of ['BOB', 'ALICE']) {
      const got = await get(user)
      expect([got.headers['x-cache'], parse(got)['user'], parse(got).run > 2]).toEqual(['HIT', user, true])
    }
  })

  test('for each variant that Vary names', async () => {
    const { cache, clock } = timedCache()
    const runs = runsOf(cache)
    const handler = counted((req, res, run) =>
      res.vary('Accept-Language').json({ run, language: req.get('accept-language') }),
    )
    const app = await serve(express().use(runs.middleware).get('/movie', cache.cacheApi(swr), handler))
    const get = (language: string): Promise<Answer> => ask(app, '/movie', { headers: { 'Accept-Language': language } })
    for (const language of ['fr', 'de']) await get(language)
    clock.advance(TOO_LATE)
    for (const language of ['de', 'fr', 'de', 'fr']) {
      const got = await get(language)
      expect([parse(got)['language'], got.headers['x-cache']]).toEqual([language, expect.stringMatching(/STALE|HIT/)])
    }
    await runs.over()
    for (const language of ['fr', 'de']) {
      const got = await get(language)
      expect([got.headers['x-cache'], parse(got)['language'], parse(got).run > 2]).toEqual(['HIT', language, true])
    }
    expect(handler.calls).toBe(4)
  })

  test('a request with cookies to be ignored refreshes for all', async () => {
    await refreshes(
      (cache, handler, first) => express().use(first, cache.cacheApi({ ...swr, ignoreCookies: ['theme'] }), handler),
      '/movie',
      {
        headers: { Cookie: '_ga=GA1.2.3; theme=dark' },
      },
    )
  })

  const fronts: [string, () => RequestHandler[]][] = [
    ['helmet', () => [helmet()]],
    ['cors', () => [cors({ origin: true, credentials: true })]],
    ['compression', () => [compression({ threshold: 0 })]],
    ['a session', () => [session({ secret: 's', resave: false, saveUninitialized: false })]],
    ['a session that is always saved', () => [session({ secret: 's', resave: true, saveUninitialized: true })]],
    [
      'all of them',
      () => [
        compression({ threshold: 0 }),
        helmet(),
        cors(),
        session({ secret: 's', resave: false, saveUninitialized: false }),
      ],
    ],
  ]
  test.each(fronts)('behind %s: header and body as on the first run', async (_name, make) => {
    const headers = { Origin: 'https://a.example' }
    const { first, last } = await refreshes(
      (cache, handler, runs) => express().use(runs, ...make(), cache.cacheApi(swr), handler),
      '/movie',
      { headers },
    )
    const lines = (answer: Answer): string[] => handlerLines(answer).filter(line => !line.startsWith('set-cookie'))
    expect(lines(last)).toEqual(lines(first))
  })

  test.each([
    ['compression', () => compression({ threshold: 0 })],
    ['cors', () => cors({ origin: true })],
    ['helmet', () => helmet()],
  ])('in front of %s: header and body as on the first run', async (_name, make) => {
    const { first, last } = await refreshes(
      (cache, handler, runs) => express().use(runs, cache.cacheApi(swr), make(), handler),
      '/movie',
      { headers: { Origin: 'https://a.example' } },
    )
    expect(handlerLines(last)).toEqual(handlerLines(first))
  })

  test('middleware in front sees the second run, with the header of the first', async () => {
    const log: unknown[] = []
    await refreshes(
      (cache, handler, first) =>
        express().use(
          first,
          (req, _res, next) => {
            log.push([req.method, req.url, req.get('x-a'), req.get('cookie'), req.headers.range, req.httpVersion])
            next()
          },
          cache.cacheApi(swr),
          handler,
        ),
      '/movie?a=1',
      { headers: { 'X-A': ['1', '2'], Cookie: '_ga=1' } },
    )
    expect(log).toEqual(Array(4).fill(['GET', '/movie?a=1', '1, 2', '_ga=1', undefined, '1.1']))
  })

  test('from files: speech is served stale and made anew', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stale-'))
    const clock = fakeClock()
    const cache = testCache({ clock, tts: { cacheDir: directory } })
    const runs = runsOf(cache)
    const release = gate()
    const handler = counted(async (req, res, run) => {
      if (run > 1) await release.opened
      res.type('audio/mpeg').send(Buffer.from(`ID3 run ${run}: ${req.body.text}`))
    })
    const app = await serve(express().use(runs.middleware).post('/tts', express.json(), cache.cacheTts(swr), handler))
    const speak = (): Promise<Answer> => postJson(app, '/tts', { text: 'Wake up' })
    await speak()
    clock.advance(TOO_LATE)
    const answers = await Promise.all([speak(), speak(), speak()])
    expect(answers.map(outcome)).toEqual(Array(3).fill([200, 'STALE', 'ID3 run 1: Wake up']))
    release.open()
    await runs.over()
    expect(outcome(await speak())).toEqual([200, 'HIT', 'ID3 run 2: Wake up'])
    await cache.close()
    rmSync(directory, { recursive: true })
  })

  test('behind TLS: the protocol is https again', async () => {
    const { key, cert } = certificate()
    const { cache, clock } = timedCache()
    const runs = runsOf(cache)
    const handler = seen()
    const server = createServer({ key, cert }, express().use(runs.middleware, cache.cacheApi(swr), handler))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const get = async (): Promise<Answer> => {
      const sent = requestTls({ host: '127.0.0.1', port, path: '/movies/603', rejectUnauthorized: false, agent: false })
      const [response] = (await once(sent.end(), 'response')) as [Parameters<typeof collected>[0]]
      return collected(response)
    }
    await get()
    clock.advance(TOO_LATE)
    expect((await get()).headers['x-cache']).toBe('STALE')
    await runs.over()
    const last = await get()
    expect([last.headers['x-cache'], parse(last).run, parse(last)['protocol']]).toEqual(['HIT', 2, 'https'])
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })

  test('two caches on one path: what the inner one holds stale is refreshed, whatever the outer one holds', async () => {
    const { cache, clock } = timedCache()
    const runs = runsOf(cache)
    const handler = seen()
    const inner = cache.cacheEnhanced({ ...swr, ttl: TTL })
    const outer = cache.cacheApi({ ttl: 1000 })
    const app = await serve(express().use(runs.middleware, outer).get('/movies/:movieId', inner, handler))
    const get = (): Promise<Answer> => ask(app, '/movies/603')
    await get()
    clock.advance(TOO_LATE)
    expect(parse(await get()).run).toBe(1)
    await runs.over()
    clock.advance(1001)
    expect(parse(await get()).run).toBe(2)
    expect(handler.calls).toBe(2)
  })
})

function certificate(): { key: Buffer; cert: Buffer } {
  const directory = mkdtempSync(join(tmpdir(), 'tls-'))
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const options = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  execFileSync('openssl', ['req', ...options, '-subj', '/CN=localhost', '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  })
  const made = { key: readFileSync(key), cert: readFileSync(cert) }
  rmSync(directory, { recursive: true })
  return made
}
