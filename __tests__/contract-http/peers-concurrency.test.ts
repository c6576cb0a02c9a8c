import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { gunzipSync } from 'node:zlib'
import compression from 'compression'
import type { RequestHandler, Response } from 'express'
import { testCache, type RouteOptions } from '../support/cache.js'
import { answered, ask, open } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { arrivals, gate } from '../support/gate.js'
import { serve } from '../support/server.js'

// The rows of the peers' table about requests that meet, leave or never end.
describe.each(expresses)('what others get wrong with many requests is right on %s:', (_version, express) => {
  async function cached(handler: RequestHandler, options: RouteOptions = {}) {
    const inside = arrivals()
    const app = express()
    app.get('/movie', inside.middleware, testCache().cacheApi(options), handler)
    return { app: await serve(app), inside }
  }

  const kinds: [string, string | Buffer][] = [
    ['text', 'five asked, one ran'],
    ['a Buffer', Buffer.from([0, 255, 128, 10, 13])],
  ]
  test.each(kinds)('five concurrent misses with %s run the handler once', async (_name, body) => {
    const release = gate()
    const handler = counted(async (_req, res) => {
      await release.opened
      res.send(body)
    })
    const { app, inside } = await cached(handler)
    const asked = Array.from({ length: 5 }, () => ask(app, '/movie'))
    await inside.reached(5)
    release.open()
    for (const got of await Promise.all(asked)) {
      expect(got.status).toBe(200)
      expect(got.body.equals(Buffer.from(body))).toBe(true)
    }
    expect(handler.calls).toBe(1)
  })

  test('three concurrent requests to a handler that answers 503 each get a 503 with its body', async () => {
    const release = gate()
    const handler = counted(async (_req, res, run) => {
      await release.opened
      res.status(503).send(`down ${run}`)
    })
    const { app, inside } = await cached(handler)
    const asked = Array.from({ length: 3 }, () => ask(app, '/movie'))
    await inside.reached(3)
    release.open()
    const answers = await Promise.all(asked)
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503])
    expect(answers.map(({ body }) => body.toString()).sort()).toEqual(['down 1', 'down 2', 'down 3'])
    expect(handler.calls).toBe(3)
  })

  test('a first request that never ends keeps the others waiting no longer than lockTimeout', async () => {
    const handler = counted((_req, res, run) => (run === 1 ? undefined : res.send('answered all the same')))
    const { app, inside } = await cached(handler, { lockTimeout: 50 })
    const hung = open(app, '/movie')
    hung.on('error', () => undefined)
    await inside.reached(1)
    const others = await Promise.all(Array.from({ length: 3 }, () => ask(app, '/movie')))
    expect(others.map(({ body }) => body.toString())).toEqual(Array(3).fill('answered all the same'))
    hung.destroy()
    expect((await ask(app, '/movie')).body.toString()).toBe('answered all the same')
  })

  test('a first client that leaves before any byte does not keep the others waiting', async () => {
    const handler = counted((_req, res, run) => (run === 1 ? undefined : res.send('the show goes on')))
    const { app, inside } = await cached(handler, { lockTimeout: 60_000 })
    const first = open(app, '/movie')
    first.on('error', () => undefined)
    await inside.reached(1)
    const others = [ask(app, '/movie'), ask(app, '/movie')]
    await inside.reached(3)
    first.destroy()
    expect((await Promise.all(others)).map(({ body }) => body.toString())).toEqual(Array(2).fill('the show goes on'))
    expect(handler.calls).toBe(2)
  })

  const endings: [string, (res: Response, rest: Buffer) => void][] = [
    ['ends all the same', (res, rest) => void res.end(rest)],
    ['destroys its response', res => void res.destroy()],
    ['never ends', () => undefined],
  ]
  test.each(endings)('half of an answer whose client left is never stored: the handler %s', async (_name, finish) => {
    const film = Buffer.alloc(8192, 'reel')
    const left = gate()
    const handler = counted((_req, res, run) => {
      if (run > 1) return res.send(film)
      res.write(film.subarray(0, 4096))
      return res.once('close', () => {
        finish(res, film.subarray(4096))
        left.open()
      })
    })
    const { app } = await cached(handler)
    const aborted = open(app, '/movie')
    aborted.on('error', () => undefined)
    const [response] = (await once(aborted, 'response')) as [IncomingMessage]
    response.on('error', () => undefined)
    await once(response, 'data')
    aborted.destroy()
    await left.opened
    for (const state of ['MISS', 'HIT']) {
      const got = await ask(app, '/movie')
      expect([got.status, got.headers['x-cache']]).toEqual([200, state])
      expect(got.body.equals(film)).toBe(true)
    }
    expect(handler.calls).toBe(2)
  })

  test('compression behind the cache never gives gzip bytes to an identity client', async () => {
    const text = 'There is no spoon. '.repeat(200)
    const handler = counted((_req, res) => res.type('text/plain').send(text))
    const app = await serve(express().get('/movie', testCache().cacheApi(), compression(), handler))
    const ways: [string, (body: Buffer) => Buffer][] = [
      ['gzip', body => gunzipSync(body)],
      ['identity', body => body],
      ['gzip', body => gunzipSync(body)],
      ['identity', body => body],
    ]
    for (const [coding, decode] of ways) {
      const got = await answered(open(app, '/movie', { headers: { 'Accept-Encoding': coding } }))
      expect(got.status).toBe(200)
      expect(got.headers['content-encoding']).toBe(coding === 'gzip' ? 'gzip' : undefined)
      expect(decode(got.body).toString()).toBe(text)
    }
  })
})
