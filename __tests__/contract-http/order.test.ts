import { randomUUID } from 'node:crypto'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import compression from 'compression'
import cors, { type CorsOptions } from 'cors'
import type { RequestHandler } from 'express'
import helmet from 'helmet'
import { testCache, type RouteOptions } from '../support/cache.js'
import { ask, type Answer, type Question } from '../support/client.js'
import { counted, expresses, type Express } from '../support/express.js'
import { serve } from '../support/server.js'

type Order = 'before' | 'after'
const orders: Order[] = ['before', 'after']

/** One route with `other` in front of the cache or behind it, and the same route without a cache. */
async function bothApps(
  express: Express,
  order: Order,
  other: () => RequestHandler,
  handler: RequestHandler,
  options?: RouteOptions,
) {
  const cacheApi = testCache().cacheApi(options)
  const chain = order === 'before' ? [other(), cacheApi] : [cacheApi, other()]
  return {
    app: await serve(express().all('/movie', ...chain, handler)),
    plain: await serve(express().all('/movie', other(), handler)),
  }
}

function decoded({ body, headers }: Answer): string {
  const coding = headers['content-encoding'] ?? 'identity'
  const decoders: Record<string, (body: Buffer) => Buffer> = {
    gzip: gunzipSync,
    br: brotliDecompressSync,
    deflate: inflateSync,
    identity: bytes => bytes,
  }
  return decoders[coding]!(body).toString()
}

function linesOf(answer: Answer, wanted: RegExp): string[] {
  return answer.lines
    .filter(([name]) => wanted.test(name))
    .map(([name, value]) => `${name}: ${value}`)
    .sort()
}

const cases = expresses.flatMap(([version, express]) => orders.map(order => [order, version, express] as const))

describe.each(cases)('compression %s the cache on %s', (order, _version, express) => {
  const story = Array.from({ length: 400 }, (_, i) => `Scene ${i}: the rabbit hole is ${i * 37} metres deep. `).join('')
  const setup = () => {
    const handler = counted((_req, res) => res.type('text/plain').send(story))
    return bothApps(express, order, compression, handler).then(apps => ({ ...apps, handler }))
  }
  const codings = [
    'gzip',
    'br',
    'deflate',
    'gzip, deflate, br',
    'identity',
    'gzip;q=0',
    '*',
    'br;q=0.5, gzip;q=1',
    undefined,
  ]
  const accepting = (coding: string | undefined): Question => ({
    headers: coding === undefined ? {} : { 'Accept-Encoding': coding },
  })

  test.each(codings)('gives a client that accepts %s what it can read, on a miss and on a hit', async coding => {
    const { app, plain } = await setup()
    const expected = await ask(plain, '/movie', accepting(coding))
    for (const state of ['MISS', 'HIT']) {
      const got = await ask(app, '/movie', accepting(coding))
      expect([got.status, got.headers['x-cache']]).toEqual([200, state])
      expect(got.headers['content-encoding']).toBe(expected.headers['content-encoding'])
      expect(got.headers['content-type']).toBe('text/plain; charset=utf-8')
      expect(linesOf(got, /^vary$/)).toEqual(['vary: Accept-Encoding'])
      expect(decoded(got)).toBe(story)
      if (got.headers['content-length'] !== undefined)
        expect(got.headers['content-length']).toBe(String(got.body.length))
    }
  })

  test('gives each of many different clients its own coding, whoever came first', async () => {
    const { app, plain, handler } = await setup()
    for (const coding of [...codings, ...codings.toReversed()]) {
      const got = await ask(app, '/movie', accepting(coding))
      const expected = await ask(plain, '/movie', accepting(coding))
      expect(got.headers['content-encoding']).toBe(expected.headers['content-encoding'])
      expect(decoded(got)).toBe(story)
    }
    // The plain app runs the same handler once per request.
    const runs = handler.calls - 2 * codings.length
    expect(runs).toBeLessThanOrEqual(order === 'before' ? 1 : codings.length)
  })

  test.each([
    ['small', 'bytes=100-199', 'bytes 100-199'],
    ['large', 'bytes=1000-3999', 'bytes 1000-3999'],
    ['open', 'bytes=14000-', undefined],
  ])('answers a %s range of the identity body', async (_name, range, contentRange) => {
    const { app } = await setup()
    const identity = { 'Accept-Encoding': 'identity' }
    await ask(app, '/movie', { headers: identity })
    const got = await ask(app, '/movie', { headers: { ...identity, Range: range } })
    expect(got.status).toBe(206)
    const [first, last] = range.slice('bytes='.length).split('-').map(Number)
    const end = last === 0 ? story.length - 1 : last!
    expect(got.headers['content-range']).toBe(`${contentRange ?? `bytes 14000-${end}`}/${story.length}`)
    expect(decoded(got)).toBe(story.slice(first, end + 1))
  })

  test('never lets a client go on with identity bytes where it began with compressed ones', async () => {
    const { app } = await setup()
    for (let i = 0; i < 2; i++) {
      const whole = await ask(app, '/movie', accepting('gzip'))
      const resumed = { 'Accept-Encoding': 'gzip', Range: 'bytes=100-199', 'If-Range': whole.headers.etag! }
      const part = await ask(app, '/movie', { headers: resumed })
      if (part.status === 206) expect(part.body.equals(whole.body.subarray(100, 200))).toBe(true)
      else expect([part.status, decoded(part)]).toEqual([200, story])
    }
  })

  test('answers If-None-Match with 304 and no body, for each coding', async () => {
    const { app } = await setup()
    for (const coding of ['identity', 'gzip']) {
      const headers = { 'Accept-Encoding': coding }
      const { etag } = (await ask(app, '/movie', { headers })).headers
      expect(etag).toBeDefined()
      const again = await ask(app, '/movie', { headers: { ...headers, 'If-None-Match': etag! } })
      expect([again.status, again.body.length, again.headers['content-encoding']]).toEqual([304, 0, undefined])
      const changed = await ask(app, '/movie', { headers: { ...headers, 'If-None-Match': '"no"' } })
      expect([changed.status, decoded(changed)]).toEqual([200, story])
    }
  })

  test('answers HEAD without a body and GET whole after it', async () => {
    const { app } = await setup()
    const headers = { 'Accept-Encoding': 'gzip' }
    for (let i = 0; i < 2; i++) {
      const head = await ask(app, '/movie', { method: 'HEAD', headers })
      expect([head.status, head.body.length]).toEqual([200, 0])
      expect(decoded(await ask(app, '/movie', { headers }))).toBe(story)
    }
  })
})

