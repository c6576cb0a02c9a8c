import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import compression from 'compression'
import type { RequestHandler, Response } from 'express'
import { testCache, type Cache, type RouteOptions } from '../support/cache.js'
import { ask, open, type Question } from '../support/client.js'
import { counted, errorPage, expresses } from '../support/express.js'
import { arrivals, gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { departures, listen, outcomeOf, type Listener } from '../support/streams.js'

const path = '/movies/603'
const start = Buffer.from('ID3, the beginning of what Neo hears. ')
const rest = Buffer.from('Wake up.')
const whole = Buffer.concat([start, rest])

/** Why answers were not stored. */
const refusals = (cache: Cache): string[] => {
  const reasons: string[] = []
  cache.on('event', event => event.type === 'refused' && reasons.push(event.reason))
  return reasons
}

const idle = { running: 0, waiting: 0 }

/** Resolves once nothing is being made any more. */
async function untilIdle(cache: Cache): Promise<void> {
  while (cache.stats().flights.running > 0) await new Promise(done => setTimeout(done, 5))
}

describe.each(expresses)('a handler whose client has left, on %s,', (_version, express) => {
  interface Options {
    route?: RouteOptions
    profile?: 'cacheApi' | 'cacheTts' | 'cacheAi' | 'cacheEnhanced'
    front?: RequestHandler[]
  }
  async function cached(handler: RequestHandler, { route = {}, profile = 'cacheTts', front = [] }: Options = {}) {
    const [cache, inside, left] = [testCache(), arrivals(), departures()]
    const app = express().use(inside.middleware, left.middleware, ...front)
    app.all('/movies/:movieId', cache[profile](route), handler)
    app.use(errorPage)
    return { app: await serve(app), cache, inside, left, reasons: refusals(cache) }
  }
  type Setting = Awaited<ReturnType<typeof cached>>

  /** The first client, and whoever reads along with it, have heard the beginning; then the first leaves. */
  async function leave({ app, left }: Setting, readers = 0, question: Question = {}): Promise<Listener[]> {
    const first = await listen(open(app, path, question))
    await first.heard(start.length)
    const others = await Promise.all(Array.from({ length: readers }, () => listen(open(app, path, question))))
    await Promise.all(others.map(other => other.heard(start.length)))
    first.leave()
    await left.reached(1)
    return others
  }
  const outcomes = async (listeners: Listener[], expected = whole): Promise<string[]> =>
    (await Promise.all(listeners.map(({ over }) => over))).map(heard => outcomeOf(heard, expected))

  /** Sends the beginning, and the rest when it is told. */
  function speaker(finish: (res: Response) => unknown = res => res.end(rest)) {
    const [go, over, done] = [gate(), gate(), gate()]
    const heard: string[] = []
    const handler = counted(async (_req, res) => {
      for (const name of ['close', 'finish', 'error']) res.on(name, () => heard.push(name))
      res.on('close', () => over.open())
      res.type('audio/mpeg').write(start)
      await go.opened
      await finish(res)
      done.open()
    })
    return { handler, go, over, done, heard }
  }

  test('sees a response that is well, and hears of its end when it has come to its own', async () => {
    const states: object[] = []
    const look = ({ destroyed, writable, headersSent, writableEnded, writableFinished, closed }: Response): void =>
      void states.push({ destroyed, writable, headersSent, writableEnded, writableFinished, closed })
    const { handler, go, over, heard } = speaker(async res => {
      look(res)
      res.on('finish', () => look(res)).end(rest)
    })
    const setting = await cached(handler)
    await leave(setting)
    expect(heard).toEqual([])
    go.open()
    await over.opened
    expect(heard).toEqual(['finish', 'close'])
    const well = { destroyed: false, headersSent: true, closed: false }
    expect(states).toEqual([
      { ...well, writable: true, writableEnded: false, writableFinished: false },
      { ...well, writable: true, writableEnded: true, writableFinished: true },
    ])
    expect((await ask(setting.app, path)).headers['x-cache']).toBe('HIT')
  })

  test('may still choose status and header when its client left before the head', async () => {
    const [go, began, over] = [gate(), gate(), gate()]
    const heads: boolean[] = []
    const handler = counted(async (_req, res) => {
      res.on('close', () => over.open()).set('X-Voice', 'nova')
      began.open()
      await go.opened
      heads.push(res.headersSent)
      res.status(203).set('Cache-Control', 'max-age=60').type('audio/mpeg').removeHeader('X-Voice')
      res.set({ 'X-Film': 'The Matrix' })
      heads.push(res.headersSent, res.hasHeader('X-Film'))
      res.write(start)
      heads.push(res.headersSent)
      res.end(rest)
    })
    const { app, left } = await cached(handler)
    const sent = open(app, path).on('error', () => undefined)
    await began.opened
    sent.destroy()
    await left.reached(1)
    go.open()
    await over.opened
    const again = await ask(app, path)
    const { 'x-cache': cache, 'x-film': film, 'x-voice': voice } = again.headers
    expect([again.status, cache, film, voice]).toEqual([203, 'HIT', 'The Matrix', undefined])
    expect(again.body).toEqual(whole)
    expect(heads).toEqual([false, false, true, true])
  })

  test('has its callbacks called, and its pipeline resolved', async () => {
    const called: string[] = []
    const { handler, go, done } = speaker(async res => {
      await new Promise<void>(done => res.write('', () => done()))
      called.push('write')
      await pipeline(Readable.from([rest]), res)
      called.push('pipeline')
    })
    const setting = await cached(handler)
    await leave(setting)
    go.open()
    await done.opened
    expect(called).toEqual(['write', 'pipeline'])
    expect((await ask(setting.app, path)).body).toEqual(whole)
  })

  test('that waits for its slow client to take more goes on', async () => {
    const block = Buffer.alloc(64 * 1024, 'sound')
    const [blocked, over] = [gate(), gate()]
    const blocks = 60
    const handler = counted(async (_req, res) => {
      res
        .on('close', () => over.open())
        .type('audio/mpeg')
        .write(start)
      for (let i = 0; i < blocks; i++) {
        if (res.write(block)) continue
        setImmediate(() => blocked.open())
        await once(res, 'drain')
      }
      res.end()
    })
    const { app, left, cache } = await cached(handler)
    const [response] = (await once(open(app, path), 'response')) as [IncomingMessage]
    response.on('error', () => undefined)
    await blocked.opened
    // It has not been read: the handler stands still.
    response.destroy()
    await left.reached(1)
    await over.opened
    const { headers, body } = await ask(app, path)
    expect([headers['x-cache'], body.length]).toEqual(['HIT', start.length + blocks * block.length])
    expect(cache.stats().flights).toEqual(idle)
  })

  describe('is not kept from middleware in front, which hears at once of', () => {
    test.each(['close on the response', 'aborted on the request', 'close on the request'])('%s', async event => {
      const [name, whose] = event.split(' on the ')
      const told = gate()
      const watch: RequestHandler = (req, res, next) => {
        const emitter = whose === 'request' ? req : res
        emitter.on(name!, () => told.open())
        next()
      }
      const { handler, go, over, heard } = speaker()
      const setting = await cached(handler, { front: [watch] })
      await leave(setting)
      await told.opened
      expect(heard).toEqual([])
      go.open()
      await over.opened
      expect((await ask(setting.app, path)).headers['x-cache']).toBe('HIT')
    })
  })

  describe('without ignoreClientAbort', () => {
    const route = { ignoreClientAbort: false }

    test('and with nobody who reads along hears of it, and is not stored', async () => {
      const { handler, go, over, heard } = speaker()
      const setting = await cached(handler, { route })
      await leave(setting)
      await over.opened
      expect([heard, setting.reasons, setting.cache.stats().flights]).toEqual([['close'], ['aborted'], idle])
      go.open()
      expect((await ask(setting.app, path)).headers['x-cache']).toBe('MISS')
    })

    test.each(['cacheApi', 'cacheEnhanced'] as const)('goes on for those who read along with %s', async profile => {
      const { handler, go, heard } = speaker()
      const setting = await cached(handler, { profile })
      const others = await leave(setting, 20)
      expect(heard).toEqual([])
      go.open()
      expect(await outcomes(others)).toEqual(Array(20).fill('whole'))
      expect((await ask(setting.app, path)).headers['x-cache']).toBe('HIT')
    })

    test('hears of it when the last of those who read along has left as well', async () => {
      const { handler, over, heard } = speaker()
      const setting = await cached(handler, { profile: 'cacheApi' })
      const others = await leave(setting, 3)
      for (const other of others) other.leave()
      await setting.left.reached(4)
      await over.opened
      await untilIdle(setting.cache)
      expect([heard, setting.reasons]).toEqual([['close'], ['aborted']])
    })
  })

  describe('and that fails afterwards', () => {
    const failures: [string, (res: Response) => unknown][] = [
      ['throws', () => Promise.reject(new Error('no voice'))],
      ['destroys the response', res => res.destroy()],
      ['destroys the socket of the response', res => res.socket!.destroy()],
      ['destroys the socket of the request', res => res.req.socket.destroy()],
      [
        'pipelines a source that breaks',
        res =>
          pipeline(
            (function* () {
              yield rest
              throw new Error('no voice')
            })(),
            res,
          ),
      ],
    ]
    test.each(failures)('as one that %s cuts all off who read along, and is not stored', async (_name, fail) => {
      const { handler, go, heard } = speaker(fail)
      const caught = (...args: Parameters<RequestHandler>): unknown =>
        Promise.resolve(handler(...args)).catch((error: unknown) => args[2](error))
      const setting = await cached(caught)
      const others = await leave(setting, 5)
      go.open()
      expect(await outcomes(others)).toEqual(Array(5).fill('broken off'))
      await untilIdle(setting.cache)
      expect([setting.reasons, heard.at(-1)]).toEqual([['aborted'], 'close'])
    })
  })

  describe('and that ends its answer because it has heard of it by the socket', () => {
    const listeners = {
      on: (res: Response, stop: () => void) => res.req.socket.on('close', stop),
      once: (res: Response, stop: () => void) => res.req.socket.once('close', stop),
    }
    describe.each(Object.entries(listeners))('(%s)', (_name, listenTo) => {
      test.each([0, 5])('is not stored, and not taken for whole by %d who read along', async readers => {
        const handler: RequestHandler = (_req, res) => {
          listenTo(res, () => res.end())
          res.type('audio/mpeg').write(start)
        }
        const setting = await cached(handler)
        const others = await leave(setting, readers)
        expect(await outcomes(others)).toEqual(Array(readers).fill('broken off'))
        await untilIdle(setting.cache)
        expect(setting.reasons).toEqual(['aborted'])
      })

      const proofs: [string, 'cacheTts' | 'cacheAi', (res: Response) => void, Buffer][] = [
        ['Content-Length', 'cacheTts', res => res.type('audio/mpeg').set('Content-Length', String(whole.length)), rest],
        [
          'an end marker',
          'cacheAi',
          res => res.set('Content-Type', 'text/event-stream'),
          Buffer.from('\ndata: [DONE]\n\n'),
        ],
      ]
      test.each(proofs)('is stored where %s proves it whole', async (_proof, profile, head, end) => {
        const go = gate()
        const handler = counted(async (_req, res) => {
          listenTo(res, () => undefined)
          head(res)
          res.write(start)
          await go.opened
          res.end(end)
        })
        const setting = await cached(handler, { profile })
        const others = await leave(setting, 3)
        go.open()
        expect(await outcomes(others, Buffer.concat([start, end]))).toEqual(Array(3).fill('whole'))
        expect((await ask(setting.app, path)).headers['x-cache']).toBe('HIT')
      })
    })
  })

  test.each([0, 5])('and that sends a file leaves no run behind, with %d who read along', async readers => {
    const directory = mkdtempSync(join(tmpdir(), 'reelcache-'))
    const file = join(directory, 'speech.mp3')
    const sound = Buffer.concat([start, Buffer.alloc(6 * 1024 * 1024, 'sound')])
    writeFileSync(file, sound)
    const handler = counted((_req, res) => res.sendFile(file, { etag: false, lastModified: false }))
    const setting = await cached(handler)
    const others = await leave(setting, readers)
    const heard = await outcomes(others, sound)
    expect(new Set(heard).size).toBeLessThan(2)
    await untilIdle(setting.cache)
    const again = await ask(setting.app, path)
    expect(again.body.equals(sound)).toBe(true)
    rmSync(directory, { recursive: true })
  })

  test('behind compression goes on as well', async () => {
    const block = Buffer.alloc(64 * 1024)
    for (let i = 0; i < block.length; i++) block[i] = (i * i * 7919) >> 3
    const [blocked, over] = [gate(), gate()]
    const handler = counted(async (_req, res) => {
      res
        .on('close', () => over.open())
        .type('text')
        .write(start)
      for (let i = 0; i < 60; i++) {
        if (res.write(block)) continue
        setImmediate(() => blocked.open())
        await once(res, 'drain')
      }
      res.end()
    })
    const { app, left } = await cached(handler, { profile: 'cacheAi', front: [compression()] })
    const gzip = { headers: { 'Accept-Encoding': 'gzip' } }
    const [response] = (await once(open(app, path, gzip), 'response')) as [IncomingMessage]
    response.on('error', () => undefined)
    await blocked.opened
    response.destroy()
    await left.reached(1)
    await over.opened
    const { headers, body } = await ask(app, path)
    expect([headers['x-cache'], body.length]).toEqual(['HIT', start.length + 60 * block.length])
  })

  test('before the cache was reached is not waited for by anybody', async () => {
    const [left, arrived, go] = [departures(), gate(), gate()]
    const slow: RequestHandler = (_req, res, next) => {
      if (res.getHeader('X-First') === undefined) return next()
      arrived.open()
      void go.opened.then(() => next())
    }
    const mark = counted((_req, res, run, next) => {
      if (run === 1) res.set('X-First', 'yes')
      next()
    })
    const handler = counted((_req, res) => void Readable.from([start, rest]).pipe(res.type('audio/mpeg')))
    const cache = testCache()
    const app = express().use(left.middleware, mark, slow)
    app.get('/movies/:movieId', cache.cacheTts(), handler)
    const served = await serve(app)
    const sent = open(served, path).on('error', () => undefined)
    await arrived.opened
    sent.destroy()
    await left.reached(1)
    go.open()
    await go.opened
    expect((await ask(served, path)).body).toEqual(whole)
    expect(cache.stats().flights).toEqual(idle)
  })

  test('goes on when what it makes is purged, for those who read along', async () => {
    const { handler, go } = speaker()
    const setting = await cached(handler)
    const others = await leave(setting, 3)
    await setting.cache.purge({ movie: '603' })
    go.open()
    expect(await outcomes(others)).toEqual(Array(3).fill('whole'))
    expect((await ask(setting.app, path)).headers['x-cache']).toBe('MISS')
  })
})
