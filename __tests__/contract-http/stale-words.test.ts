/** What handlers and routes say of freshness and staleness, over HTTP: RFC 5861, RFC 9111 section 4.2.4, `ttlJitter`, `negativeTtl`, `invalidate`. */
import type { RequestHandler } from 'express'
import { testCache, type RouteOptions } from '../support/cache.js'
import { ask, postJson, type Answer } from '../support/client.js'
import { fakeClock } from '../support/clock.js'
import { counted, expresses } from '../support/express.js'
import { serve } from '../support/server.js'
import { outcome, runsOf, staleApp, timedCache } from '../support/stale.js'

const both: RouteOptions = { staleWhileRevalidate: 30_000, staleIfError: 30_000 }
const neither: RouteOptions = {}

describe.each(expresses)('on %s', (_version, express) => {
  // Ten seconds fresh in each of them. STALE: sent at once, STALE 503: covers a failure, MISS: neither.
  const words: [string, RouteOptions, seconds: number, wanted: 'at once' | 'covers' | 'neither'][] = [
    ['max-age=10', both, 39, 'at once'],
    ['max-age=10', both, 40, 'neither'],
    ['max-age=10, stale-while-revalidate=60', neither, 69, 'at once'],
    ['max-age=10, stale-while-revalidate=60', neither, 70, 'neither'],
    ['max-age=10, stale-while-revalidate=5', both, 14, 'at once'],
    ['max-age=10, stale-while-revalidate=5', both, 15, 'covers'],
    ['max-age=10, stale-while-revalidate=0', both, 11, 'covers'],
    ['max-age=10, stale-if-error=60', neither, 69, 'covers'],
    ['max-age=10, stale-if-error=60', neither, 70, 'neither'],
    ['max-age=10, stale-if-error=0, stale-while-revalidate=0', both, 11, 'neither'],
    ['max-age=10, stale-while-revalidate=5, stale-if-error=60', neither, 14, 'at once'],
    ['max-age=10, stale-while-revalidate=5, stale-if-error=60', neither, 15, 'covers'],
    ['max-age=10, must-revalidate', both, 11, 'neither'],
    ['max-age=10, must-revalidate, stale-while-revalidate=60, stale-if-error=60', both, 11, 'neither'],
    ['max-age=10, proxy-revalidate, stale-if-error=60', both, 11, 'neither'],
    ['s-maxage=10, stale-while-revalidate=60', both, 11, 'neither'],
    ['MAX-AGE=10, Must-Revalidate', both, 11, 'neither'],
    ['max-age=10, stale-while-revalidate=soon, stale-if-error', both, 11, 'neither'],
    ['max-age=10, stale-while-revalidate="60"', neither, 69, 'at once'],
  ]
  test.each(words)('"%s" with %j is after %d seconds, stale: %s', async (field, options, seconds, wanted) => {
    const handler = counted((_req, res, run) =>
      run === 1 ? res.set('Cache-Control', field).send('good') : res.status(503).send('down'),
    )
    const { get, clock, over } = await staleApp(express, handler, options)
    const first = await get()
    clock.advance(9_999)
    expect(outcome(await get())).toEqual([200, 'HIT', 'good'])
    clock.advance(seconds * 1000 - 9_999)
    const got = await get()
    expect(outcome(got)).toEqual(wanted === 'neither' ? [503, 'MISS', 'down'] : [200, 'STALE', 'good'])
    if (wanted !== 'neither') {
      expect(got.headers['cache-status']).toContain(wanted === 'at once' ? 'stale-while-revalidate' : 'stale-if-error')
      expect(got.headers['cache-control']).toBe(first.headers['cache-control'])
    }
    await over()
    expect(handler.calls).toBe(2)
  })

  test('an answer that is stale at once may be served while it is refreshed, with a validator or without', async () => {
    const handler = counted((_req, res, run) => {
      res.set('Cache-Control', 'max-age=0, stale-while-revalidate=60').write(`run ${run}`)
      res.end()
    })
    const { get, over } = await staleApp(express, handler, {})
    await get()
    expect(outcome(await get())).toEqual([200, 'STALE', 'run 1'])
    await over()
  })

  test('ttlJitter spreads the end of what was made together, never later than the ttl and never earlier than its part', async () => {
    const { cache, clock } = timedCache()
    const handler: RequestHandler = (_req, res) => void res.send('film')
    const app = await serve(
      express().get('/movies/:movieId', cache.cacheApi({ ttl: 100_000, ttlJitter: 0.4 }), handler),
    )
    const all = Array.from({ length: 80 }, (_, id) => `/movies/${id}`)
    for (const path of all) await ask(app, path)
    const isHeld = async (path: string): Promise<boolean> =>
      (await ask(app, path, { headers: { 'Cache-Control': 'only-if-cached' } })).status === 200
    const held = async (): Promise<number> => (await Promise.all(all.map(isHeld))).filter(Boolean).length
    clock.advance(60_000 - 1)
    expect(await held()).toBe(80)
    clock.advance(20_000)
    const half = await held()
    // The chance that all of 80 lie on one side is one in 2 to the 79th.
    expect(half).toBeGreaterThan(0)
    expect(half).toBeLessThan(80)
    clock.advance(20_001)
    expect(await held()).toBe(0)
  })

  test('ttlJitter does not touch what the handler says itself', async () => {
    const { cache, clock } = timedCache()
    const handler: RequestHandler = (_req, res) => void res.set('Cache-Control', 'max-age=100').send('film')
    const app = await serve(express().get('/movies/:movieId', cache.cacheApi({ ttlJitter: 1 }), handler))
    const all = Array.from({ length: 20 }, (_, id) => `/movies/${id}`)
    for (const path of all) await ask(app, path)
    clock.advance(99_999)
    for (const path of all) expect((await ask(app, path)).headers['x-cache']).toBe('HIT')
    clock.advance(1)
    for (const path of all) expect((await ask(app, path)).headers['x-cache']).toBe('MISS')
  })

  test.each([
    [404, 5000, 4_999, 'HIT'],
    [404, 5000, 5_000, 'MISS'],
    [410, 5000, 4_999, 'HIT'],
    [404, 0, 1, 'MISS'],
    [403, 5000, 1, 'MISS'],
    [500, 5000, 1, 'MISS'],
  ])('a %d with negativeTtl %d is after %d ms a %s', async (status, negativeTtl, after, xCache) => {
    const handler = counted((_req, res) => res.status(status).send('none'))
    const { get, clock } = await staleApp(express, handler, { negativeTtl })
    await get()
    clock.advance(after)
    expect(outcome(await get())).toEqual([status, xCache, 'none'])
  })

  test.each([
    ['strong', '"none"'],
    ['weak', 'W/"none"'],
  ])('a hit on a 404 has the %s validator of its handler, and is never a 304', async (_, etag) => {
    const handler = counted((_req, res) => res.status(404).set('ETag', etag).send('none'))
    const { app } = await staleApp(express, handler, { negativeTtl: 5000 })
    for (const xCache of ['MISS', 'HIT']) {
      const got = await ask(app, '/movies/603', { headers: { 'If-None-Match': etag } })
      expect([...outcome(got), got.headers.etag]).toEqual([404, xCache, 'none', etag])
    }
  })

  test('a 404 that has become stale is not confirmed by what is there now', async () => {
    const handler = counted((_req, res, run) => (run === 1 ? res.status(404) : res).send('the same'))
    const { get, clock } = await staleApp(express, handler, { negativeTtl: 5000 })
    await get()
    clock.advance(5000)
    expect(outcome(await get())).toEqual([200, 'MISS', 'the same'])
  })

  test('a HEAD never fills a GET, and never renews it', async () => {
    const handler = counted((_req, res, run) => res.set('ETag', '"v1"').send(`run ${run}`))
    const { app, get, clock } = await staleApp(express, handler, {})
    await get()
    clock.advance(20_000)
    expect((await ask(app, '/movies/603', { method: 'HEAD' })).headers['x-cache']).toBe('MISS')
    const next = await get()
    expect(next.headers['x-cache']).toBe('MISS')
    expect(handler.calls).toBe(3)
  })

  describe("invalidate: 'movie'", () => {
    async function movieApp(invalidate: 'movie' | 'url', status = 204) {
      const clock = fakeClock()
      const cache = testCache({ clock })
      const runs = runsOf(cache)
      const app = express()
      app.use(runs.middleware, express.json())
      const send: RequestHandler = (req, res) => void res.send(`about ${req.originalUrl}`)
      app.all('/movies/:movieId', cache.cacheApi({ invalidate }))
      app.get('/movies/:movieId', send)
      app.get('/movies/:movieId/enhanced', cache.cacheEnhanced(), send)
      app.post('/movies/:movieId/ai', cache.cacheAi(), send)
      app.post(
        '/movies/:movieId/tts',
        cache.cacheTts(),
        (_req, res) => void res.type('audio/mpeg').send(Buffer.from('ID3')),
      )
      app.all('/movies/:movieId', (_req, res) => void res.status(status).end())
      const served = await serve(app)
      const asks: ((movie: number) => Promise<Answer>)[] = [
        movie => ask(served, `/movies/${movie}`),
        movie => ask(served, `/movies/${movie}?page=2`),
        movie => ask(served, `/movies/${movie}/enhanced`),
        movie => postJson(served, `/movies/${movie}/ai`, { question: 'why?' }),
        movie => postJson(served, `/movies/${movie}/tts`, { text: 'Wake up' }),
      ]
      const states = async (movie: number): Promise<unknown[]> => {
        const all: unknown[] = []
        for (const one of asks) all.push((await one(movie)).headers['x-cache'])
        return all
      }
      return { served, states }
    }
    const hits = Array<string>(5).fill('HIT')

    test.each(['PUT', 'PATCH', 'DELETE'])(
      'a %s that succeeds throws out all of its movie and nothing of another',
      async method => {
        const { served, states } = await movieApp('movie')
        for (const movie of [603, 604]) await states(movie)
        expect(await states(603)).toEqual(hits)
        await ask(served, '/movies/603', { method })
        expect(await states(603)).not.toContain('HIT')
        expect(await states(603)).toEqual(hits)
        expect(await states(604)).toEqual(hits)
      },
    )

    test.each([400, 404, 500])('one that fails with %d throws out nothing', async status => {
      const { served, states } = await movieApp('movie', status)
      await states(603)
      await ask(served, '/movies/603', { method: 'DELETE' })
      expect(await states(603)).toEqual(hits)
    })

    test("with 'url' it is the URL alone", async () => {
      const { served, states } = await movieApp('url')
      await states(603)
      await ask(served, '/movies/603', { method: 'DELETE' })
      expect(await states(603)).toEqual(['MISS', ...hits.slice(1)])
    })
  })
})
