import type { RequestHandler, Response } from 'express'
import type { CacheEvent, CacheStats } from '../../lib/index.js'
import { testCache, type Cache, type RouteOptions } from '../support/cache.js'
import { ask, postJson, type Answer } from '../support/client.js'
import { fakeClock, type FakeClock } from '../support/clock.js'
import { errorPage, expresses, type Express } from '../support/express.js'
import { serve } from '../support/server.js'
import { runsOf } from '../support/stale.js'
import { until } from '../support/until.js'

const FACTORIES = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const
const STALE: RouteOptions = { ttl: 600_000, staleWhileRevalidate: 600_000, staleIfError: 3_600_000 }

interface Dying {
  readonly cache: Cache
  readonly clock: FakeClock
  readonly get: () => Promise<Answer>
  readonly over: () => Promise<void>
  readonly events: CacheEvent[]
  /** What the handler does from now on. */
  behave: RequestHandler
}

const well = (res: Response): void => void res.type('audio/mpeg').send('ID3 well')

async function dying(
  express: Express,
  {
    factory = 'cacheEnhanced',
    options = {},
    front,
  }: { factory?: (typeof FACTORIES)[number]; options?: RouteOptions; front?: RequestHandler } = {},
): Promise<Dying> {
  const clock = fakeClock()
  const cache = testCache({ clock, alerts: { eventLoopDelay: 60_000 } })
  const runs = runsOf(cache)
  const events: CacheEvent[] = []
  cache.on('event', event => void events.push(event))
  const app = express()
  app.use(runs.middleware)
  if (front !== undefined) app.use(front)
  app.get('/603', cache[factory](options), (req, res, next) => it.behave(req, res, next))
  app.use(errorPage)
  const served = await serve(app)
  const it: Dying = {
    ...{ cache, clock, events, over: runs.over },
    get: () => ask(served, '/603'),
    behave: (_req, res) => well(res),
  }
  return it
}

const covered = (cache: Cache): number =>
  Object.values(cache.stats().profiles).reduce(
    (sum, profile: CacheStats['profiles']['api']) => sum + profile.covered,
    0,
  )
const codes = (cache: Cache): string[] => cache.health().alerts.map(({ code }) => code)
const silenced = jest.spyOn(console, 'error').mockImplementation()
afterAll(() => silenced.mockRestore())

