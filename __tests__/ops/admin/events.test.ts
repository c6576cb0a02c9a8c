import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { RequestHandler } from 'express'
import compression from 'compression'
import type { CacheStats } from '../../../lib/index.js'
import type { MovieUses } from '../../../lib/ops/admin/source.js'
import type { Snapshot } from '../../../lib/ops/dashboard/snapshot.js'
import { testCache, type Cache } from '../../support/cache.js'
import { ask, open, over } from '../../support/client.js'
import { fakeClock, type FakeClock } from '../../support/clock.js'
import { expresses, type Express } from '../../support/express.js'
import { arrivals, gate } from '../../support/gate.js'
import { serve } from '../../support/server.js'
import { departures } from '../../support/streams.js'
import { holdIntervals } from '../../support/timers.js'

const SECOND = 1_000
const TEN_MINUTES = 600_000
const MOST = 32

interface Listening {
  readonly response: IncomingMessage
  /** The next message that comes. */
  readonly next: () => Promise<Snapshot>
  /** How many more come, and whether they were ended or cut off. */
  readonly rest: () => Promise<{ count: number; isWhole: boolean }>
}

interface Told {
  readonly cache: Cache
  readonly clock: FakeClock
  readonly movie: (path: string) => Promise<void>
  readonly open: () => ClientRequest
  readonly listen: () => Promise<Listening>
  readonly statusOf: (method?: string) => Promise<number>
  /** So many seconds go by. */
  readonly tick: (seconds?: number) => void
  /** Resolves once so many listeners have gone. */
  readonly gone: (count: number) => Promise<void>
}

interface Setting {
  readonly front?: RequestHandler
  readonly authorize?: () => boolean | Promise<boolean>
}

const passOn: RequestHandler = (_req, _res, next) => next()

async function told(express: Express, { front = passOn, authorize = () => true }: Setting = {}): Promise<Told> {
  holdIntervals()
  const clock = fakeClock()
  // A loaded machine is late, and would say so.
  const cache = testCache({ clock, api: { maxSize: 20 }, alerts: { eventLoopDelay: 60_000 } })
  const leaving = departures()
  const app = express()
    .use('/admin', front, leaving.middleware, cache.adminRouter({ authorize }))
    .get('/api/:movieId', cache.cacheApi(), (req, res) => {
      if (req.query['vary'] !== undefined) res.vary('Accept-Language')
      res.json({ id: req.params['movieId'] })
    })
    .get('/list', cache.cacheApi(), (_req, res) => res.json([]))
    .get('/tts/:movieId', cache.cacheTts(), (_req, res) => res.type('audio/ogg').send(Buffer.from('OggS')))
  const server = await serve(app)
  return {
    ...{ cache, clock },
    movie: async path => {
      await ask(server, path)
    },
    open: () => open(server, '/admin/events'),
    listen: async () => listening(open(server, '/admin/events', { headers: { 'Accept-Encoding': 'gzip' } })),
    statusOf: async method => (await ask(server, '/admin/events', method === undefined ? {} : { method })).status,
    tick: (seconds = 1) => jest.advanceTimersByTime(seconds * SECOND),
    gone: count => leaving.reached(count),
  }
}

async function listening(sent: ClientRequest): Promise<Listening> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  // Whoever leaves, or is cut off, breaks the connection.
  sent.on('error', () => undefined)
  const messages = messagesOf(response)
  return {
    response,
    next: async () => (await messages.next()).value as Snapshot,
    rest: async () => {
      let count = 0
      try {
        for await (const _ of messages) count++
      } catch {
        return { count, isWhole: false }
      }
      return { count, isWhole: true }
    },
  }
}

async function* messagesOf(response: IncomingMessage): AsyncGenerator<Snapshot> {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) {
    text += String(chunk)
    const messages = text.split('\n\n')
    text = messages.pop()!
    for (const message of messages) yield JSON.parse(/^data: (.*)$/m.exec(message)![1]!) as Snapshot
  }
}

const asJson = (stats: CacheStats): unknown => JSON.parse(JSON.stringify(stats))
const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)

