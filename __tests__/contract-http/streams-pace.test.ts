import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { RequestHandler, Response } from 'express'
import { testCache, type CacheOptions, type RouteOptions } from '../support/cache.js'
import { ask, open } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { arrivals, gate } from '../support/gate.js'
import { serve, type Served } from '../support/server.js'
import { departures, listen, Listener, outcomeOf } from '../support/streams.js'
import { holdTimeouts } from '../support/timers.js'

const path = '/movies/603'
const KiB = 1024
const block = Buffer.alloc(64 * KiB, 'ID3, the sound of a film. ')
/** More than the sockets between a server and a client that does not read will take. */
const count = 300
const whole = Buffer.concat(Array<Buffer>(count).fill(block))
/** Room for all of it. */
const roomy = { cache: { memory: { maxBytes: 256 * KiB * KiB } }, route: { maxEntryBytes: 32 * KiB * KiB } }
/** Of a client that does not read, a server may hold what it was given before it said stop. */
const BOUND = 2 * block.length

const idle = { running: 0, waiting: 0 }

/** A client that has asked, and does not read. */
async function deaf(app: Served): Promise<IncomingMessage> {
  const sent = open(app, path)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  for (const half of [sent, response]) half.on('error', () => undefined)
  return response
}

/** Resolves once nothing has been written for many turns of the event loop: the sockets between the two are full. */
async function standstill(writes: readonly boolean[]): Promise<void> {
  for (let before = -1, turns = 0; turns < 100; turns++) {
    if (writes.length !== before) turns = 0
    before = writes.length
    await new Promise(setImmediate)
  }
}

const outcome = async (listener: Listener): Promise<string> => outcomeOf(await listener.over, whole)