describe.each(expresses)('a dead upstream behind stale answers on %s', (_, express) => {
  it('degrades health and raises the alert within 400 s of 503, by the defaults of cacheEnhanced', async () => {
    const it = await dying(express)
    await it.get()
    it.behave = (_req, res) => void res.status(503).json({})
    it.clock.advance(600_000)
    const seen: string[] = []
    for (let second = 0; second < 400; second += 4) {
      expect((await it.get()).headers['x-cache']).toBe('STALE')
      await it.over()
      seen.push(it.cache.health().status)
      it.clock.advance(4_000)
    }
    expect(codes(it.cache)).toEqual(['handler-errors-covered'])
    // From the fifth failure on, and without a break while the next try waits for minutes.
    expect(seen.slice(seen.indexOf('degraded')).every(status => status === 'degraded')).toBe(true)
    expect(seen.indexOf('degraded')).toBeLessThan(10)
    const { stale, misses, hits, refreshes, covered: failed } = it.cache.stats().profiles.enhanced
    expect({ stale, misses, hits }).toEqual({ stale: 100, misses: 1, hits: 0 })
    expect(failed).toBe(refreshes)
    expect(failed).toBeGreaterThan(5)
  })

  it('is no alarm any more once it works again', async () => {
    const it = await dying(express)
    await it.get()
    it.behave = (_req, res) => void res.status(500).json({})
    it.clock.advance(600_000)
    for (let n = 0; n < 10; n++) {
      await it.get()
      await it.over()
      it.clock.advance(20_000)
    }
    expect(codes(it.cache)).toEqual(['handler-errors-covered'])
    it.behave = (_req, res) => well(res)
    it.clock.advance(60_000)
    await it.get()
    await it.over()
    const before = covered(it.cache)
    it.clock.advance(310_000)
    expect((await it.get()).headers['x-cache']).toBe('HIT')
    expect([covered(it.cache), codes(it.cache)]).toEqual([before, []])
  })

  it.each<[string, RequestHandler, RouteOptions]>([
    ['answers 500', (_req, res) => void res.status(500).json({}), {}],
    ['answers 503 as a stream', (_req, res) => (res.status(503).write('no'), res.end()), {}],
    ['hands on an error', (_req, _res, next) => next(new Error('no')), {}],
    [
      'throws',
      () => {
        throw new Error('no')
      },
      {},
    ],
    ['destroys the response', (_req, res) => void res.destroy(), {}],
    ['stops half-way', (_req, res) => void res.write('no', () => res.destroy()), {}],
  ])('counts once where a refresh %s', async (__, behave, options) => {
    const it = await dying(express, { factory: 'cacheApi', options: { ...STALE, ...options } })
    await it.get()
    it.behave = behave
    it.clock.advance(700_000)
    expect((await it.get()).headers['x-cache']).toBe('STALE')
    await it.over()
    expect([covered(it.cache), it.events.filter(({ type }) => type === 'refresh-failed').length]).toEqual([1, 1])
  })

  it('counts once where a refresh takes longer than handlerTimeout, before it is over', async () => {
    const it = await dying(express, { factory: 'cacheApi', options: { ...STALE, handlerTimeout: 20 } })
    await it.get()
    let late: Response | undefined
    it.behave = (_req, res) => void (late = res)
    it.clock.advance(700_000)
    await it.get()
    await until('the late refresh counts', () => covered(it.cache) === 1)
    expect((await it.get()).headers['x-cache']).toBe('STALE')
    expect(it.events.at(-1)).toMatchObject({ type: 'stale', failing: true })
    late!.status(503).end()
    await it.over()
    expect(covered(it.cache)).toBe(1)
  })

  it.each(FACTORIES)('counts behind %s', async factory => {
    const it = await dying(express, { factory, options: STALE })
    await it.get()
    it.behave = (_req, res) => void res.status(502).json({})
    it.clock.advance(700_000)
    expect((await it.get()).headers['x-cache']).toBe('STALE')
    await it.over()
    expect(covered(it.cache)).toBe(1)
  })

  it("counts where the window is the handler's own", async () => {
    const it = await dying(express, { factory: 'cacheApi' })
    it.behave = (_req, res) => void res.set('Cache-Control', 'max-age=10, stale-while-revalidate=600').json({})
    await it.get()
    it.behave = (_req, res) => void res.status(503).json({})
    it.clock.advance(20_000)
    await it.get()
    await it.over()
    expect(covered(it.cache)).toBe(1)
  })

  it('counts where middleware in front fails for it', async () => {
    let isDown = false
    const front: RequestHandler = (req, res, next) => {
      if (isDown && req.socket.remotePort === undefined) res.status(503).end()
      else next()
    }
    const it = await dying(express, { options: STALE, front })
    await it.get()
    isDown = true
    it.clock.advance(700_000)
    await it.get()
    await it.over()
    expect(covered(it.cache)).toBe(1)
  })

  it.each<[string, RequestHandler]>([
    ['403', (_req, res) => void res.status(403).json({})],
    ['404', (_req, res) => void res.status(404).json({})],
    ['a private 200', (_req, res) => void res.set('Cache-Control', 'private').json({})],
    ['a cookie', (_req, res) => void res.cookie('a', 'b').json({})],
    ['a new answer', (_req, res) => void res.json({ new: true })],
  ])('does not count %s, which is an answer', async (__, behave) => {
    const it = await dying(express, { options: STALE })
    await it.get()
    it.behave = behave
    it.clock.advance(700_000)
    await it.get()
    await it.over()
    expect([covered(it.cache), codes(it.cache)]).toEqual([0, []])
  })

  it('does not count a purge that comes while the refresh is made', async () => {
    const it = await dying(express, { options: STALE })
    await it.get()
    it.behave = (_req, res) => void it.cache.purge({ all: true }).then(() => res.status(503).end())
    it.clock.advance(700_000)
    await it.get()
    await it.over()
    expect(covered(it.cache)).toBe(0)
  })

  it('counts a POST of a model too', async () => {
    const clock = fakeClock()
    const cache = testCache({ clock })
    const runs = runsOf(cache)
    let status = 200
    const app = express()
    app.use(runs.middleware)
    app.post('/ai', express.json(), cache.cacheAi(STALE), (_req, res) => void res.status(status).json({}))
    const served = await serve(app)
    await postJson(served, '/ai', { q: 1 })
    status = 503
    clock.advance(700_000)
    expect((await postJson(served, '/ai', { q: 1 })).headers['x-cache']).toBe('STALE')
    await runs.over()
    expect(covered(cache)).toBe(1)
  })
})
