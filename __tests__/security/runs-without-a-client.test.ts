/** Handlers that no client waits for are bounded. */
import { once } from 'node:events'
import type { RequestHandler } from 'express'
import { testCache, type CacheOptions } from '../support/cache.js'
import { ask, open, over, postJson } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { arrivals, counter, gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { staleApp, TOO_LATE } from '../support/stale.js'
import { departures } from '../support/streams.js'
import { fakeClock } from '../support/clock.js'

const factories = ['cacheAi', 'cacheTts'] as const

describe.each(expresses)('on %s', (_version, express) => {
  /** Handlers that begin, and go on when the gate opens, unless they hear that their client has left. */
  async function prompts(factory: (typeof factories)[number], options: CacheOptions, isStreamed = false) {
    const [inside, gone, aborted, release] = [arrivals(), departures(), counter(), gate()]
    let ended = 0
    const handler = counted(async (_req, res) => {
      res.once('close', () => {
        if (!res.writableEnded) aborted.add()
      })
      const say = factory === 'cacheTts' ? 'audio/mpeg' : 'text/plain'
      res.type(say)
      if (isStreamed) res.write(Buffer.concat([Buffer.from('ID3'), Buffer.alloc(997, 1)]))
      await release.opened
      if (res.destroyed) return
      ended++
      res.end(Buffer.concat([Buffer.from('ID3'), Buffer.alloc(997, 1)]))
    })
    const cache = testCache(options)
    const app = express()
    app.use(express.json(), gone.middleware)
    app.post('/prompts', cache[factory](), inside.middleware, handler)
    app.get('/prompts/:n', cache[factory](), inside.middleware, handler)
    const served = await serve(app)
    const post = (n: number) => {
      const body = JSON.stringify({ n })
      return open(served, '/prompts', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    }
    return { served, cache, inside, gone, aborted, release, handler, post, ended: () => ended }
  }

  describe.each(factories)('with %s', factory => {
    it.each([
      ['before a byte', false],
      ['in the middle of the body', true],
    ])(
      'a stranger cannot have more than maxDetached answers made for nobody, by leaving %s',
      async (_when, streamed) => {
        const { inside, gone, aborted, release, post, ended, cache } = await prompts(
          factory,
          { runs: { maxDetached: 5 } },
          streamed,
        )
        const sent = Array.from({ length: 30 }, (_, n) => post(n))
        const left = sent.map(over)
        const answered = streamed ? sent.map(one => once(one, 'response')) : []
        await inside.reached(30)
        await Promise.all(answered)
        for (const one of sent) one.destroy()
        await Promise.all(left)
        await gone.reached(30)
        await aborted.reached(25)
        expect(cache.stats().flights.running).toBe(5)
        release.open()
        await inside.reached(30)
        await new Promise(setImmediate)
        expect(ended()).toBe(5)
      },
    )

    it('and by default no more than 32', async () => {
      const { inside, gone, aborted, release, post, cache } = await prompts(factory, {})
      const sent = Array.from({ length: 80 }, (_, n) => post(n))
      const left = sent.map(over)
      await inside.reached(80)
      for (const one of sent) one.destroy()
      await Promise.all(left)
      await gone.reached(80)
      await aborted.reached(48)
      expect(cache.stats().flights.running).toBe(32)
      release.open()
    })

    it('those that have ended make room for others', async () => {
      const { inside, gone, release, post, served } = await prompts(factory, { runs: { maxDetached: 1 } })
      for (const n of [1, 2]) {
        const sent = post(n)
        const left = over(sent)
        await inside.reached(n)
        sent.destroy()
        await left
        await gone.reached(n)
        release.open()
        const answer = await postJson(served, '/prompts', { n })
        expect(answer.headers['x-cache']).toBe('HIT')
      }
    })

    it('an answer that somebody else waits for takes no place', async () => {
      const { inside, gone, release, post, handler, served } = await prompts(factory, { runs: { maxDetached: 0 } })
      const sent = post(1)
      const left = over(sent)
      await inside.reached(1)
      const other = postJson(served, '/prompts', { n: 1 })
      const third = ask(served, '/prompts/3').catch(() => undefined)
      await inside.reached(2)
      sent.destroy()
      await left
      await gone.reached(1)
      release.open()
      expect((await other).status).toBe(200)
      await third
      expect(handler.calls).toBe(2)
    })
  })

  it('a stranger cannot have more than maxRefreshes entries refreshed at once', async () => {
    const clock = fakeClock()
    const [release, begun] = [gate(), counter()]
    let isWarm = false
    const handler: RequestHandler = async (_req, res) => {
      if (isWarm) {
        begun.add()
        await release.opened
      }
      res.send('x')
    }
    const cache = testCache({ clock, runs: { maxRefreshes: 3 } })
    const app = express()
    app.get('/movies/:movieId', cache.cacheApi({ ttl: 10_000, staleWhileRevalidate: 600_000 }), handler)
    const served = await serve(app)
    const all = () => Promise.all(Array.from({ length: 12 }, (_, n) => ask(served, `/movies/${n}`)))
    await all()
    isWarm = true
    clock.advance(TOO_LATE)
    for (let n = 0; n < 2; n++)
      expect((await all()).map(({ headers }) => headers['x-cache'])).toEqual(Array(12).fill('STALE'))
    await begun.reached(3)
    expect(cache.stats().flights.running).toBe(3)
    release.open()
    await begun.reached(3)
    while (cache.stats().flights.running > 0) await new Promise(setImmediate)
    const next = await all()
    expect(next.filter(({ headers }) => headers['x-cache'] === 'HIT')).toHaveLength(3)
    await begun.reached(6)
  })

  it('a handler that is late runs on for a stale entry only within maxDetached', async () => {
    const release = gate()
    const handler = counted(async (_req, res, run) => {
      if (run > 1) await release.opened
      res.send(`run ${run}`)
    })
    const late = { staleIfError: 600_000, handlerTimeout: 20 }
    const { get, clock, cache, over: ended } = await staleApp(express, handler, late)
    await get()
    clock.advance(TOO_LATE)
    expect((await get()).headers['x-cache']).toBe('STALE')
    expect(cache.stats().flights.running).toBe(1)
    release.open()
    await ended()
    expect((await get()).headers['x-cache']).toBe('HIT')
  })
})

it.each([
  ['maxDetached', -1],
  ['maxRefreshes', 1.5],
])('runs.%s of %d is refused at start', (name, value) => {
  expect(() => testCache({ runs: { [name]: value } })).toThrow(`runs.${name} is ${value}: write a whole number of runs`)
})