describe.each(cases)('cors %s the cache on %s', (order, _version, express) => {
  const settings: [string, CorsOptions][] = [
    ['a star', { origin: '*' }],
    ['one origin', { origin: 'https://a.example' }],
    ['a list of origins', { origin: ['https://a.example', 'https://b.example'] }],
    ['every origin reflected with credentials', { origin: true, credentials: true, exposedHeaders: ['X-Reel'] }],
  ]
  const origins = ['https://a.example', 'https://b.example', undefined, 'https://c.example']

  test.each(settings)('with %s gives each origin its own headers', async (_name, options) => {
    const handler = counted((_req, res) => res.json({ id: 603 }))
    const { app, plain } = await bothApps(express, order, () => cors(options), handler)
    for (const origin of [...origins, ...origins]) {
      const question = { headers: origin === undefined ? {} : { Origin: origin } }
      const [got, expected] = [await ask(app, '/movie', question), await ask(plain, '/movie', question)]
      expect(linesOf(got, /^(access-control-|vary$)/)).toEqual(linesOf(expected, /^(access-control-|vary$)/))
      expect([got.status, got.body.toString()]).toEqual([200, '{"id":603}'])
    }
    if (order === 'before') expect(handler.calls - 2 * origins.length).toBe(1)
  })
})

describe.each(cases)('helmet %s the cache on %s', (order, _version, express) => {
  const security = /^(content-security|cross-origin|origin-agent|referrer|strict-transport|x-(?!cache|powered))/

  test('sends every header once, on a miss and on a hit', async () => {
    const { app, plain } = await bothApps(express, order, helmet, (_req, res) => void res.json({ id: 603 }))
    const expected = linesOf(await ask(plain, '/movie'), security)
    expect(expected.length).toBeGreaterThan(8)
    for (const state of ['MISS', 'HIT']) {
      const got = await ask(app, '/movie')
      expect(got.headers['x-cache']).toBe(state)
      expect(got.headers['x-powered-by']).toBeUndefined()
      expect(linesOf(got, security)).toEqual(expected)
    }
  })
})

describe.each(expresses)('on %s', (_version, express) => {
  test('what middleware in front sets for each request is never replaced by what was stored', async () => {
    const app = express()
    app.use((_req, res, next) => {
      const nonce = randomUUID()
      res.set({
        'X-Request-Id': nonce,
        'Content-Security-Policy': `script-src 'nonce-${nonce}'`,
        'X-RateLimit-Remaining': nonce,
      })
      next()
    })
    app.get('/movie', testCache().cacheApi(), (_req, res) => void res.json({ id: 603 }))
    const served = await serve(app)
    const answers = []
    for (let i = 0; i < 3; i++) answers.push(await ask(served, '/movie'))
    expect(answers.map(({ headers }) => headers['x-cache'])).toEqual(['MISS', 'HIT', 'HIT'])
    for (const name of ['x-request-id', 'content-security-policy', 'x-ratelimit-remaining']) {
      expect(new Set(answers.map(({ headers }) => headers[name])).size).toBe(3)
    }
    for (const { lines } of answers) expect(lines.filter(([name]) => name === 'x-request-id')).toHaveLength(1)
  })

  test('a cookie set in front of the cache goes to its own visitor only', async () => {
    let visitor = 0
    const app = express()
    app.use((_req, res, next) => {
      res.cookie('seen', String(++visitor))
      next()
    })
    app.get('/movie', testCache().cacheApi(), (_req, res) => void res.json({ id: 603 }))
    const served = await serve(app)
    for (const n of [1, 2, 3]) {
      const got = await ask(served, '/movie')
      expect(got.headers['set-cookie']).toEqual([`seen=${n}; Path=/`])
      expect(got.body.toString()).toBe('{"id":603}')
    }
  })
})