describe.each(expresses)('with clients of different pace, on %s,', (_version, express) => {
  interface Options {
    route?: RouteOptions
    cache?: CacheOptions
  }
  async function cached(handler: RequestHandler, { route, cache: all }: Options = roomy) {
    const [cache, inside, left] = [testCache(all), arrivals(), departures()]
    const responses: Response[] = []
    const reasons: string[] = []
    cache.on('event', event => event.type === 'refused' && reasons.push(event.reason))
    const app = express().use(inside.middleware, left.middleware, (_req, res, next) => {
      responses.push(res)
      next()
    })
    app.get('/movies/:movieId', cache.cacheTts({ lockTimeout: 60_000, ...route }), handler)
    return { app: await serve(app), cache, inside, left, responses, reasons }
  }

  /** Writes block after block as a well-behaved handler does, and says whether it had to wait. */
  function polite() {
    const ended = gate()
    const writes: boolean[] = []
    const handler = counted(async (_req, res) => {
      res.type('audio/mpeg')
      for (let at = 0; at < count; at++) {
        const isWritable = res.write(block)
        writes.push(isWritable)
        await (isWritable ? new Promise(setImmediate) : once(res, 'drain'))
      }
      res.end()
      ended.open()
    })
    return { handler, writes, ended }
  }

  /** Writes a block each time it is told to. */
  function told(blocks = count) {
    let [go, done] = [gate(), gate()]
    const handler = counted(async (_req, res) => {
      res.type('audio/mpeg')
      for (let at = 0; at < blocks; at++) {
        res.write(block)
        done.open()
        await go.opened
        go = gate()
      }
      res.end()
    })
    const next = async (): Promise<void> => {
      await done.opened
      done = gate()
      go.open()
    }
    return { handler, next }
  }

  test('one that does not read holds nobody back, costs little memory, and still gets everything', async () => {
    const { handler, next } = told()
    const { app, responses, cache } = await cached(handler)
    const first = await listen(open(app, path))
    await first.heard(block.length)
    const second = await listen(open(app, path))
    const late = await deaf(app)
    let most = 0
    for (let at = 1; at <= count; at++) {
      await Promise.all([first, second].map(listener => listener.heard(at * block.length)))
      most = Math.max(most, responses[2]!.writableLength)
      await next()
    }
    expect(await Promise.all([first, second].map(outcome))).toEqual(['whole', 'whole'])
    // It is behind: there was something to hold.
    expect(responses[2]!.writableFinished).toBe(false)
    expect(most).toBeLessThanOrEqual(BOUND)
    expect(cache.stats().flights).toEqual(idle)
    expect(responses[2]!.writableLength).toBeLessThanOrEqual(BOUND)
    expect(await outcome(new Listener(late))).toBe('whole')
    expect(handler.calls).toBe(1)
  })

  test('a slow first one makes its handler wait while it is alone', async () => {
    const { handler, writes } = polite()
    const { app, responses } = await cached(handler)
    const slow = await deaf(app)
    await standstill(writes)
    expect([writes.length < count, writes.at(-1)]).toEqual([true, false])
    expect(responses[0]!.writableLength).toBeLessThanOrEqual(BOUND)
    expect(await outcome(new Listener(slow))).toBe('whole')
    expect((await ask(app, path)).headers['x-cache']).toBe('HIT')
  })

  test('a slow first one holds back nobody who reads along', async () => {
    const { handler, writes, ended } = polite()
    const { app } = await cached(handler)
    const slow = await deaf(app)
    await standstill(writes)
    // Whoever comes sets it going again.
    const others = [await listen(open(app, path)), await listen(open(app, path))]
    await others[0]!.heard(block.length)
    const before = writes.length
    await ended.opened
    expect(await Promise.all(others.map(outcome))).toEqual(['whole', 'whole'])
    expect(new Set(writes.slice(before))).toEqual(new Set([true]))
    expect(await outcome(new Listener(slow))).toBe('whole')
    expect(handler.calls).toBe(1)
  })

  test('a slow first one makes its handler wait again once nobody else reads', async () => {
    const { handler, writes, ended } = polite()
    const { app, left } = await cached(handler)
    const slow = await deaf(app)
    const other = await listen(open(app, path))
    await other.heard(block.length)
    other.leave()
    await left.reached(1)
    await standstill(writes)
    expect([writes.length < count, writes.at(-1)]).toEqual([true, false])
    const listener = new Listener(slow)
    await ended.opened
    expect(await outcome(listener)).toBe('whole')
  })

  describe('an answer that grows too large to be stored', () => {
    const small = { route: { maxEntryBytes: 1024 * KiB } }

    test('is whole for those who keep up, and cut off for one who does not', async () => {
      const { handler, next } = told()
      const { app, responses, reasons, cache, left } = await cached(handler, small)
      const first = await listen(open(app, path))
      await first.heard(block.length)
      const second = await listen(open(app, path))
      const late = await deaf(app)
      const gone = new Promise(done => late.once('close', done))
      let most = 0
      for (let at = 1; at <= count; at++) {
        await Promise.all([first, second].map(listener => listener.heard(at * block.length)))
        most = Math.max(most, responses[2]!.writableLength)
        await next()
      }
      expect(await Promise.all([first, second].map(outcome))).toEqual(['whole', 'whole'])
      expect([responses[2]!.destroyed, responses[2]!.writableEnded]).toEqual([true, false])
      expect(most).toBeLessThanOrEqual(BOUND)
      late.resume()
      await gone
      expect(late.complete).toBe(false)
      await left.reached(3)
      expect([reasons, cache.stats().entries, cache.stats().flights]).toEqual([['too-large'], 0, idle])
      expect(handler.calls).toBe(1)
    })

    test('is whole for a first client that does not keep up', async () => {
      const { handler, next } = told()
      const { app, reasons, cache } = await cached(handler, small)
      const slow = await deaf(app)
      const second = await listen(open(app, path))
      for (let at = 1; at <= count; at++) {
        await second.heard(at * block.length)
        await next()
      }
      expect(await outcome(second)).toBe('whole')
      expect(await outcome(new Listener(slow))).toBe('whole')
      expect([reasons, cache.stats().entries]).toEqual([['too-large'], 0])
    })

    test('is not joined any more', async () => {
      const { handler, next } = told(20)
      const { app } = await cached(handler, small)
      const first = await listen(open(app, path))
      for (let at = 1; at <= 18; at++) {
        await first.heard(at * block.length)
        await next()
      }
      await first.heard(19 * block.length)
      await listen(open(app, path))
      expect(handler.calls).toBe(2)
    })
  })

  describe('a stream that has stood still for lockTimeout', () => {
    const lockTimeout = 43_210
    const beginning = Buffer.from('ID3, the beginning of what Neo hears. ')
    const rest = Buffer.from('Wake up.')

    /** The first run stands still until it is told. */
    function hesitant() {
      const go = gate()
      const handler = counted(async (_req, res, run) => {
        res.type('audio/mpeg').write(beginning)
        if (run === 1) await go.opened
        res.end(rest)
      })
      return { handler, go }
    }
    const join = async (app: Served): Promise<Listener> => {
      const listener = await listen(open(app, path))
      await listener.heard(beginning.length)
      return listener
    }
    const outcomes = async (listeners: Listener[]): Promise<string[]> =>
      (await Promise.all(listeners.map(({ over }) => over))).map(heard =>
        outcomeOf(heard, Buffer.concat([beginning, rest])),
      )

    test('is joined before, and not after', async () => {
      holdTimeouts()
      const { handler, go } = hesitant()
      const { app } = await cached(handler, { route: { lockTimeout } })
      const early = [await join(app), await join(app)]
      expect([handler.calls, jest.getTimerCount()]).toEqual([1, 1])
      jest.advanceTimersByTime(lockTimeout)
      const late = await listen(open(app, path))
      expect(await outcomes([late])).toEqual(['whole'])
      expect([handler.calls, late.response.headers['cache-status']]).toEqual([
        2,
        expect.not.stringContaining('collapsed'),
      ])
      // What the second run made is stored meanwhile, and whoever has joined the first one stays with it.
      expect((await ask(app, path)).headers['x-cache']).toBe('HIT')
      go.open()
      expect(await outcomes(early)).toEqual(['whole', 'whole'])
    })

    test('is joined as long as it goes on', async () => {
      holdTimeouts()
      const { handler, next } = told(4)
      const { app } = await cached(handler, { route: { lockTimeout } })
      const first = await listen(open(app, path))
      for (let at = 1; at <= 3; at++) {
        await first.heard(at * block.length)
        jest.advanceTimersByTime(lockTimeout - 1)
        await listen(open(app, path))
        expect(handler.calls).toBe(1)
        await next()
      }
      await first.heard(4 * block.length)
      jest.advanceTimersByTime(lockTimeout)
      await listen(open(app, path))
      expect(handler.calls).toBe(2)
    })

    test('is cut off for those who read along once its own client has left, and not stored', async () => {
      holdTimeouts()
      const { handler, go } = hesitant()
      const { app, cache, left, reasons } = await cached(handler, { route: { lockTimeout } })
      const first = await join(app)
      const others = [await join(app), await join(app)]
      first.leave()
      await left.reached(1)
      jest.advanceTimersByTime(lockTimeout)
      expect(await outcomes(others)).toEqual(['broken off', 'broken off'])
      expect([reasons, cache.stats().flights]).toEqual([['aborted'], idle])
      go.open()
    })

    test('of a real and short lockTimeout is not joined either', async () => {
      const { handler, go } = hesitant()
      const { app } = await cached(handler, { route: { lockTimeout: 5 } })
      const early = await join(app)
      let late = await listen(open(app, path))
      while (handler.calls === 1) {
        late.leave()
        late = await listen(open(app, path))
      }
      expect(await outcomes([late])).toEqual(['whole'])
      go.open()
      expect(await outcomes([early])).toEqual(['whole'])
    })
  })
})
