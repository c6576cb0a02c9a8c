import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RequestHandler } from 'express'
import { testCache } from '../support/cache.js'
import { ask, answered, open, over } from '../support/client.js'
import { counted, errorPage, expresses } from '../support/express.js'
import { serve } from '../support/server.js'

// Ways of answering whose second answer is not simply a hit with equal headers.
describe.each(expresses)('on %s', (version, express) => {
  async function cached(handler: RequestHandler) {
    const app = express()
    app.get('/movie', testCache().cacheApi(), handler)
    app.use(errorPage)
    return serve(app)
  }

  describe('res.sendFile', () => {
    let folder: string
    let file: string
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'reelcache-contract-'))
      file = join(folder, 'poster.txt')
      writeFileSync(file, 'first cut')
    })
    afterEach(() => rmSync(folder, { recursive: true }))

    test('with its default max-age=0 gives every client the bytes of the file as it is now', async () => {
      const handler = counted((_req, res) => res.sendFile(file))
      const app = await cached(handler)
      for (const cut of ['first cut', 'first cut', "director's cut", "director's cut"]) {
        writeFileSync(file, cut)
        const got = await ask(app, '/movie')
        expect([got.status, got.body.toString()]).toEqual([200, cut])
        expect(got.headers['content-length']).toBe(String(cut.length))
        expect(got.headers['content-type']).toBe(`text/plain; charset=${version === 'Express 5' ? 'utf-8' : 'UTF-8'}`)
        expect(got.headers['cache-control']).toBe('public, max-age=0')
        expect(got.headers['x-cache']).not.toBe('HIT')
      }
      expect(handler.calls).toBe(4)
    })

    test('with a maxAge is a hit', async () => {
      const handler = counted((_req, res) => res.sendFile(file, { maxAge: 60_000 }))
      const app = await cached(handler)
      const [miss, hit] = [await ask(app, '/movie'), await ask(app, '/movie')]
      expect([miss.headers['x-cache'], hit.headers['x-cache']]).toEqual(['MISS', 'HIT'])
      for (const got of [miss, hit]) expect([got.status, got.body.toString()]).toEqual([200, 'first cut'])
      expect(hit.headers.etag).toBe(miss.headers.etag)
      expect(hit.headers['last-modified']).toBe(miss.headers['last-modified'])
      expect(hit.headers['last-modified']).toBeDefined()
      expect(handler.calls).toBe(1)
    })

    test('of a file that is not there is the error page and not stored', async () => {
      const handler = counted((_req, res, _run, next) => res.sendFile(join(folder, 'lost.txt'), error => next(error)))
      const app = await cached(handler)
      for (const calls of [1, 2]) {
        const got = await ask(app, '/movie')
        expect([got.status, got.headers['x-cache']]).toEqual([404, 'MISS'])
        expect(handler.calls).toBe(calls)
      }
    })
  })

  test.each([301, 302, 307, 308])(
    'a %i redirect with explicit freshness is replayed with its Location and body',
    async status => {
      const handler = counted((_req, res) => res.set('Cache-Control', 'max-age=60').redirect(status, '/reel?a=1&b=é'))
      const app = await cached(handler)
      const [miss, hit] = [await ask(app, '/movie'), await ask(app, '/movie')]
      expect([miss.headers['x-cache'], hit.headers['x-cache']]).toEqual(['MISS', 'HIT'])
      expect([miss.status, hit.status]).toEqual([status, status])
      expect(hit.headers.location).toBe(miss.headers.location)
      expect(hit.body.equals(miss.body)).toBe(true)
      expect(handler.calls).toBe(1)
    },
  )

  test.each(['"v1"', 'W/"v1"'])('an ETag the handler set, %s, is sent as it was set', async etag => {
    const app = await cached((_req, res) => void res.set('ETag', etag).send('tagged'))
    for (const state of ['MISS', 'HIT']) {
      const got = await ask(app, '/movie')
      expect([got.headers.etag, got.headers['x-cache']]).toEqual([etag, state])
    }
  })

  test('writeEarlyHints reaches the first client and does not disturb what is stored', async () => {
    const handler = counted((_req, res) =>
      res.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => res.send('hinted')),
    )
    const app = await cached(handler)
    const first = open(app, '/movie')
    const [hints] = (
      await Promise.all([
        once(first, 'information'),
        once(first, 'response').then(([response]) => (response as IncomingMessage).resume()),
      ])
    )[0]
    expect([hints.statusCode, hints.headers.link]).toEqual([103, '</style.css>; rel=preload'])
    const second = await ask(app, '/movie')
    expect([second.status, second.body.toString(), second.headers['x-cache']]).toEqual([200, 'hinted', 'HIT'])
    expect(handler.calls).toBe(1)
  })

  test.each([
    ['announced in Trailer', true],
    ['not announced', false],
  ])('trailers, %s, reach the first client and later clients get the whole body', async (_name, announced) => {
    const handler = counted((_req, res) => {
      if (announced) res.set('Trailer', 'X-Checksum')
      res.write('body with ')
      res.addTrailers({ 'X-Checksum': '603' })
      res.end('trailers')
    })
    const app = await cached(handler)
    const first = await ask(app, '/movie')
    expect([first.status, first.body.toString(), first.trailers['x-checksum']]).toEqual([
      200,
      'body with trailers',
      '603',
    ])
    for (let i = 0; i < 2; i++) {
      const later = await ask(app, '/movie')
      expect([later.status, later.body.toString()]).toEqual([200, 'body with trailers'])
    }
  })

  test('an async error after an await is the error page and not stored', async () => {
    const handler = counted(async (_req, res, run, next) => {
      await new Promise(setImmediate)
      if (run > 1) return res.send('recovered')
      const error = new Error('no signal')
      // Express 4 does not look at the promise.
      if (version === 'Express 5') throw error
      return next(error)
    })
    const app = await cached(handler)
    const failed = await ask(app, '/movie')
    expect([failed.status, failed.body.toString()]).toEqual([500, '{"error":"no signal"}'])
    expect(failed.headers['content-type']).toBe('application/json; charset=utf-8')
    const well = await ask(app, '/movie')
    expect([well.status, well.body.toString(), well.headers['x-cache']]).toEqual([200, 'recovered', 'MISS'])
    expect((await ask(app, '/movie')).headers['x-cache']).toBe('HIT')
  })

  test('an error after half of the body breaks the first answer off and is not stored', async () => {
    const handler = counted((_req, res, run, next) => {
      if (run > 1) return res.send('whole')
      res.write('hal')
      // The default error handler can only close the connection once the head is out.
      return next(new Error('torn'))
    })
    const app = express().get('/movie', testCache().cacheApi(), handler)
    const served = await serve(app.set('env', 'test'))
    await expect(ask(served, '/movie')).rejects.toThrow()
    const got = await ask(served, '/movie')
    expect([got.status, got.body.toString(), got.headers['x-cache']]).toEqual([200, 'whole', 'MISS'])
  })

  const wrongLengths: [string, number][] = [
    ['less than', 20],
    ['more than', 3],
  ]
  test.each(wrongLengths)('a body %s its Content-Length is not stored', async (_name, length) => {
    const handler = counted((_req, res, run) => {
      if (run === 1) res.set('Content-Length', String(length))
      res.write('eleven ')
      res.end('byte')
    })
    const app = await cached(handler)
    const first = open(app, '/movie', { headers: { Connection: 'close' } })
    // What a client makes of a wrong length is its own affair: only the end of it matters here.
    first.on('response', response => response.on('error', () => undefined).resume())
    await over(first)
    const second = await ask(app, '/movie')
    expect([second.status, second.body.toString(), second.headers['x-cache']]).toEqual([200, 'eleven byte', 'MISS'])
    expect(handler.calls).toBe(2)
  })

  test('a cookie the handler appends in writeHead is seen', async () => {
    const handler = counted((_req, res, run) => res.writeHead(200, { 'Set-Cookie': `sid=${run}` }).end('mine'))
    const app = await cached(handler)
    for (const run of [1, 2]) expect((await ask(app, '/movie')).headers['set-cookie']).toEqual([`sid=${run}`])
    expect(handler.calls).toBe(2)
  })

  test('no-store said in a flat array to writeHead is seen', async () => {
    const handler = counted((_req, res) => res.writeHead(200, ['Cache-Control', 'no-store']).end('secret'))
    const app = await cached(handler)
    for (const calls of [1, 2]) {
      expect((await answered(open(app, '/movie'))).headers['cache-control']).toBe('no-store')
      expect(handler.calls).toBe(calls)
    }
  })
})
