import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { RequestHandler } from 'express'
import { cacheStatus, testCache } from '../support/cache.js'
import { ask, collected, open, postJson } from '../support/client.js'
import { fakeClock } from '../support/clock.js'
import { counted, expresses } from '../support/express.js'
import { gate } from '../support/gate.js'
import { serve } from '../support/server.js'

// The rows of the peers' table about what is found again: ranges, validators, statuses, queries, bodies, age, events.
describe.each(expresses)('what others get wrong when they answer again is right on %s:', (_version, express) => {
  async function cached(handler: RequestHandler) {
    const app = express()
    app.use(express.json())
    app.all('/movie', testCache().cacheApi(), handler)
    return serve(app)
  }

  const bytes = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7) % 256))

  test('a handler that honours Range does not see it, so a plain GET gets the whole body', async () => {
    const handler = counted((req, res) => {
      if (req.headers.range === undefined) return res.send(bytes)
      return res.status(206).set('Content-Range', 'bytes 0-99/4096').send(bytes.subarray(0, 100))
    })
    const app = await cached(handler)
    await ask(app, '/movie', { headers: { Range: 'bytes=0-99' } })
    const whole = await ask(app, '/movie')
    expect(whole.status).toBe(200)
    expect(whole.headers['content-range']).toBeUndefined()
    expect(whole.body.equals(bytes)).toBe(true)
    expect(whole.headers['x-cache']).toBe('HIT')
    const part = await ask(app, '/movie', { headers: { Range: 'bytes=1000-1099' } })
    expect(part.status).toBe(206)
    expect(part.headers['content-range']).toBe('bytes 1000-1099/4096')
    expect(part.headers['content-length']).toBe('100')
    expect(part.body.equals(bytes.subarray(1000, 1100))).toBe(true)
    expect(handler.calls).toBe(1)
  })

  test('a 206 the handler insists on is passed on and not stored', async () => {
    const handler = counted((_req, res, run) => {
      if (run > 1) return res.send(bytes)
      return res.status(206).set('Content-Range', 'bytes 0-99/4096').send(bytes.subarray(0, 100))
    })
    const app = await cached(handler)
    const part = await ask(app, '/movie')
    expect([part.status, part.headers['content-range'], part.headers['x-cache']]).toEqual([
      206,
      'bytes 0-99/4096',
      'MISS',
    ])
    expect(part.body.equals(bytes.subarray(0, 100))).toBe(true)
    const whole = await ask(app, '/movie')
    expect([whole.status, whole.headers['content-range'], whole.headers['x-cache']]).toEqual([200, undefined, 'MISS'])
    expect(whole.body.equals(bytes)).toBe(true)
    expect(handler.calls).toBe(2)
  })

  test('HEAD is answered from what GET stored', async () => {
    const handler = counted((_req, res) => res.send(bytes))
    const app = await cached(handler)
    const get = await ask(app, '/movie')
    const head = await ask(app, '/movie', { method: 'HEAD' })
    expect([head.status, head.body.length, head.headers['content-length']]).toEqual([200, 0, '4096'])
    expect(head.headers['content-type']).toBe(get.headers['content-type'])
    expect(head.headers['x-cache']).toBe('HIT')
    expect(handler.calls).toBe(1)
  })

  const validators: [string, (tag: string) => string, number][] = [
    ['exact', tag => tag, 304],
    ['in a list', tag => `"other", ${tag}, W/"third"`, 304],
    ['in its weak form', tag => `W/${tag}`, 304],
    ['a star', () => '*', 304],
    ['another', () => '"other"', 200],
    ['the tag without quotes', tag => tag.slice(1, -1), 200],
  ]
  test.each(validators)('If-None-Match, %s, is compared with the stored ETag', async (_name, spell, status) => {
    const handler = counted((_req, res) => res.set('ETag', '"reel-603"').json({ id: 603 }))
    const app = await cached(handler)
    await ask(app, '/movie')
    const got = await ask(app, '/movie', { headers: { 'If-None-Match': spell('"reel-603"') } })
    expect(got.status).toBe(status)
    expect(got.body.toString()).toBe(status === 304 ? '' : '{"id":603}')
    expect(got.headers.etag).toBe('"reel-603"')
    expect(got.headers['x-cache']).toBe('HIT')
    expect(handler.calls).toBe(1)
  })

  test('the ETag of a hit answers 304 on the next request even where the handler set none', async () => {
    const handler = counted((_req, res) => res.end('plain end sets no ETag'))
    const app = await cached(handler)
    await ask(app, '/movie')
    const { etag } = (await ask(app, '/movie')).headers
    expect(etag).toMatch(/^"[\x21\x23-\x7e]+"$/)
    const again = await ask(app, '/movie', { headers: { 'If-None-Match': etag! } })
    expect([again.status, again.body.length]).toEqual([304, 0])
    expect(handler.calls).toBe(1)
  })

  test.each([
    ['without explicit freshness is not stored', undefined, 2],
    ['with explicit freshness is stored', 'max-age=60', 1],
  ])('a redirect %s', async (_name, freshness, calls) => {
    const handler = counted((_req, res) => {
      if (freshness !== undefined) res.set('Cache-Control', freshness)
      res.redirect('/elsewhere')
    })
    const app = await cached(handler)
    for (const state of ['MISS', calls === 1 ? 'HIT' : 'MISS']) {
      const got = await ask(app, '/movie')
      expect([got.status, got.headers.location, got.headers['x-cache']]).toEqual([302, '/elsewhere', state])
    }
    expect(handler.calls).toBe(calls)
  })

  test('a 204 answer is not stored', async () => {
    const handler = counted((_req, res) => res.status(204).end())
    const app = await cached(handler)
    for (let i = 0; i < 2; i++) {
      const got = await ask(app, '/movie')
      expect([got.status, got.body.length, got.headers['x-cache']]).toEqual([204, 0, 'MISS'])
    }
    expect(handler.calls).toBe(2)
  })

  test('the order of query parameters makes no second entry, their values do', async () => {
    const handler = counted((req, res) => res.json(req.query))
    const app = await cached(handler)
    await ask(app, '/movie?a=1&b=2')
    const swapped = await ask(app, '/movie?b=2&a=1')
    expect([swapped.headers['x-cache'], JSON.parse(swapped.body.toString())]).toEqual(['HIT', { a: '1', b: '2' }])
    expect(handler.calls).toBe(1)
    const other = await ask(app, '/movie?a=2&b=1')
    expect([other.headers['x-cache'], JSON.parse(other.body.toString())]).toEqual(['MISS', { a: '2', b: '1' }])
    expect(handler.calls).toBe(2)
  })

  test('two POST bodies are two entries', async () => {
    const handler = counted((req, res) => res.send(`you said ${req.body.text}`))
    const app = await cached(handler)
    const seen = []
    for (const text of ['hello', 'BYE', 'hello', 'BYE']) {
      const got = await postJson(app, '/movie', { text })
      seen.push([got.body.toString(), got.headers['x-cache']])
    }
    expect(seen).toEqual([
      ['you said hello', 'MISS'],
      ['you said BYE', 'MISS'],
      ['you said hello', 'HIT'],
      ['you said BYE', 'HIT'],
    ])
    expect(handler.calls).toBe(2)
  })

  test('a hit says how old it is and how long it still lives', async () => {
    const clock = fakeClock()
    const cache = testCache({ clock })
    const app = await serve(
      express().get('/movie', cache.cacheApi({ ttl: 60_000 }), (_req, res) => void res.send('film')),
    )
    const miss = await ask(app, '/movie')
    expect(miss.headers.age).toBeUndefined()
    expect(cacheStatus(miss)).toMatchObject({ fwd: 'miss', stored: true })
    clock.advance(7_000)
    const hit = await ask(app, '/movie')
    expect(hit.headers.age).toBe('7')
    expect(cacheStatus(hit)).toMatchObject({ hit: true, ttl: '53' })
    clock.advance(53_000)
    const expired = await ask(app, '/movie')
    expect(expired.headers['x-cache']).not.toBe('HIT')
    expect(cacheStatus(expired)).not.toHaveProperty('hit')
  })

  describe('an event stream on an AI route', () => {
    async function streaming(events: string[]) {
      const between = gate()
      const handler = counted(async (_req, res) => {
        res.type('text/event-stream')
        res.write(events[0])
        await between.opened
        for (const event of events.slice(1)) res.write(event)
        res.end()
      })
      const app = express()
      app.post('/ask', express.json(), testCache().cacheAi(), handler)
      return { app: await serve(app), handler, between }
    }
    const question = {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ movieId: 603, text: 'worth it?' }),
    }

    test('reaches the first client event by event and later ones whole, if it ended with its end marker', async () => {
      const events = ['data: Follow\n\n', 'data: the rabbit\n\n', 'data: [DONE]\n\n']
      const { app, handler, between } = await streaming(events)
      const [response] = (await once(open(app, '/ask', question), 'response')) as [IncomingMessage]
      const [first] = (await once(response, 'data')) as [Buffer]
      expect(first.toString()).toBe(events[0])
      between.open()
      const rest = await collected(response)
      expect(rest.body.toString()).toBe(events.slice(1).join(''))
      const replay = await ask(app, '/ask', question)
      expect(replay.headers['content-type']).toBe('text/event-stream; charset=utf-8')
      expect(replay.body.toString()).toBe(events.join(''))
      expect(replay.headers['x-cache']).toBe('HIT')
      expect(handler.calls).toBe(1)
    })

    test('is not stored without its end marker', async () => {
      const events = ['data: Follow\n\n', 'data: the rab\n\n']
      const { app, handler, between } = await streaming(events)
      between.open()
      for (const run of [1, 2]) {
        const got = await ask(app, '/ask', question)
        expect(got.body.toString()).toBe(events.join(''))
        expect(got.headers['x-cache']).toBe('MISS')
        expect(handler.calls).toBe(run)
      }
    })
  })
})
