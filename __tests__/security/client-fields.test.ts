/* eslint-disable @typescript-eslint/no-unsafe-call, @typescript-eslint/unbound-method -- these read what no type knows */
import { connect } from 'node:net'
import type { Request } from 'express'
import { ask, type Answer } from '../support/client.js'
import { cacheStatus, testCache, type RouteOptions } from '../support/cache.js'
import { fakeClock } from '../support/clock.js'
import { expresses, type Express } from '../support/express.js'
import { serve, type Served } from '../support/server.js'
import type { Loose } from '../support/loose.js'

const isHit = (answer: Answer): boolean => cacheStatus(answer)['hit'] === true

const destructured = ({ headers }: Request, name: string): unknown => {
  const { [name]: value } = headers
  return value
}

const readers: readonly (readonly [string, (req: Request, name: string) => unknown])[] = [
  ['req.get', (req, name) => req.get(name)],
  ['req.headers', (req, name) => req.headers[name]],
  ['in', (req, name) => name in req.headers],
  ['Object.hasOwn', (req, name) => Object.hasOwn(req.headers, name)],
  ['destructuring', destructured],
  ['spreading', (req, name) => ({ ...req.headers })[name]],
  ['req.headersDistinct', (req, name) => req.headersDistinct[name]],
  ['rawHeaders', (req, name) => req.rawHeaders[req.rawHeaders.findIndex(raw => raw.toLowerCase() === name) + 1]],
]

const fields = [
  ...[
    ['content-type', 'application/xml'],
    ['content-encoding', 'gzip'],
    ['expect', 'x'],
    ['te', 'trailers'],
  ],
  ...[
    ['trailer', 'x-a'],
    ['keep-alive', 'timeout=5'],
    ['upgrade', 'h2c'],
    ['http2-settings', 'AAMAAABk'],
  ],
  ...[
    ['date', 'Tue, 01 Dec 2026 00:00:00 GMT'],
    ['cache-control', 'max-age=0'],
    ['pragma', 'no-cache'],
  ],
  ...[
    ['connection', 'close'],
    ['x-theme', 'dark'],
    ['proxy-connection', 'keep-alive'],
    ['via', '1.1 a'],
    ['max-forwards', '1'],
  ],
] as const

/** Upgrade is never looked up, and nobody but Node understands these two. */
const sendable = fields.filter(
  ([name]) => name !== 'expect' && name !== 'upgrade' && name !== 'connection' && name !== 'trailer',
)

const serveApp = (express: Express, options: RouteOptions, answer: (req: Request) => unknown): Promise<Served> => {
  const app = express()
  app.use(express.json({ type: ['json', 'xml'], inflate: true }))
  const handler = (req: Request, res: Loose): unknown => res.json({ said: answer(req) ?? null })
  const { cacheApi } = testCache()
  app.get('/', cacheApi(options), handler)
  app.post('/', cacheApi(options), handler)
  return serve(app)
}