describe.each(expresses)('%s: GET /events', (_, express) => {
  it('says at once how things are, and what the last hour was like', async () => {
    const { cache, clock, movie, listen } = await told(express)
    for (const path of ['/api/603', '/api/603', '/tts/603']) await movie(path)
    clock.advance(50_000)
    await movie('/api/603')
    const { response, next } = await listen()
    const { now, stats, status, heap, history } = await next()
    expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8'])
    expect([now, stats, status]).toEqual([clock.now(), asJson(cache.stats()), 'ok'])
    expect(heap.total).toBe(cache.health().memory.total)
    const { hit, miss } = history.profiles.api
    expect([hit.length, hit.at(-11), hit.at(-1), sum(hit), miss.at(-11), sum(miss)]).toEqual([720, 1, 1, 2, 1, 1])
    expect(sum(history.profiles.tts.miss)).toBe(1)
  })

  it('says what has changed a second later, to all who listen', async () => {
    const { cache, movie, listen, tick } = await told(express)
    const listeners = [await listen(), await listen()]
    for (const { next } of listeners) expect((await next()).stats.misses).toBe(0)
    await movie('/api/603')
    tick()
    for (const { next } of listeners) {
      const { stats, history } = await next()
      expect(stats).toEqual(asJson(cache.stats()))
      expect([history.profiles.api.miss.length, sum(history.profiles.api.miss)]).toEqual([12, 1])
    }
  })

  it('is silent while nothing changes, but for a word every fifteen seconds', async () => {
    const { cache, movie, listen, tick } = await told(express)
    const { next } = await listen()
    await next()
    tick()
    await next()
    tick(14)
    await movie('/api/603')
    tick()
    expect((await next()).stats.misses).toBe(1)
    tick(15)
    expect((await next()).stats).toEqual(asJson(cache.stats()))
  })

  it('runs no timer while nobody listens', async () => {
    const { listen, gone } = await told(express)
    const timers = jest.getTimerCount()
    const listeners = [await listen(), await listen()]
    expect(jest.getTimerCount()).toBe(timers + 1)
    for (const { response } of listeners) response.destroy()
    await gone(2)
    expect(jest.getTimerCount()).toBe(timers)
  })

  it(`tells ${MOST} listeners at most: one more ends the oldest, which may come again`, async () => {
    const { listen, gone, tick } = await told(express)
    const listeners = []
    for (let n = 0; n < MOST; n++) listeners.push(await listen())
    for (const { next } of listeners) await next()
    const late = await listen()
    expect(late.response.statusCode).toBe(200)
    await late.next()
    expect(await listeners[0]!.rest()).toEqual({ count: 0, isWhole: true })
    await gone(1)
    tick(15)
    for (const { next } of [...listeners.slice(1), late]) expect(await next()).toHaveProperty('stats')
  })

  it('keeps no place for those who left while the guard was asked', async () => {
    const asked = arrivals()
    const answer = gate()
    const { open, statusOf, gone } = await told(express, {
      front: asked.middleware,
      authorize: () => answer.opened.then(() => true),
    })
    const timers = jest.getTimerCount()
    const early = Array.from({ length: MOST }, open)
    await asked.reached(MOST)
    const left = early.map(over)
    for (const request of early) request.destroy()
    await Promise.all([...left, gone(MOST)])
    answer.open()
    expect(await statusOf('HEAD')).toBe(200)
    // A listener would need one.
    expect(jest.getTimerCount()).toBe(timers)
  })

  it('ends when the cache is closed, and does not begin again', async () => {
    const { cache, listen, statusOf } = await told(express)
    const { rest } = await listen()
    await cache.close()
    expect(await rest()).toEqual({ count: 1, isWhole: true })
    expect(await statusOf()).toBe(503)
  })

  it('ends after ten minutes, so that the guard is asked again', async () => {
    const { clock, listen, tick, movie } = await told(express)
    const { next, rest } = await listen()
    await next()
    clock.advance(TEN_MINUTES - 1)
    await movie('/api/603')
    tick()
    expect((await next()).stats.misses).toBe(1)
    clock.advance(1)
    tick()
    expect(await rest()).toEqual({ count: 0, isWhole: true })
  })

  it('writes nothing more to one that does not read, and cuts it off in the end', async () => {
    let written = 0
    const slow: RequestHandler = (_req, res, next) => {
      const write = res.write.bind(res)
      res.write = (chunk: Buffer) => {
        written++
        return write(chunk)
      }
      Object.defineProperty(res, 'writableNeedDrain', { get: () => true })
      next()
    }
    const { clock, listen, tick } = await told(express, { front: slow })
    const { rest } = await listen()
    tick(20)
    expect(written).toBe(1)
    clock.advance(TEN_MINUTES)
    tick()
    expect(await rest()).toEqual({ count: 1, isWhole: false })
  })

  it('passes compression() at once and as it is', async () => {
    const { listen, tick, movie } = await told(express, { front: compression({ threshold: 0 }) })
    const { response, next } = await listen()
    expect(response.headers).not.toHaveProperty('content-encoding')
    expect((await next()).stats.misses).toBe(0)
    await movie('/api/603')
    tick()
    expect((await next()).stats.misses).toBe(1)
  })

  it('has a head alone for HEAD, and takes no place for it', async () => {
    const { statusOf } = await told(express)
    const timers = jest.getTimerCount()
    expect([await statusOf('HEAD'), jest.getTimerCount()]).toEqual([200, timers])
  })
})

describe('the movies asked for most', () => {
  const moviesOf = async ({ listen }: Told): Promise<readonly MovieUses[]> => (await (await listen()).next()).movies
  const [, [, express]] = expresses

  it('are told by what memory holds of each: entries, bytes, and how often they were asked for', async () => {
    const it = await told(express)
    for (const path of ['/api/1', '/api/2', '/tts/1', '/api/2', '/api/2', '/tts/1', '/api/caf%C3%A9']) {
      await it.movie(path)
    }
    const movies = await moviesOf(it)
    expect(movies.map(({ movie, uses, entries }) => [movie, uses, entries])).toEqual([
      ['2', 2, 1],
      ['1', 1, 2],
      ['caf%C3%A9', 0, 1],
    ])
    expect(movies.reduce((total, { bytes }) => total + bytes, 0)).toBe(it.cache.stats().bytes)
  })

  it('are ten, and none of an entry without a movie', async () => {
    const it = await told(express)
    for (let id = 1; id <= 12; id++) await it.movie(`/api/${id}`)
    for (let id = 3; id <= 12; id++) await it.movie(`/api/${id}`)
    for (let n = 0; n < 3; n++) await it.movie('/list')
    expect((await moviesOf(it)).map(({ movie }) => Number(movie)).sort((a, b) => a - b)).toEqual([
      ...[3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    ])
  })

  it('count a variant once, and not the index of variants', async () => {
    const it = await told(express)
    for (let n = 0; n < 3; n++) await it.movie('/api/603?vary')
    expect(await moviesOf(it)).toMatchObject([{ movie: '603', uses: 2, entries: 1 }])
  })
})
