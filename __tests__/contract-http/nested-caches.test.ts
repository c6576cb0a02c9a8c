import type { NextFunction, Request, RequestHandler, Response } from 'express'
import compression from 'compression'
import { cacheStatus, handlerLines, testCache, type Cache } from '../support/cache.js'
import { ask, postJson, type Answer, type Question } from '../support/client.js'
import { fakeClock } from '../support/clock.js'
import { counted, expresses, type Express } from '../support/express.js'
import { gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { until } from '../support/until.js'

const TEXT = 'The Matrix '.repeat(400)

const pass: RequestHandler = (_req, _res, next) => next()
const later = (_req: Request, _res: Response, next: NextFunction): void => void setImmediate(next)

interface Pair {
  readonly outer: (cache: Cache) => RequestHandler
  readonly between?: RequestHandler
  readonly inner: (cache: Cache) => RequestHandler
}

const pairs: [string, Pair][] = [
  ['of two profiles', { outer: cache => cache.cacheApi(), inner: cache => cache.cacheEnhanced() }],
  ['of one profile', { outer: cache => cache.cacheApi(), inner: cache => cache.cacheApi({ ttl: 600_000 }) }],
  [
    'of one key',
    {
      outer: cache => cache.cacheApi({ movieId: () => 603 }),
      inner: cache => cache.cacheApi({ movieId: () => 603 }),
    },
  ],
  ['of two instances', { outer: () => testCache().cacheApi(), inner: cache => cache.cacheApi() }],
  [
    'with something that waits between them',
    { outer: cache => cache.cacheApi(), between: later, inner: cache => cache.cacheEnhanced() },
  ],
  [
    'with compression() between them',
    { outer: cache => cache.cacheApi(), between: compression(), inner: cache => cache.cacheEnhanced() },
  ],
  ['that goes on without its client', { outer: cache => cache.cacheAi(), inner: cache => cache.cacheEnhanced() }],
]

async function behind(express: Express, { outer, between = pass, inner }: Pair, handler: RequestHandler) {
  const cache = testCache()
  const app = express()
    .use(outer(cache), between)
    .get('/movies/:movieId', inner(cache), handler)
    .get('/plain/:movieId', handler)
  const served = await serve(app)
  return { cache, get: (path: string, question?: Question): Promise<Answer> => ask(served, path, question) }
}

const storyOf = ({ headers }: Answer): unknown => [
  headers['x-cache'],
  String(headers['cache-status']).split(',').length,
]

const entriesOf = (cache: Cache): number =>
  Object.values(cache.stats().profiles).reduce((sum, { entries }) => sum + entries, 0)

describe.each(expresses)('two caches on the way of one request on %s', (_, express) => {
  describe.each(pairs)('%s', (__, pair) => {
    const speaks = counted((req, res, run) => res.set('X-Run', String(run)).send(`${TEXT}${req.path}`))

    it('keep one entry, send the bytes of the handler, and say one thing of each answer', async () => {
      const { cache, get } = await behind(express, pair, speaks)
      const answers = [await get('/movies/603'), await get('/movies/603'), await get('/movies/603')]
      expect(answers.map(storyOf)).toEqual([
        ['MISS', 1],
        ['HIT', 1],
        ['HIT', 1],
      ])
      expect(cacheStatus(answers[0]!)).toMatchObject({ fwd: 'miss', stored: true })
      expect(answers.map(({ body }) => body.toString())).toEqual(Array(3).fill(`${TEXT}/movies/603`))
      expect(handlerLines(answers[1]!)).toEqual(handlerLines(answers[0]!))
      expect(entriesOf(cache)).toBe(1)
      expect(await cache.purge({ movie: 603 })).toBe(1)
      expect((await get('/movies/603')).headers['x-cache']).toBe('MISS')
    })

    it('leave what the inner one does not see to the outer one', async () => {
      const { get } = await behind(express, pair, speaks)
      for (const state of ['MISS', 'HIT']) expect(storyOf(await get('/plain/603'))).toEqual([state, 1])
    })

    it('show the inner one the whole request: validators and ranges', async () => {
      const { get } = await behind(express, pair, speaks)
      const [miss] = [await get('/movies/603')]
      const unchanged = await get('/movies/603', { headers: { 'If-None-Match': miss.headers.etag! } })
      expect([unchanged.status, ...(storyOf(unchanged) as unknown[])]).toEqual([304, 'HIT', 1])
      const cold = await get('/movies/604', { headers: { Range: 'bytes=0-9' } })
      expect([cold.status, cold.body.toString()]).toEqual([206, TEXT.slice(0, 10)])
    })

    it('run the handler once for many', async () => {
      const release = gate()
      const handler = counted(async (_req, res) => {
        await release.opened
        res.send(TEXT)
      })
      const { get } = await behind(express, pair, handler)
      const asked = Array.from({ length: 20 }, () => get('/movies/603'))
      await until('the handler runs', () => handler.calls > 0)
      setImmediate(() => release.open())
      const answers = await Promise.all(asked)
      expect([new Set(answers.map(({ body }) => body.toString())), handler.calls]).toEqual([new Set([TEXT]), 1])
      expect(answers.map(storyOf).filter(story => (story as unknown[])[1] !== 1)).toEqual([])
    })

    it('store nothing where the inner one may not', async () => {
      const { cache, get } = await behind(
        express,
        pair,
        (_req, res) => void res.set('Cache-Control', 'private').send('x'),
      )
      const answers = [await get('/movies/603'), await get('/movies/603')]
      expect(answers.map(storyOf)).toEqual([
        ['MISS', 1],
        ['MISS', 1],
      ])
      expect(cacheStatus(answers[1]!)['detail']).toBe('private')
      expect(entriesOf(cache)).toBe(0)
    })
  })

  it.each<[string, Question, (cache: Cache) => RequestHandler]>([
    ['bypass(req) of the inner one', {}, cache => cache.cacheEnhanced({ bypass: () => true })],
    ['a cookie', { headers: { Cookie: 'sid=1' } }, cache => cache.cacheEnhanced()],
  ])('say of %s that the request went past, and keep nothing', async (__, question, inner) => {
    const { cache, get } = await behind(
      express,
      { outer: one => one.cacheApi(), inner },
      (_req, res) => void res.send('x'),
    )
    for (let n = 0; n < 2; n++) expect(storyOf(await get('/movies/603', question))).toEqual(['BYPASS', 1])
    expect(entriesOf(cache)).toBe(0)
  })

  it('let the inner one take what the outer one lets go past', async () => {
    const pair: Pair = {
      outer: cache => cache.cacheApi(),
      inner: cache => cache.cacheEnhanced({ ignoreCookies: true }),
    }
    const { get } = await behind(express, pair, (_req, res) => void res.send('x'))
    const question = { headers: { Cookie: 'theme=dark' } }
    for (const state of ['MISS', 'HIT']) expect(storyOf(await get('/movies/603', question))).toEqual([state, 1])
  })

  it('leave a request to the outer one once the inner one is closed', async () => {
    const closed = testCache()
    const { get } = await behind(
      express,
      { outer: cache => cache.cacheApi(), inner: () => closed.cacheEnhanced() },
      (_req, res) => void res.send('x'),
    )
    await closed.close()
    await get('/movies/603')
    expect((await get('/movies/603')).headers['x-cache']).toBe('HIT')
  })

  it('refresh and cover by the windows of the inner one', async () => {
    const clock = fakeClock()
    const cache = testCache({ clock })
    let fails = false
    const app = express().use(cache.cacheApi())
    app.get('/movies/:movieId', cache.cacheEnhanced({ ttl: 1_000, staleIfError: 60_000 }), (_req, res) => {
      if (fails) res.sendStatus(503)
      else res.send('whole')
    })
    const served = await serve(app)
    await ask(served, '/movies/603')
    clock.advance(2_000)
    fails = true
    const covered = await ask(served, '/movies/603')
    expect([covered.status, covered.body.toString(), covered.headers['x-cache']]).toEqual([200, 'whole', 'STALE'])
  })

  it('count a request that the inner one takes as no miss of the outer one, but for the first', async () => {
    const { cache, get } = await behind(express, pairs[0]![1], (_req, res) => void res.send('x'))
    for (let n = 0; n < 5; n++) await get('/movies/603')
    const { api, enhanced } = cache.stats().profiles
    expect([api.misses, enhanced.misses, enhanced.hits]).toEqual([1, 1, 4])
  })

  it('take a POST that the inner one stores for a question, also on its hits, and every other for a change', async () => {
    const cache = testCache()
    const app = express().use(express.json(), cache.cacheApi({ invalidate: 'movie' }))
    app.get('/movies/:movieId', (_req, res) => void res.send('x'))
    app.post('/movies/:movieId/ai', cache.cacheAi(), (_req, res) => void res.json({ answer: 42 }))
    app.post('/movies/:movieId/rating', (_req, res) => void res.json({}))
    const served = await serve(app)
    const state = async (path: string): Promise<unknown> => (await ask(served, path)).headers['x-cache']
    await state('/movies/603')
    const asked = [await postJson(served, '/movies/603/ai', {}), await postJson(served, '/movies/603/ai', {})]
    expect(asked.map(storyOf)).toEqual([
      ['MISS', 1],
      ['HIT', 1],
    ])
    expect(await state('/movies/603')).toBe('HIT')
    await postJson(served, '/movies/603/rating', {})
    expect(await state('/movies/603')).toBe('MISS')
  })
})
