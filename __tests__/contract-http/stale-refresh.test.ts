import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import type { Request, RequestHandler } from 'express'
import { cacheStatus, type Cache, type RouteOptions } from '../support/cache.js'
import { ask, postJson } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { outcome, runsOf, staleApp, timedCache, TOO_LATE, TTL } from '../support/stale.js'

const MINUTE = 60_000
const swr: RouteOptions = { staleWhileRevalidate: MINUTE }

describe.each(expresses)('staleWhileRevalidate on %s:', (_version, express) => {
  const numbered = () => counted((_req, res, run) => res.set('X-Run', String(run)).json({ run }))

  test('a stale answer is sent at once with its age, and the next one is new', async () => {
    const handler = numbered()
    const { get, clock, over } = await staleApp(express, handler, swr)
    const first = await get()
    clock.advance(TOO_LATE)
    const stale = await get()
    expect(outcome(stale)).toEqual([200, 'STALE', '{"run":1}'])
    expect(cacheStatus(stale)).toMatchObject({ hit: true, ttl: '-3', detail: 'stale-while-revalidate' })
    expect(stale.headers).toMatchObject({ age: '12', 'x-run': '1', etag: first.headers.etag })
    await over()
    const next = await get()
    expect(outcome(next)).toEqual([200, 'HIT', '{"run":2}'])
    expect(next.headers).toMatchObject({ age: '0', 'x-run': '2' })
    expect(cacheStatus(next)).toMatchObject({ hit: true, ttl: '10' })
    expect(handler.calls).toBe(2)
  })

  test('nobody waits for the refresh, and however many come it is one', async () => {
    const release = gate()
    const handler = counted(async (_req, res, run) => {
      if (run > 1) await release.opened
      res.json({ run })
    })
    const { get, clock, over, cache } = await staleApp(express, handler, swr)
    await get()
    clock.advance(TOO_LATE)
    const answers = await Promise.all(Array.from({ length: 50 }, () => get()))
    expect(answers.map(outcome)).toEqual(Array(50).fill([200, 'STALE', '{"run":1}']))
    expect(outcome(await get())).toEqual([200, 'STALE', '{"run":1}'])
    release.open()
    await over()
    expect(outcome(await get())).toEqual([200, 'HIT', '{"run":2}'])
    expect(handler.calls).toBe(2)
    expect(cache.stats().profiles.api).toMatchObject({ stale: 51, refreshes: 1 })
  })

  test('it is one also while a refused answer goes on after its head', async () => {
    const release = gate()
    const handler = counted(async (_req, res, run) => {
      if (run === 1) return res.send('good')
      res.status(503).write('the upstream ')
      await release.opened
      return res.end('is down')
    })
    const { get, clock, over } = await staleApp(express, handler, swr)
    await get()
    clock.advance(TOO_LATE)
    for (let i = 0; i < 5; i++) {
      expect(outcome(await get())).toEqual([200, 'STALE', 'good'])
      clock.advance(1000)
    }
    expect(handler.calls).toBe(2)
    release.open()
    await over()
  })

  test.each([
    ['at the last moment of the window the stale answer is sent', MINUTE - 1, 'STALE'],
    ['after the window the request waits for the handler', MINUTE, 'MISS'],
  ])('%s', async (_name, after, xCache) => {
    const handler = numbered()
    const { get, clock, over } = await staleApp(express, handler, swr)
    await get()
    clock.advance(TTL + after)
    expect(outcome(await get())).toEqual([200, xCache, xCache === 'STALE' ? '{"run":1}' : '{"run":2}'])
    await over()
    expect(handler.calls).toBe(2)
  })

  const profiles: [string, (cache: Cache) => RequestHandler, number, string][] = [
    ['cacheEnhanced, for ten minutes', cache => cache.cacheEnhanced(), 600_000, 'STALE'],
    ['cacheEnhanced, and not longer', cache => cache.cacheEnhanced(), 1_200_000, 'MISS'],
    ['not cacheApi', cache => cache.cacheApi(), 300_000, 'MISS'],
    ['not cacheAi', cache => cache.cacheAi(), 1_800_000, 'MISS'],
    ['not cacheTts', cache => cache.cacheTts(), 3_600_000, 'MISS'],
  ]
  test.each(profiles)('is on without being asked for: %s', async (_name, factory, after, xCache) => {
    const { cache, clock } = timedCache()
    const runs = runsOf(cache)
    const handler: RequestHandler = (_req, res) => void res.json({ id: 603 })
    const app = await serve(express().get('/movies/:movieId', runs.middleware, factory(cache), handler))
    await ask(app, '/movies/603')
    clock.advance(after)
    expect((await ask(app, '/movies/603')).headers['x-cache']).toBe(xCache)
    await runs.over()
  })

  test('a refresh that fails leaves the stale answer, and the next tries wait longer each time', async () => {
    const handler = counted((_req, res, run) => (run === 1 ? res.send('good') : res.status(503).send('bad')))
    const { get, clock, over } = await staleApp(express, handler, { staleWhileRevalidate: 1000 * MINUTE })
    await get()
    clock.advance(TTL)
    let calls = 1
    for (const pause of [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
      expect(outcome(await get())).toEqual([200, 'STALE', 'good'])
      await over()
      expect(handler.calls).toBe(++calls)
      clock.advance(pause * 1000 - 1)
      expect(outcome(await get())).toEqual([200, 'STALE', 'good'])
      await over()
      expect(handler.calls).toBe(calls)
      clock.advance(1)
    }
  })

  const failures: [string, RequestHandler][] = [
    ['answers 500', (_req, res) => void res.status(500).send('down')],
    ['throws', () => fail()],
    ['passes an error on', (_req, _res, next) => next(new Error('down'))],
    ['destroys its response', (_req, res) => void res.destroy()],
    ['breaks off in the middle', (_req, res) => void (res.write('half'), setImmediate(() => res.destroy()))],
  ]
  test.each(failures)('a refresh whose handler %s is tried again after a second, and works', async (_name, failing) => {
    const handler = counted((req, res, run, next) => (run === 2 ? failing(req, res, next) : res.json({ run })))
    const { get, clock, over } = await staleApp(express, handler, swr, { errors: [quietly] })
    await get()
    clock.advance(TOO_LATE)
    expect(outcome(await get())).toEqual([200, 'STALE', '{"run":1}'])
    await over()
    clock.advance(999)
    expect(outcome(await get())).toEqual([200, 'STALE', '{"run":1}'])
    await over()
    expect(handler.calls).toBe(2)
    clock.advance(1)
    expect(outcome(await get())).toEqual([200, 'STALE', '{"run":1}'])
    await over()
    expect(outcome(await get())).toEqual([200, 'HIT', '{"run":3}'])
  })

  test('an answer that is stale at once is a refresh that worked', async () => {
    const handler = counted((_req, res, run) => {
      res.set('Cache-Control', 'max-age=0, stale-while-revalidate=600').json({ run })
    })
    const { get, clock, over } = await staleApp(express, handler, {})
    await get()
    for (let run = 1; run <= 5; run++) {
      expect(outcome(await get())).toEqual([200, 'STALE', `{"run":${run}}`])
      await over()
    }
    clock.advance(1)
    expect(handler.calls).toBe(6)
  })

  test('a handler that has worked for a waiting client need not be waited for at the next refresh', async () => {
    let isDown = false
    const handler = counted((_req, res, run) => (isDown ? res.status(503).end() : res.json({ run })))
    const { get, clock, over } = await staleApp(express, handler, { staleWhileRevalidate: 20_000 })
    await get()
    isDown = true
    for (const pause of [TTL, 1000, 2000, 4000, 8000]) {
      clock.advance(pause)
      await get()
      await over()
    }
    isDown = false
    clock.advance(5000)
    expect(outcome(await get())).toEqual([200, 'MISS', '{"run":7}'])
    clock.advance(TTL)
    expect(outcome(await get())).toEqual([200, 'STALE', '{"run":7}'])
    await over()
    expect(outcome(await get())).toEqual([200, 'HIT', '{"run":8}'])
  })

  test.each([404, 410])(
    'a refresh that is answered %d ends the stale answer: what is gone is not shown',
    async status => {
      const handler = counted((_req, res, run) => (run === 1 ? res.send('here') : res.status(status).send('gone')))
      const { get, clock, over } = await staleApp(express, handler, swr)
      await get()
      clock.advance(TOO_LATE)
      expect(outcome(await get())).toEqual([200, 'STALE', 'here'])
      await over()
      expect(outcome(await get())).toEqual([status, 'MISS', 'gone'])
    },
  )

  test('middleware in front that turns the second run away breaks nothing, and is not asked again at once', async () => {
    let asked = 0
    const seen: Request[] = []
    const bouncer: RequestHandler = (req, res, next) => {
      seen.push(req)
      if (++asked <= 2 || asked % 2 === 0) return next()
      res.status(403).send('not twice')
    }
    const handler = numbered()
    const { get, clock, over } = await staleApp(express, handler, swr, {
      front: [
        (req, res, next) => {
          // Only what the cache runs by itself has no client behind it.
          if (!isOfClient(req)) return bouncer(req, res, next)
          next()
        },
      ],
    })
    asked = 2
    await get()
    clock.advance(TOO_LATE)
    for (let i = 0; i < 3; i++) {
      expect(outcome(await get())).toEqual([200, 'STALE', '{"run":1}'])
      await over()
    }
    expect(seen).toHaveLength(1)
    expect(handler.calls).toBe(1)
    clock.advance(1000)
    await get()
    await over()
    expect(outcome(await get())).toEqual([200, 'HIT', '{"run":2}'])
  })

  test('middleware in front that never goes on holds nobody up', async () => {
    const handler = numbered()
    const hanging: ReturnType<typeof gate> = gate()
    const { get, clock, over } = await staleApp(express, handler, swr, {
      front: [(req, _res, next) => (isOfClient(req) ? next() : void hanging.opened.then(() => next()))],
    })
    await get()
    clock.advance(TOO_LATE)
    for (let i = 0; i < 5; i++) expect(outcome(await get())).toEqual([200, 'STALE', '{"run":1}'])
    expect(handler.calls).toBe(1)
    hanging.open()
    await over()
    expect(outcome(await get())).toEqual([200, 'HIT', '{"run":2}'])
  })

  const purges: [string, (cache: Cache, key: string) => Promise<number>][] = [
    ['everything', cache => cache.purge({ all: true })],
    ['the profile', cache => cache.purge({ profile: 'api' })],
    ['the movie', cache => cache.purge({ movie: 603 })],
    ['the key', (cache, key) => cache.purge({ key })],
  ]
  test.each(purges)('a purge of %s during a refresh wins over it', async (_name, purge) => {
    const [release, begun] = [gate(), gate()]
    const handler = counted(async (_req, res, run) => {
      if (run === 2) {
        begun.open()
        await release.opened
      }
      res.send(`run ${run}`)
    })
    const { get, clock, over, cache } = await staleApp(express, handler, swr)
    const key = String(cacheStatus(await get())['key'])
    clock.advance(TOO_LATE)
    await get()
    await begun.opened
    await purge(cache, key)
    release.open()
    await over()
    expect(outcome(await get())).toEqual([200, 'MISS', 'run 3'])
    expect(outcome(await get())).toEqual([200, 'HIT', 'run 3'])
  })

  test('the 304 of the handler renews entry and header, by the validator of the handler itself', async () => {
    const validators: unknown[] = []
    const handler = counted((req, res, run) => {
      validators.push(req.headers['if-none-match'])
      res.set({ ETag: '"v1"', 'X-Run': String(run) })
      if (run === 1) return res.send('the same')
      return res.status(304).end()
    })
    const { get, clock, over, cache } = await staleApp(express, handler, swr)
    await get()
    clock.advance(TOO_LATE)
    expect(outcome(await get({ 'If-None-Match': '"v0"' }))).toEqual([200, 'STALE', 'the same'])
    await over()
    const next = await get()
    expect(outcome(next)).toEqual([200, 'HIT', 'the same'])
    expect(next.headers).toMatchObject({ 'x-run': '2', age: '0' })
    expect(validators).toEqual([undefined, '"v1"'])
    expect(cache.stats().profiles.api).toMatchObject({ refreshes: 1, revalidated: 1 })
  })

  test.each<[string, Record<string, string>, number, string]>([
    ['If-None-Match', { 'If-None-Match': '"v1"' }, 304, ''],
    ['a range', { Range: 'bytes=4-7' }, 206, 'same'],
    ['HEAD', {}, 200, ''],
  ])('a stale answer to %s is what was asked for, and the refresh is whole', async (name, headers, status, body) => {
    const handler = counted((_req, res, run) => res.set('ETag', `"v${run}"`).send(run === 1 ? 'the same' : 'the other'))
    const { app, get, clock, over } = await staleApp(express, handler, swr)
    await get()
    clock.advance(TOO_LATE)
    const stale = await ask(app, '/movies/603', { method: name === 'HEAD' ? 'HEAD' : 'GET', headers })
    expect(outcome(stale)).toEqual([status, 'STALE', body])
    await over()
    expect(outcome(await get())).toEqual([200, 'HIT', 'the other'])
    expect(handler.calls).toBe(2)
  })

  test.each([['pipe'], ['one write after the other'], ['one end']])(
    'a large answer is refreshed whole: %s',
    async how => {
      const bodies = [Buffer.alloc(1_500_000, 'a'), Buffer.alloc(1_700_000, 'b')]
      const handler = counted(async (_req, res, run) => {
        const body = bodies[run - 1]!
        const chunks = Array.from({ length: 17 }, (_, i) => body.subarray(i * 100_000, (i + 1) * 100_000))
        if (how === 'pipe') return Readable.from(chunks).pipe(res)
        if (how === 'one end') return res.end(body)
        for (const chunk of chunks) if (!res.write(chunk)) await once(res, 'drain')
        return res.end()
      })
      const { get, clock, over } = await staleApp(express, handler, swr)
      await get()
      clock.advance(TOO_LATE)
      expect((await get()).body.equals(bodies[0]!)).toBe(true)
      await over()
      const next = await get()
      expect([next.headers['x-cache'], next.body.equals(bodies[1]!)]).toEqual(['HIT', true])
    },
  )

  test("the client's connection is not touched by the refresh", async () => {
    const handler = numbered()
    const { app, get, clock, over } = await staleApp(express, handler, swr)
    await get()
    clock.advance(TOO_LATE)
    const socket = connect(app.port, '127.0.0.1')
    const request = `GET /movies/603 HTTP/1.1\r\nHost: 127.0.0.1:${app.port}\r\n\r\n`
    socket.write(request)
    let said = String((await once(socket, 'data'))[0])
    await over()
    socket.write(request)
    while (!said.includes('"run":2')) said += String((await once(socket, 'data'))[0])
    socket.destroy()
    expect(said.match(/^x-cache: .*$/gm)).toEqual(['x-cache: STALE', 'x-cache: HIT'])
    expect(said.match(/HTTP\/1\.1 \d+ .*/g)).toEqual(['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK'])
    expect(handler.calls).toBe(2)
  })

  test('a client that has its stale answer may leave: the refresh goes on', async () => {
    const release = gate()
    const handler = counted(async (_req, res, run) => {
      if (run > 1) await release.opened
      res.json({ run })
    })
    const { app, get, clock, over } = await staleApp(express, handler, swr)
    await get()
    clock.advance(TOO_LATE)
    const stale = await ask(app, '/movies/603', { headers: { Connection: 'close' } })
    expect(stale.headers['x-cache']).toBe('STALE')
    release.open()
    await over()
    expect(outcome(await get())).toEqual([200, 'HIT', '{"run":2}'])
  })

  test('the refreshed request carries nothing that tells it from another, and no header makes one of it', async () => {
    const lines: string[][] = []
    const handler = numbered()
    const { app, get, clock, over } = await staleApp(express, handler, swr, {
      front: [(req, _res, next) => (lines.push(req.rawHeaders), next())],
    })
    const headers = { 'Accept-Language': 'fr', Cookie: '_ga=1', 'X-Odd': ['a', 'b'] }
    const names = (raw: string[]): string[] => raw.filter((_, index) => index % 2 === 0)
    await get(headers)
    clock.advance(TOO_LATE)
    const forged = Object.fromEntries(
      ['x-reelcache-refresh', 'x-refresh', 'x-cache', 'cache-status', 'purpose', 'cache-control', 'x-revalidate'].map(
        name => [name, 'refresh'],
      ),
    )
    const stale = await get({ ...headers, ...forged })
    expect(outcome(stale)).toEqual([200, 'STALE', '{"run":1}'])
    await over()
    expect(lines).toHaveLength(3)
    const kept = names(lines[1]!).filter(name => !['Connection', 'cache-control'].includes(name))
    expect(names(lines[2]!)).toEqual(kept)
    expect(JSON.stringify(stale.lines)).not.toMatch(/refresh/i)
    expect(handler.calls).toBe(2)
    expect((await postJson(app, '/movies/603', {})).headers['x-cache']).toBe('BYPASS')
  })
})

function fail(): never {
  throw new Error('down')
}

const quietly = (
  _error: unknown,
  _req: unknown,
  res: { statusCode: number; end(body: string): void },
  _next: unknown,
) => {
  res.statusCode = 500
  res.end('an error page')
}

/** A request that came over the network has a connection with two ends. */
const isOfClient = (req: Request): boolean => req.socket.remotePort !== undefined
