import { gunzipSync } from 'node:zlib'
import type { Request, RequestHandler, Response } from 'express'
import compression from 'compression'
import { testCache, type CacheOptions, type RouteOptions } from '../support/cache.js'
import { answered, ask, open, type Question } from '../support/client.js'
import { fakeClock } from '../support/clock.js'
import { counted, expresses } from '../support/express.js'
import { arrivals, gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { listen, outcomeOf, type Listener } from '../support/streams.js'

const path = '/movies/603'
const patient: RouteOptions = { lockTimeout: 60_000 }
const beginning = Buffer.from('ID3, the beginning of what Neo hears. ')
const rest = Buffer.from('\ndata: [DONE]\n\n')
const whole = Buffer.concat([beginning, rest])

type Profile = 'cacheApi' | 'cacheEnhanced' | 'cacheAi' | 'cacheTts'
const profiles: readonly Profile[] = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts']

describe.each(expresses)('an answer that is being made, on %s,', (_version, express) => {
  interface Options {
    profile?: Profile
    route?: RouteOptions
    cache?: CacheOptions
    front?: RequestHandler
  }
  async function cached(handler: RequestHandler, { profile = 'cacheTts', route, cache: all, front }: Options = {}) {
    const [cache, inside] = [testCache(all), arrivals()]
    const app = express().use(inside.middleware)
    if (front !== undefined) app.use(front)
    app.get('/movies/:movieId', cache[profile]({ ...patient, ...route }), handler)
    return { app: await serve(app), cache, inside }
  }

  /** Sends the beginning, and the rest when it is told. */
  function speaker(
    head: (res: Response) => void = () => undefined,
    finish: (res: Response, req: Request) => unknown = res => res.end(rest),
  ) {
    const [go, done] = [gate(), gate()]
    const handler = counted(async (req, res) => {
      head(res.type('audio/mpeg'))
      res.write(beginning)
      await go.opened
      await finish(res, req)
      done.open()
    })
    return { handler, go, done }
  }
  const join = async (app: Awaited<ReturnType<typeof serve>>, question?: Question, bytes = beginning.length) => {
    const listener = await listen(open(app, path, question))
    await listener.heard(bytes)
    return listener
  }
  const outcomes = async (listeners: Listener[], expected = whole): Promise<string[]> =>
    (await Promise.all(listeners.map(({ over }) => over))).map(heard => outcomeOf(heard, expected))

  test.each(profiles)('is heard by whoever comes later from its beginning, with %s', async profile => {
    const { handler, go } = speaker()
    const { app, cache } = await cached(handler, { profile })
    const first = await join(app)
    const others = [await join(app), await join(app), await join(app)]
    go.open()
    expect(await outcomes([first, ...others])).toEqual(Array(4).fill('whole'))
    expect(handler.calls).toBe(1)
    const again = await ask(app, path)
    expect([again.headers['x-cache'], again.body]).toEqual(['HIT', whole])
    expect(cache.stats().flights).toEqual({ running: 0, waiting: 0 })
  })

  test('says in Cache-Status that it is collapsed, with the head of its handler', async () => {
    const { handler, go } = speaker(res => void res.set({ 'X-Voice': 'nova', 'Cache-Control': 'max-age=90' }))
    const { app } = await cached(handler, { cache: { clock: fakeClock() } })
    const first = await join(app)
    const second = await join(app)
    go.open()
    const [made, joined] = [await first.over, await second.over]
    expect(joined.headers['cache-status']).toMatch(/^reelcache; fwd=miss; collapsed; ttl=90(;|$)/)
    expect(joined.headers['x-cache']).toBe('HIT')
    for (const name of ['x-voice', 'cache-control', 'content-type', 'content-length', 'transfer-encoding']) {
      expect([name, joined.headers[name]]).toEqual([name, made.headers[name]])
    }
  })

  test('keeps the Content-Length that its handler gave it', async () => {
    const { handler, go } = speaker(res => void res.set('Content-Length', String(whole.length)))
    const { app } = await cached(handler)
    await join(app)
    const second = await join(app)
    expect(second.response.headers).toMatchObject({ 'content-length': String(whole.length) })
    go.open()
    expect(await outcomes([second])).toEqual(['whole'])
  })

  test('is shared without a byte of its body when the handler has only sent its head', async () => {
    const go = gate()
    const handler = counted(async (_req, res) => {
      res.type('json').flushHeaders()
      await go.opened
      res.end('{}')
    })
    const { app, inside } = await cached(handler, { profile: 'cacheApi' })
    const first = await listen(open(app, path))
    const others = [ask(app, path), ask(app, path)]
    await inside.reached(3)
    go.open()
    expect((await first.over).body.toString()).toBe('{}')
    expect((await Promise.all(others)).map(({ body }) => body.toString())).toEqual(['{}', '{}'])
    expect(handler.calls).toBe(1)
  })

  const ends: [string, (res: Response) => unknown][] = [
    ['is destroyed', res => res.destroy()],
    ['is destroyed with an error', res => res.destroy(new Error('no voice'))],
    ['loses its connection', res => res.req.socket.destroy()],
    ['is shorter than it said', res => res.end('')],
  ]
  test.each(ends)('is cut off for all, and not stored, when it %s', async (_name, finish) => {
    const { handler, go, done } = speaker(res => void res.set('Content-Length', String(whole.length)), finish)
    const { app, cache } = await cached(handler)
    const first = await join(app)
    const others = [await join(app), await join(app)]
    go.open()
    await done.opened
    expect(await outcomes(others)).toEqual(['broken off', 'broken off'])
    first.leave()
    expect(cache.stats().entries).toBe(0)
  })

  test('is cut off for all when its handler throws', async () => {
    const { handler, go } = speaker(undefined, () => Promise.reject(new Error('no voice')))
    const caught: RequestHandler = (req, res, next) => {
      ;(handler(req, res, next) as Promise<void>).catch(next)
    }
    const { app } = await cached(caught)
    const all = [await join(app), await join(app), await join(app)]
    go.open()
    expect(await outcomes(all)).toEqual(Array(3).fill('broken off'))
  })

  test('is waited for by those who ask on a condition or for a part', async () => {
    const { handler, go } = speaker(res => void res.set('ETag', '"v1"'))
    const { app, inside } = await cached(handler)
    await join(app)
    const asked = [{ 'If-None-Match': '"v1"' }, { Range: 'bytes=0-2' }, { 'If-None-Match': '"v0"' }].map(headers =>
      ask(app, path, { headers }),
    )
    await inside.reached(4)
    go.open()
    expect((await Promise.all(asked)).map(({ status, body }) => [status, body.length])).toEqual([
      [304, 0],
      [206, 3],
      [200, whole.length],
    ])
    expect(handler.calls).toBe(1)
  })

  test('is not given to those whom its Vary shuts out', async () => {
    const { handler, go } = speaker(res => void res.vary('Accept-Language'))
    const { app } = await cached(handler)
    const german = { headers: { 'Accept-Language': 'de' } }
    const first = await join(app, german)
    const same = await join(app, german)
    const other = await join(app, { headers: { 'Accept-Language': 'fr' } })
    expect(handler.calls).toBe(2)
    go.open()
    expect(await outcomes([first, same, other])).toEqual(Array(3).fill('whole'))
    expect(same.response.headers['cache-status']).toContain('collapsed')
    expect(other.response.headers['cache-status']).not.toContain('collapsed')
  })

  test('is finished for those who read along, but not stored, when it is purged', async () => {
    const { handler, go } = speaker()
    const { app, cache } = await cached(handler)
    const all = [await join(app), await join(app)]
    await cache.purge({ movie: '603' })
    const later = await join(app)
    expect(handler.calls).toBe(2)
    go.open()
    expect(await outcomes([...all, later])).toEqual(Array(3).fill('whole'))
    expect(cache.stats().flights).toEqual({ running: 0, waiting: 0 })
  })

  test.each(['x-theme', 'origin', 'host'])(
    'is cut off for those who read along when its handler looks at %s only then',
    async name => {
      const { handler, go } = speaker(undefined, (res, req) => {
        res.write(String(req.get(name)))
        res.end()
      })
      const { app, cache } = await cached(handler)
      await join(app, { headers: { [name]: 'dark.example' } })
      const other = await join(app, { headers: { [name]: 'light.example' } })
      const same = await join(app, { headers: { [name]: 'dark.example' } })
      go.open()
      const heard = await other.over
      expect(heard.body.toString()).not.toContain('dark.example')
      await same.over
      const again = await ask(app, path, { headers: { [name]: 'light.example' } })
      expect(again.body.toString()).not.toContain('dark.example')
      expect(cache.stats().flights.running).toBe(0)
    },
  )

  test('is not shared before its end where audio does not begin like what it says it is', async () => {
    const [go, handlerDone] = [gate(), gate()]
    const handler = counted(async (_req, res, run) => {
      res.type('audio/mpeg').write('<html>an error page, but long enough to be judged</html>')
      if (run === 1) await go.opened
      res.end()
      handlerDone.open()
    })
    const { app, inside } = await cached(handler)
    const first = await join(app, {}, 10)
    const second = answered(open(app, path))
    await inside.reached(2)
    expect(handler.calls).toBe(1)
    go.open()
    await first.over
    await second
    expect(handler.calls).toBe(2)
  })

  test('is not given to others where it is out of date at once', async () => {
    const { handler, go } = speaker(res => void res.set({ 'Cache-Control': 'max-age=0', ETag: '"v1"' }))
    const { app, inside } = await cached(handler)
    const first = await join(app)
    const second = answered(open(app, path))
    await inside.reached(2)
    go.open()
    expect(await outcomes([first])).toEqual(['whole'])
    expect((await second).headers['cache-status']).not.toContain('collapsed')
    expect(handler.calls).toBe(2)
  })

  test('reaches those who read along at once behind compression', async () => {
    const { handler, go } = speaker(res => void res.type('text/plain'))
    const { app } = await cached(handler, { profile: 'cacheAi', front: compression() })
    const gzip = { headers: { 'Accept-Encoding': 'gzip' } }
    const first = await listen(open(app, path, gzip))
    const plain = await join(app)
    const packed = await join(app, gzip, 10)
    expect(packed.response.headers['content-encoding']).toBe('gzip')
    go.open()
    expect(await outcomes([plain])).toEqual(['whole'])
    const heard = await packed.over
    expect(gunzipSync(heard.body)).toEqual(whole)
    expect(gunzipSync((await first.over).body)).toEqual(whole)
    expect(handler.calls).toBe(1)
  })
})
