import { Readable } from 'node:stream'
import type { RequestHandler } from 'express'
import { cacheStatus, testCache } from '../support/cache.js'
import { ask } from '../support/client.js'
import { counted, errorPage, expresses } from '../support/express.js'
import { serve } from '../support/server.js'

// What today's packages get wrong, row by row; peers-again and peers-concurrency hold the other rows.
describe.each(expresses)('what others get wrong is right on %s:', (version, express) => {
  async function cached(handler: RequestHandler) {
    const app = express()
    app.use(express.json())
    app.all('/movie', testCache().cacheApi(), handler)
    app.use(errorPage)
    return serve(app)
  }

  const bytes = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7) % 256))

  test('a JSON answer is replayed with its type and every header', async () => {
    const handler = counted((_req, res) =>
      res.set('X-Studio', 'Ghibli').append('Link', '</a>').append('Link', '</b>').json({ id: 603 }),
    )
    const app = await serve(express().get('/movie', testCache().cacheApi(), handler))
    const miss = await ask(app, '/movie')
    const hit = await ask(app, '/movie')
    for (const answer of [miss, hit]) {
      expect(answer.status).toBe(200)
      expect(answer.body.toString()).toBe('{"id":603}')
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
      expect(answer.headers['x-studio']).toBe('Ghibli')
      expect(answer.lines.filter(([name]) => name === 'link').map(([, value]) => value)).toEqual(['</a>', '</b>'])
    }
    expect([miss.headers['x-cache'], hit.headers['x-cache']]).toEqual(['MISS', 'HIT'])
    expect(handler.calls).toBe(1)
  })

  const bodies: [string, string, Buffer, RequestHandler][] = [
    ['a Buffer', 'application/octet-stream', bytes, (_req, res) => void res.send(bytes)],
    [
      'a stream piped in two chunks',
      'video/mp4',
      bytes,
      (_req, res) => void Readable.from([bytes.subarray(0, 1000), bytes.subarray(1000)]).pipe(res.type('video/mp4')),
    ],
    [
      'an accented letter written, then an end',
      'text/plain; charset=utf-8',
      Buffer.from('écran'),
      (_req, res) => {
        res.type('text/plain')
        res.write('é')
        res.end('cran')
      },
    ],
    [
      'a base64 write',
      'image/png',
      bytes,
      (_req, res) => {
        res.type('image/png')
        res.write(bytes.toString('base64'), 'base64')
        res.end()
      },
    ],
  ]
  test.each(bodies)('%s is replayed byte for byte', async (_name, type, body, answer) => {
    const handler = counted((req, res, _run, next) => answer(req, res, next))
    const app = await cached(handler)
    for (const state of ['MISS', 'HIT']) {
      const got = await ask(app, '/movie')
      expect(got.status).toBe(200)
      expect(got.body.equals(body)).toBe(true)
      expect(got.headers['content-type']).toBe(type)
      expect(got.headers['x-cache']).toBe(state)
    }
    expect(handler.calls).toBe(1)
  })

  test('a Set-Cookie answer is neither stored nor shared', async () => {
    const handler = counted((_req, res, run) => res.cookie('sid', `USER${run}`).send(`user ${run}`))
    const app = await cached(handler)
    for (const run of [1, 2]) {
      const got = await ask(app, '/movie')
      expect(got.headers['set-cookie']).toEqual([`sid=USER${run}; Path=/`])
      expect(got.body.toString()).toBe(`user ${run}`)
      expect(got.headers['x-cache']).toBe('MISS')
    }
    expect(handler.calls).toBe(2)
  })

  test('why a Set-Cookie answer is not stored is said in Cache-Status', async () => {
    const app = await cached((_req, res) => void res.cookie('sid', '1').send('mine'))
    expect(cacheStatus(await ask(app, '/movie'))).toMatchObject({ fwd: 'miss', detail: 'set-cookie' })
  })

  test('an authorised answer belongs to who is authorised', async () => {
    const handler = counted((req, res) => res.send(`for ${req.get('authorization')}`))
    const app = await cached(handler)
    for (const name of ['ALICE', 'BOB']) {
      const got = await ask(app, '/movie', { headers: { Authorization: name } })
      expect(got.body.toString()).toBe(`for ${name}`)
      expect(got.headers['x-cache']).toBe('BYPASS')
      expect(cacheStatus(got)).toMatchObject({ fwd: 'bypass', detail: 'authorization' })
    }
    expect(handler.calls).toBe(2)
  })

  test.each(['private, no-store', 'private', 'no-store', 'no-cache', 'PRIVATE', 'private=""', 'max-age=60, no-store'])(
    'an answer marked %s is passed on unchanged and not stored',
    async directive => {
      const handler = counted((_req, res, run) => res.set('Cache-Control', directive).send(`run ${run}`))
      const app = await cached(handler)
      for (const run of [1, 2]) {
        const got = await ask(app, '/movie')
        expect(got.headers['cache-control']).toBe(directive)
        expect(got.body.toString()).toBe(`run ${run}`)
        expect(got.headers['x-cache']).toBe('MISS')
      }
      expect(handler.calls).toBe(2)
    },
  )

  test('an answer marked public is stored and its Cache-Control not rewritten', async () => {
    const handler = counted((_req, res, run) => res.set('Cache-Control', 'public, max-age=60').send(`run ${run}`))
    const app = await cached(handler)
    for (const state of ['MISS', 'HIT']) {
      const got = await ask(app, '/movie')
      expect(got.headers['cache-control']).toBe('public, max-age=60')
      expect(got.body.toString()).toBe('run 1')
      expect(got.headers['x-cache']).toBe(state)
    }
    expect(handler.calls).toBe(1)
  })

  test('an answer that varies is stored once per variant', async () => {
    const handler = counted((req, res, run) => res.vary('Accept-Language').send(`${req.get('accept-language')} ${run}`))
    const app = await cached(handler)
    const seen = []
    for (const language of ['fr', 'de', 'fr', 'de']) {
      const got = await ask(app, '/movie', { headers: { 'Accept-Language': language } })
      seen.push([got.body.toString(), got.headers['x-cache'], got.headers.vary])
    }
    expect(seen).toEqual([
      ['fr 1', 'MISS', 'Accept-Language'],
      ['de 2', 'MISS', 'Accept-Language'],
      ['fr 1', 'HIT', 'Accept-Language'],
      ['de 2', 'HIT', 'Accept-Language'],
    ])
    expect(handler.calls).toBe(2)
  })

  const failures: [string, RequestHandler, string][] = [
    ['a 500 answer', (_req, res) => void res.status(500).send('down'), 'down'],
    [
      'a handler that throws',
      () => {
        throw new Error('thrown')
      },
      '{"error":"thrown"}',
    ],
    [
      'an async handler that fails',
      // Express 4 does not look at the promise: there the handler hands the error on itself.
      async (_req, _res, next) =>
        version === 'Express 5' ? Promise.reject(new Error('late')) : next(new Error('late')),
      '{"error":"late"}',
    ],
  ]
  test.each(failures)('%s is not stored and the next success is', async (_name, fail, message) => {
    const handler = counted((req, res, run, next) => (run === 1 ? fail(req, res, next) : res.send('well')))
    const app = await cached(handler)
    const failed = await ask(app, '/movie')
    expect([failed.status, failed.body.toString(), failed.headers['x-cache']]).toEqual([500, message, 'MISS'])
    expect(cacheStatus(failed)).toMatchObject({ fwd: 'miss', detail: 'status' })
    for (const state of ['MISS', 'HIT']) {
      const got = await ask(app, '/movie')
      expect([got.status, got.body.toString(), got.headers['x-cache']]).toEqual([200, 'well', state])
    }
    expect(handler.calls).toBe(2)
  })
})