describe.each(expresses)('%s', (_, express) => {
  describe('a stranger cannot tell others what he says in', () => {
    it.each(fields.flatMap(([name]) => readers.map(([by, read]) => [name, by, read] as const)))(
      '%s, read by %s',
      async (name, _by, read) => {
        const served = await serveApp(express, {}, req => read(req, name))
        const one = await ask(served, '/')
        expect(cacheStatus(one)['detail']).toMatch(/^unkeyed-header/)
        expect(isHit(await ask(served, '/'))).toBe(false)
      },
    )

    it.each(sendable.flatMap(([name, value]) => ['GET', 'POST'].map(method => [name, method, value] as const)))(
      '%s of a %s',
      async (name, method, value) => {
        const served = await serveApp(express, {}, req => req.headers[name])
        const json = { 'Content-Type': 'application/json' }
        const body = method === 'POST' ? '{"a":1}' : undefined
        const send = (headers: Record<string, string>): Promise<Answer> =>
          ask(served, '/', {
            method,
            headers: method === 'POST' ? { ...json, ...headers } : headers,
            ...(body !== undefined && { body }),
          })
        if (!(method === 'POST' && name === 'content-encoding')) await send({ [name]: value })
        const other = await send({})
        expect(JSON.parse(other.body.toString())).toEqual({
          said: method === 'POST' && name === 'content-type' ? 'application/json' : null,
        })
      },
    )

    it.each(
      fields.flatMap(([name]) => [['vary'], ['ignoreHeaders'], ['key']].map(([option]) => [name, option!] as const)),
    )('%s, and with %s it is stored', async (name, option) => {
      const options = {
        vary: { vary: [name] },
        ignoreHeaders: { ignoreHeaders: [name.toUpperCase()] },
        key: { key: (req: Request) => req.get(name) },
      }[option]!
      const served = await serveApp(express, options, req => [req.get(name)].length)
      await ask(served, '/')
      expect(isHit(await ask(served, '/'))).toBe(true)
    })
  })

  describe('a stranger cannot make answers of a GET depend on', () => {
    it.each([
      ['Content-Length: 0', { 'Content-Length': '0' }],
      ['nothing', {}],
    ])('%s, which is out of sight', async (_name, headers) => {
      const served = await serveApp(express, {}, req => [
        req.headers['content-length'],
        req.headers['transfer-encoding'],
        req.is('json'),
      ])
      const one = await ask(served, '/', { headers })
      expect(JSON.parse(one.body.toString())).toEqual({ said: [null, null, null] })
      expect(isHit(await ask(served, '/'))).toBe(true)
    })
  })

  describe('a stranger cannot get what another’s POST was told', () => {
    const post = (served: Served, type: string, body: string, headers: Record<string, string> = {}): Promise<Answer> =>
      ask(served, '/', { method: 'POST', headers: { 'Content-Type': type, ...headers }, body })

    it.each([
      ['application/json', 'application/json; charset=utf-8'],
      ['application/json', 'application/json; version=2'],
      ['application/json; version=1', 'application/json; version=2'],
      ['application/json', 'Application/JSON'],
      ['application/json', 'application/json;'],
      ['application/xml', 'application/json'],
    ])('%s and %s', async (one, other) => {
      const served = await serveApp(express, {}, req => req.headers['content-type'])
      await post(served, one, '{"a":1}')
      expect(JSON.parse((await post(served, other, '{"a":1}')).body.toString())).toEqual({ said: other })
      expect(isHit(await post(served, one, '{"a":1}'))).toBe(true)
    })

    it('by the length of a body that is parsed to the same', async () => {
      const served = await serveApp(express, {}, req => req.headers['content-length'])
      await post(served, 'application/json', '{"a":1}')
      const other = await post(served, 'application/json', '{ "a": 1 }')
      expect(JSON.parse(other.body.toString())).toEqual({ said: '10' })
      expect(isHit(await post(served, 'application/json', '{"a":1}'))).toBe(true)
    })

    it('by the length, where nobody looks at it, and then it is the same', async () => {
      const served = await serveApp(express, {}, req => req.body as unknown)
      await post(served, 'application/json', '{"a":1}')
      expect(isHit(await post(served, 'application/json', '{ "a": 1 }'))).toBe(true)
    })

    it('in chunks, where the handler looks at Transfer-Encoding', async () => {
      const served = await serveApp(express, {}, req => req.headers['transfer-encoding'] ?? req.is('json'))
      await post(served, 'application/json', '{"a":1}')
      const chunked = `POST / HTTP/1.1\r\nHost: 127.0.0.1:${served.port}\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n0\r\n\r\n`
      expect(await said(served, chunked)).toContain('"said":"chunked"')
    })

    it('in trailers, which send it past the cache', async () => {
      const served = await serveApp(express, {}, req => req.trailers)
      const chunked = (trailer: string): string =>
        `POST / HTTP/1.1\r\nHost: 127.0.0.1:${served.port}\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n0\r\n${trailer}\r\n`
      expect(await said(served, chunked('x-a: 1\r\n'))).toMatch(/detail=trailers[^]*"said":{"x-a":"1"}/)
      expect(await said(served, chunked(''))).toContain('"said":{}')
      expect(await said(served, chunked('x-a: 2\r\n'))).toContain('"said":{"x-a":"2"}')
      expect(await said(served, chunked(''))).toContain('HIT')
    })
  })

  it('a client that reloads gets the answer that the cache has had confirmed', async () => {
    const app = express()
    const clock = fakeClock()
    app.get('/', testCache({ clock }).cacheApi({ ttl: 1_000 }), (_req, res) => res.set('ETag', '"1"').json({ a: 1 }))
    const served = await serve(app)
    await ask(served, '/')
    for (const headers of [{ 'Cache-Control': 'no-cache' }, { 'Cache-Control': 'max-age=0', Pragma: 'no-cache' }, {}]) {
      clock.advance(2_000)
      const again = await ask(served, '/', { headers })
      expect(again.body.toString()).toBe('{"a":1}')
      expect(cacheStatus(again)).toMatchObject({ fwd: 'stale', 'fwd-status': '304' })
      expect(isHit(await ask(served, '/'))).toBe(true)
    }
  })

  it('a handler that lists all fields can be cached by one option', async () => {
    const served = await serveApp(
      express,
      { ignoreHeaders: true },
      req => Object.keys({ ...req.headers, ...req.headersDistinct }).length > 0 && req.rawHeaders.length > 0,
    )
    await ask(served, '/')
    expect(isHit(await ask(served, '/', { headers: { 'X-Other': '1' } }))).toBe(true)
  })

  it('a key that lists all fields covers what the handler reads of them', async () => {
    const served = await serveApp(express, { key: req => ({ ...req.headers }) }, req => req.get('x-theme'))
    const dark = { headers: { 'X-Theme': 'dark' } }
    await ask(served, '/', dark)
    expect(isHit(await ask(served, '/', dark))).toBe(true)
    expect((await ask(served, '/')).body.toString()).toBe('{"said":null}')
  })
})

/** Everything that the server says to these bytes. */
async function said(served: Served, bytes: string): Promise<string> {
  const socket = connect(served.port, '127.0.0.1')
  socket.end(bytes)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}
