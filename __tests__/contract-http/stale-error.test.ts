import { pipeline, Readable } from 'node:stream'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import compression from 'compression'
import cors from 'cors'
import { cacheStatus, type Cache, type RouteOptions } from '../support/cache.js'
import { ask, collected, open, over as left, postJson, type Answer } from '../support/client.js'
import { counted, errorPage, expresses } from '../support/express.js'
import { arrivals, gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { outcome, runsOf, staleApp, timedCache, TOO_LATE, TTL } from '../support/stale.js'

const MINUTE = 60_000
const sie: RouteOptions = { staleIfError: MINUTE }

describe.each(expresses)('staleIfError on %s:', (_version, express) => {
  /** Good the first time, then whatever the test wants. */
  const goodThen = (failing: RequestHandler, good = 'good') =>
    counted((req, res, run, next) =>
      run === 1 ? res.set({ ETag: '"v1"', 'X-Own': 'stored' }).send(good) : failing(req, res, next),
    )

  const failures: [string, RequestHandler, fwdStatus: string | undefined][] = [
    ['answers 500', (_req, res) => void res.status(500).send('down'), '500'],
    ['answers 503 with JSON', (_req, res) => void res.status(503).json({ error: 'down' }), '503'],
    ['answers 599 in pieces', (_req, res) => void (res.writeHead(599, 'Down'), res.write('do'), res.end('wn')), '599'],
    ['pipes a 502', (_req, res) => void Readable.from(['do', 'wn']).pipe(res.status(502)), '502'],
    ['throws', () => fail(), '500'],
    ['passes an error on', (_req, _res, next) => next(new Error('secret')), '500'],
    ['passes an error on, later', (_req, _res, next) => void setImmediate(() => next(new Error('secret'))), '500'],
    ['destroys its response', (_req, res) => void res.destroy(), undefined],
    ['destroys its response twice', (_req, res) => void res.destroy().destroy(), undefined],
    ['destroys its response with an error', (_req, res) => void res.destroy(new Error('secret')), undefined],
    ['fails in a pipeline', (_req, res) => void pipeline(broken(), res, () => undefined), undefined],
    ['fails in a pipeline and passes it on', (_req, res, next) => void pipeline(broken(), res, next), undefined],
  ]
  const pages: [string, ErrorRequestHandler[]][] = [
    ["Express's own error page", []],
    ['an error page of the app', [errorPage]],
  ]
  describe.each(pages)('with %s', (_page, errors) => {
    test.each(failures)('a handler that %s is covered', async (_name, failing, status) => {
      const handler = goodThen(failing)
      const { get, clock, over } = await staleApp(express, handler, sie, { errors })
      await get()
      clock.advance(TOO_LATE)
      for (let i = 2; i < 4; i++) {
        const covered = await get()
        expect(outcome(covered)).toEqual([200, 'STALE', 'good'])
        expect(cacheStatus(covered)).toMatchObject({ fwd: 'stale', ttl: '-3', detail: 'stale-if-error' })
        expect(cacheStatus(covered)['fwd-status']).toBe(status)
        expect(covered.headers).toMatchObject({ age: '12', etag: '"v1"', 'x-own': 'stored', 'content-length': '4' })
        expect(covered.headers).not.toHaveProperty('content-security-policy')
        expect(handler.calls).toBe(i)
      }
      await over()
    })
  })

  if (express === expresses[0][1]) {
    test('a handler that rejects is covered', async () => {
      const handler = goodThen(async () => fail())
      const { get, clock } = await staleApp(express, handler, sie)
      await get()
      clock.advance(TOO_LATE)
      expect(outcome(await get())).toEqual([200, 'STALE', 'good'])
    })
  }

  test('the status line is that of the stored answer', async () => {
    const handler = goodThen((_req, res) => void res.writeHead(500, 'Out of Order').end())
    const { app, get, clock } = await staleApp(express, handler, sie)
    await get()
    clock.advance(TOO_LATE)
    const response = await fetch(`${app.url}/movies/603`)
    expect([response.status, response.statusText]).toEqual([200, 'OK'])
    await response.text()
  })

  const notCovered: [string, RequestHandler, number, string][] = [
    ['a 404', (_req, res) => void res.status(404).send('gone'), 404, 'gone'],
    ['a 400', (_req, res) => void res.status(400).send('what?'), 400, 'what?'],
    ['a 429', (_req, res) => void res.status(429).send('slowly'), 429, 'slowly'],
    [
      'an error that is a 403',
      (_req, _res, next) => next(Object.assign(new Error('no'), { status: 403 })),
      403,
      '{"error":"no"}',
    ],
  ]
  test.each(notCovered)('%s is not covered', async (_name, failing, status, body) => {
    const { get, clock } = await staleApp(express, goodThen(failing), sie, { errors: [errorPage] })
    await get()
    clock.advance(TOO_LATE)
    expect(outcome(await get())).toEqual([status, 'MISS', body])
  })

  test('once bytes have gone out nothing is covered: the answer is cut off', async () => {
    const handler = goodThen((_req, res) => void (res.write('half'), setImmediate(() => res.destroy())))
    const { get, clock, over } = await staleApp(express, handler, sie)
    await get()
    clock.advance(TOO_LATE)
    await expect(get()).rejects.toThrow()
    await over()
  })

  test.each([
    ['at its last moment the window covers', MINUTE - 1, 200, 'STALE', 'good'],
    ['after the window nothing is covered', MINUTE, 503, 'MISS', 'down'],
  ])('%s', async (_name, after, ...wanted) => {
    const { get, clock } = await staleApp(
      express,
      goodThen((_req, res) => void res.status(503).send('down')),
      sie,
    )
    await get()
    clock.advance(TTL + after)
    expect(outcome(await get())).toEqual(wanted)
  })

  test('the window counts when the handler fails, not when it began', async () => {
    const [release, begun] = [gate(), gate()]
    const handler = goodThen(async (_req, res) => {
      begun.open()
      await release.opened
      res.status(503).send('down')
    })
    const { get, clock } = await staleApp(express, handler, sie)
    await get()
    clock.advance(TTL + MINUTE - 1)
    const asked = get()
    await begun.opened
    clock.advance(1)
    release.open()
    expect(outcome(await asked)).toEqual([503, 'MISS', 'down'])
  })

  const profiles: [string, (cache: Cache) => RequestHandler, number, string][] = [
    ['cacheEnhanced, for an hour', cache => cache.cacheEnhanced({ staleWhileRevalidate: 0 }), 4_199_999, 'STALE'],
    ['cacheEnhanced, and not longer', cache => cache.cacheEnhanced(), 4_200_000, 'MISS'],
    ['cacheAi, for an hour', cache => cache.cacheAi(), 5_399_999, 'STALE'],
    ['cacheAi, and not longer', cache => cache.cacheAi(), 5_400_000, 'MISS'],
    ['not cacheApi', cache => cache.cacheApi(), 300_000, 'MISS'],
    ['not cacheTts', cache => cache.cacheTts(), 3_600_000, 'MISS'],
  ]
  test.each(profiles)('is on without being asked for: %s', async (_name, factory, after, xCache) => {
    const { cache, clock } = timedCache()
    const handler = goodThen((_req, res) => void res.status(503).send('down'))
    const app = await serve(express().post('/movies/:movieId', express.json(), factory(cache), handler))
    await postJson(app, '/movies/603', { question: 'why?' })
    clock.advance(after)
    expect((await postJson(app, '/movies/603', { question: 'why?' })).headers['x-cache']).toBe(xCache)
  })

  const conditions: [string, Record<string, string>, number, string][] = [
    ['If-None-Match with 304', { 'If-None-Match': '"v1"' }, 304, ''],
    ['If-None-Match of another with 200', { 'If-None-Match': '"v2"' }, 200, 'good'],
    ['a range with 206', { Range: 'bytes=1-2' }, 206, 'oo'],
    ['a range beyond the end with 416', { Range: 'bytes=9-' }, 416, ''],
  ]
  test.each(conditions)('a failure is covered for %s', async (_name, headers, status, body) => {
    for (const failing of failures.map(([, failing]) => failing)) {
      const { get, clock, over } = await staleApp(express, goodThen(failing), sie, { errors: [errorPage] })
      await get()
      clock.advance(TOO_LATE)
      expect(outcome(await get(headers))).toEqual([status, 'STALE', body])
      await over()
    }
  })

  test('a half of what was held back for a range is forgotten when the handler fails', async () => {
    const handler = goodThen((_req, res) => void (res.write('bytes of the half'), setImmediate(() => res.destroy())))
    const { get, clock, over } = await staleApp(express, handler, sie)
    await get()
    clock.advance(TOO_LATE)
    expect(outcome(await get({ Range: 'bytes=1-2' }))).toEqual([206, 'STALE', 'oo'])
    await over()
  })

  test("HEAD is the handler's own: it has no answer that others could wait for", async () => {
    const { app, get, clock } = await staleApp(
      express,
      goodThen((_req, res) => void res.status(503).end()),
      sie,
    )
    await get()
    clock.advance(TOO_LATE)
    const head = await ask(app, '/movies/603', { method: 'HEAD' })
    expect([head.status, head.headers['x-cache']]).toEqual([503, 'MISS'])
  })

  test('what middleware in front has set stays, and what the failed handler has set does not', async () => {
    let count = 0
    const handler = goodThen((_req, res) => {
      res.set({ 'X-Own': 'of the error', 'X-Error': 'yes', 'Retry-After': '9', 'Cache-Control': 'no-store' })
      res.cookie('sid', '1').status(500).type('html').send('<p>secret</p>')
    })
    const { get, clock } = await staleApp(express, handler, sie, {
      front: [cors({ origin: true }), (_req, res, next) => (res.set('X-Request-Id', String(++count)), next())],
    })
    await get({ Origin: 'https://a.example' })
    clock.advance(TOO_LATE)
    const covered = await get({ Origin: 'https://b.example' })
    expect(outcome(covered)).toEqual([200, 'STALE', 'good'])
    expect(covered.headers).toMatchObject({
      'x-request-id': '2',
      'access-control-allow-origin': 'https://b.example',
      'x-own': 'stored',
      'content-type': 'text/html; charset=utf-8',
    })
    for (const name of ['x-error', 'retry-after', 'cache-control', 'set-cookie']) {
      expect(covered.headers).not.toHaveProperty(name)
    }
  })

  test.each([['503'], ['destroy']])('everyone who waits is covered by one failing run: %s', async how => {
    const [release, failing] = [
      gate(),
      counted(async (_req, res) => {
        await release.opened
        if (how === 'destroy') res.destroy()
        else res.status(503).send('down')
      }),
    ]
    const inside = arrivals()
    const { get, clock } = await staleApp(express, goodThen(failing), sie, { front: [inside.middleware] })
    await get()
    clock.advance(TOO_LATE)
    const asked = Array.from({ length: 20 }, () => get())
    await inside.reached(21)
    release.open()
    expect((await Promise.all(asked)).map(outcome)).toEqual(Array(20).fill([200, 'STALE', 'good']))
    expect(failing.calls).toBe(1)
  })

  test('everyone who waits for one variant is covered by one failing run', async () => {
    const release = gate()
    const failing = counted(async (_req, res) => {
      await release.opened
      res.status(503).send('down')
    })
    const handler: RequestHandler = (req, res, next) =>
      isDown ? failing(req, res, next) : void res.vary('Accept-Language').send(req.get('accept-language'))
    let isDown = false
    const inside = arrivals()
    const { get, clock } = await staleApp(express, handler, sie, { front: [inside.middleware] })
    for (const language of ['fr', 'de']) await get({ 'Accept-Language': language })
    isDown = true
    clock.advance(TOO_LATE)
    const asked = Array.from({ length: 10 }, () => get({ 'Accept-Language': 'fr' }))
    await inside.reached(12)
    release.open()
    expect((await Promise.all(asked)).map(outcome)).toEqual(Array(10).fill([200, 'STALE', 'fr']))
    expect(failing.calls).toBe(1)
  })

  test('a covered leader that leaves hands over to who waits', async () => {
    const release = gate()
    const failing = counted(async (_req, res, run) => {
      if (run === 1) return
      await release.opened
      res.status(503).send('down')
    })
    const inside = arrivals()
    const { app, get, clock } = await staleApp(express, goodThen(failing), sie, { front: [inside.middleware] })
    await get()
    clock.advance(TOO_LATE)
    const leader = open(app, '/movies/603')
    const gone = left(leader)
    await inside.reached(2)
    const asked = Array.from({ length: 5 }, () => get())
    await inside.reached(7)
    leader.destroy()
    await gone
    release.open()
    expect((await Promise.all(asked)).map(outcome)).toEqual(Array(5).fill([200, 'STALE', 'good']))
    expect(failing.calls).toBe(2)
  })

  test.each(failures)('a large stale answer arrives whole where the handler %s', async (_name, failing) => {
    const body = 'Wake up, Neo. '.repeat(300_000)
    const { app, get, clock, over } = await staleApp(express, goodThen(failing, body), sie)
    await get()
    clock.advance(TOO_LATE)
    const response = await new Promise<Parameters<typeof collected>[0]>((resolve, reject) =>
      open(app, '/movies/603').once('response', resolve).once('error', reject),
    )
    // The handler has long been through with everything when the client begins to read.
    await new Promise(setImmediate)
    const covered = await collected(response)
    expect([covered.headers['x-cache'], covered.body.length]).toEqual(['STALE', body.length])
    await over()
  })

  test('with compression in front a failure is covered by what its client can read', async () => {
    const body = 'Wake up, Neo. '.repeat(300)
    const handler = goodThen((_req, res) => void res.status(503).send('down'.repeat(1000)), body)
    const { get, clock } = await staleApp(express, handler, sie, { front: [compression()] })
    await get()
    clock.advance(TOO_LATE)
    expect(outcome(await get())).toEqual([200, 'STALE', body])
    const zipped = await get({ 'Accept-Encoding': 'gzip' })
    expect([zipped.status, zipped.headers['content-encoding']]).toEqual([200, 'gzip'])
    expect((await import('node:zlib')).gunzipSync(zipped.body).toString()).toBe(body)
  })

  test.each([['the movie'], ['everything']])(
    'a purge of %s while the handler runs: what it threw out covers nothing',
    async what => {
      const [release, begun] = [gate(), gate()]
      const handler = goodThen(async (_req, res) => {
        begun.open()
        await release.opened
        res.status(503).send('down')
      })
      const inside = arrivals()
      const { get, clock, cache } = await staleApp(express, handler, sie, { front: [inside.middleware] })
      await get()
      clock.advance(TOO_LATE)
      const asked = [get(), get()]
      await inside.reached(3)
      await begun.opened
      await cache.purge(what === 'everything' ? { all: true } : { movie: '603' })
      release.open()
      expect((await Promise.all(asked)).map(outcome)).toEqual(Array(2).fill([503, 'MISS', 'down']))
    },
  )

  test('POST is covered: the same question gets the answer it had', async () => {
    const { cache, clock } = timedCache()
    const runs = runsOf(cache)
    const handler = counted((req, res, run) =>
      run <= 2 ? res.json({ answer: req.body.question }) : res.status(529).json({ error: 'overloaded' }),
    )
    const app = await serve(
      express().post('/movies/:movieId/ai', runs.middleware, express.json(), cache.cacheAi({ ttl: TTL }), handler),
    )
    const put = (question: string): Promise<Answer> => postJson(app, '/movies/603/ai', { question })
    for (const question of ['who?', 'why?']) await put(question)
    clock.advance(TOO_LATE)
    expect(outcome(await put('why?'))).toEqual([200, 'STALE', '{"answer":"why?"}'])
    expect(outcome(await put('who?'))).toEqual([200, 'STALE', '{"answer":"who?"}'])
    expect((await put('where?')).status).toBe(529)
  })

  test('what covers is counted, and the flights are over', async () => {
    const { get, clock, cache, over } = await staleApp(
      express,
      goodThen((_req, res) => void res.status(503).end()),
      sie,
    )
    await get()
    clock.advance(TOO_LATE)
    for (let i = 0; i < 3; i++) await get()
    await over()
    expect(cache.stats().profiles.api).toMatchObject({ covered: 3, misses: 4, stored: 1 })
    expect(cache.stats().flights).toEqual({ running: 0, waiting: 0 })
  })
})

function fail(): never {
  throw new Error('secret')
}

function broken(): Readable {
  return new Readable({
    read() {
      this.destroy(new Error('secret'))
    },
  })
}
