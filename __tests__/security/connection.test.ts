/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call, @typescript-eslint/unbound-method -- these read what no type knows */
import { Agent, createServer, request, type RequestOptions } from 'node:https'
import { connect } from 'node:net'
import { inspect } from 'node:util'
import type { Request, RequestHandler, Response } from 'express'
import { selfSigned } from '../server/certificate.js'
import { answered, ask, type Answer } from '../support/client.js'
import { cacheStatus, testCache, type RouteOptions } from '../support/cache.js'
import { fakeClock } from '../support/clock.js'
import { expresses, type Express } from '../support/express.js'
import { listening, serve, type Served } from '../support/server.js'
import { until } from '../support/until.js'
import type { Loose } from '../support/loose.js'

const isHit = (answer: Answer): boolean => cacheStatus(answer)['hit'] === true

type Read = (req: Loose, res: Loose) => unknown

const reads: readonly (readonly [string, Read, string])[] = [
  ['req.ip', req => req.ip, 'ip'],
  ['req.ips', req => req.ips, 'ips'],
  ['req.socket.remoteAddress', req => req.socket.remoteAddress, 'socket.remoteAddress'],
  ['req.connection.remoteAddress', req => req.connection.remoteAddress, 'socket.remoteAddress'],
  ['req.client.remoteAddress', req => req.client.remoteAddress, 'socket.remoteAddress'],
  ['res.socket.remoteAddress', (_req, res) => res.socket.remoteAddress, 'socket.remoteAddress'],
  ['res.connection.remoteAddress', (_req, res) => res.connection.remoteAddress, 'socket.remoteAddress'],
  ['res.req.socket.remotePort', (_req, res) => res.req.socket.remotePort, 'socket.remotePort'],
  ['req.socket.remoteFamily', req => req.socket.remoteFamily, 'socket.remoteFamily'],
  ['req.socket.localAddress', req => req.socket.localAddress, 'socket.localAddress'],
  ['req.socket.localPort', req => req.socket.localPort, 'socket.localPort'],
  ['req.socket.address()', req => req.socket.address(), 'socket.address'],
  ['a part of the connection taken apart', ({ socket: { remotePort } }) => remotePort, 'socket.remotePort'],
  ['Reflect.get', req => Reflect.get(req.socket, 'remoteAddress'), 'socket.remoteAddress'],
  ['req.httpVersion', req => req.httpVersion, 'httpVersion'],
  ['req.httpVersionMajor', req => req.httpVersionMajor, 'httpVersionMajor'],
  ['req.httpVersionMinor', req => req.httpVersionMinor, 'httpVersionMinor'],
]

const harmless: readonly (readonly [string, Read])[] = [
  ['req.protocol', req => req.protocol],
  ['req.secure', req => req.secure],
  ['req.hostname', req => req.hostname],
  ['req.subdomains', req => req.subdomains],
  ['req.method and req.url', req => [req.method, req.url]],
  ['trailers of a GET', req => [req.trailers, req.rawTrailers]],
  ['the connection itself', (req, res) => req.socket === res.socket && req.socket.writable],
]

describe.each(expresses)('%s', (_, express) => {
  const serveReading = (read: Read, options: RouteOptions = {}, front: RequestHandler[] = []): Promise<Served> => {
    const app = express()
    for (const one of front) app.use(one)
    app.get('/', testCache().cacheApi(options), (req, res) => res.json({ said: read(req, res) ?? null }))
    return serve(app)
  }

  describe('a stranger cannot get what another’s connection says', () => {
    it.each(reads)('by %s', async (_name, read, property) => {
      const served = await serveReading(read)
      expect(cacheStatus(await ask(served, '/'))).toMatchObject({ detail: 'unkeyed-property', property })
      expect(isHit(await ask(served, '/'))).toBe(false)
    })

    it.each(reads)('by %s, after a while', async (_name, read, property) => {
      const app = express()
      app.get('/', testCache().cacheApi(), (req, res) => {
        setImmediate(() => res.json([read(req, res)]))
      })
      const served = await serve(app)
      expect(cacheStatus(await ask(served, '/'))).toMatchObject({ detail: 'unkeyed-property', property })
    })

    it.each<[string, (res: Response, said: string) => void]>([
      ['write and end', (res, said) => (res.write('a'), res.end(said))],
      ['send', (res, said) => res.send(said)],
      ['end', (res, said) => res.end(said)],
      ['a head that left before', (res, said) => (res.flushHeaders(), res.end(said))],
    ])('in an answer by %s', async (_name, send) => {
      const app = express()
      app.get('/', testCache().cacheApi(), (req, res) => send(res, String(req.socket.remotePort)))
      const served = await serve(app)
      await ask(served, '/')
      expect(isHit(await ask(served, '/'))).toBe(false)
    })

    it('read between two writes', async () => {
      const app = express()
      app.get('/', testCache().cacheApi(), (req, res) => {
        res.write('a')
        setImmediate(() => res.end(String(req.socket.remotePort)))
      })
      const served = await serve(app)
      await ask(served, '/')
      expect(isHit(await ask(served, '/'))).toBe(false)
    })

    it.each(['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const)('behind %s', async factory => {
      const app = express()
      app.get('/', testCache()[factory](), (req, res) => res.type('audio/mpeg').send(`ID3 ${req.socket.remotePort}`))
      const served = await serve(app)
      await ask(served, '/')
      expect(cacheStatus(await ask(served, '/'))['detail']).toMatch(/unkeyed-property/)
    })

    it.each(reads)('and %s can be vouched for', async (_name, read, property) => {
      for (const ignoreProperties of [[property], true] as const) {
        const served = await serveReading((req, res) => [read(req, res)].length, { ignoreProperties })
        await ask(served, '/')
        expect(isHit(await ask(served, '/'))).toBe(true)
      }
    })

    it.each(reads)('and %s is covered by a key that reads it', async (_name, read) => {
      const served = await serveReading(read, { key: req => [read(req, (req as Loose).res)].length })
      await ask(served, '/')
      expect(isHit(await ask(served, '/'))).toBe(true)
    })

    it.each(harmless)('but %s may be read', async (_name, read) => {
      const served = await serveReading(read)
      await ask(served, '/')
      expect(isHit(await ask(served, '/'))).toBe(true)
    })

    it('of all its connection by one name', async () => {
      const served = await serveReading(req => [req.socket.remotePort, req.socket.localPort].length, {
        ignoreProperties: ['socket'],
      })
      await ask(served, '/')
      expect(isHit(await ask(served, '/'))).toBe(true)
      const other = await serveReading(req => [req.ip].length, { ignoreProperties: ['socket'] })
      await ask(other, '/')
      expect(isHit(await ask(other, '/'))).toBe(false)
    })

    it('where what is in the key is not all that the handler reads', async () => {
      const served = await serveReading(req => [req.ip, req.socket.remotePort], { key: req => req.ip })
      expect(cacheStatus(await ask(served, '/'))).toMatchObject({ property: 'socket.remotePort' })
    })

    it('and middleware in front that reads it changes nothing', async () => {
      const log: RequestHandler = (req, res, next) => {
        const { end } = res
        res.end = function (this: Response, ...args: Loose[]) {
          expect(req.ip).toBeDefined()
          return (end as Loose).apply(this, args)
        } as typeof end
        res.once('finish', () => expect(req.socket.remoteAddress).toBeDefined())
        expect([req.ip, req.httpVersion]).toHaveLength(2)
        next()
      }
      const served = await serveReading(() => 1, {}, [log])
      await ask(served, '/')
      expect(isHit(await ask(served, '/'))).toBe(true)
    })

    it('while a proxy is trusted, and the address is in the key by what Express makes of it', async () => {
      const app = express()
      app.set('trust proxy', true)
      app.get('/', testCache().cacheApi(), (req, res) => res.json([req.protocol, req.hostname]))
      const served = await serve(app)
      const headers = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'a.example' }
      expect((await ask(served, '/', { headers })).body.toString()).toBe('["https","a.example"]')
      expect(isHit(await ask(served, '/', { headers }))).toBe(true)
    })

    it('and after the answer the connection is as it was', async () => {
      const served = await serveReading(() => 1)
      await ask(served, '/')
      const app = express()
      app.get(
        '/',
        testCache().cacheApi(),
        (_req, _res, next) => next(),
        (req: Request, res: Response) => {
          const { remoteAddress } = req.socket
          res.on('finish', () => expect(req.socket.remoteAddress).toBe(remoteAddress))
          expect(Object.keys(req.socket)).not.toContain('remoteAddress')
          res.json(typeof remoteAddress)
        },
      )
      const other = await serve(app)
      for (let run = 0; run < 3; run++) expect((await ask(other, '/')).body.toString()).toBe('"string"')
    })
  })

  it('a stranger cannot have HTTP/1.0 answered to others', async () => {
    const served = await serveReading(req => req.httpVersion)
    const socket = connect(served.port, '127.0.0.1')
    socket.end(`GET / HTTP/1.0\r\nHost: 127.0.0.1:${served.port}\r\n\r\n`)
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    expect(text).toContain('"1.0"')
    expect((await ask(served, '/')).body.toString()).toContain('"1.1"')
  })

  describe('a stranger cannot be seen behind the watch', () => {
    it.each<[string, Read]>([
      ['util.inspect(req.headers)', req => inspect(req.headers)],
      ['util.inspect with all its options', req => inspect(req.headers, { showHidden: true, depth: 9 })],
      ['util.inspect of the request', req => inspect(req, { depth: 3 })],
      ['util.inspect(req.rawHeaders)', req => inspect(req.rawHeaders)],
      ['util.inspect(req.headersDistinct)', req => inspect(req.headersDistinct)],
      ['JSON.stringify', req => JSON.stringify(req.headers)],
      ['Object.entries', req => Object.entries(req.headers)],
      [
        'for in',
        req => {
          for (const name in req.headers) if (name === 'x-theme') return name
        },
      ],
      ['Object.assign', req => Object.assign({}, req.headers)],
      ['freezing', req => Object.freeze(req.headers)],
    ])('by %s', async (_name, read) => {
      const served = await serveReading(read)
      const one = await ask(served, '/', { headers: { 'X-Theme': 'dark' } })
      expect(one.status).toBe(200)
      expect(one.body.toString().toLowerCase()).toContain('x-theme')
      expect(cacheStatus(one)['detail']).toBe('unkeyed-header')
    })

    it.each<[string, Read]>([
      ['showProxy', req => inspect(req.headers, { showProxy: true, showHidden: true, customInspect: false, depth: 9 })],
      ['no custom inspection', req => inspect(req.headers, { customInspect: false, showHidden: true })],
    ])('by util.inspect with %s, which shows nothing', async (_name, read) => {
      const served = await serveReading(read)
      const one = await ask(served, '/', { headers: { 'X-Theme': 'a-dark-one' } })
      if (cacheStatus(one)['detail'] === undefined) expect(one.body.toString()).not.toContain('a-dark-one')
    })

    it('and headers behave as an object does', async () => {
      const served = await serveReading(({ headers }) => {
        headers['x-set'] = '1'
        delete headers['x-theme']
        Object.defineProperty(headers, 'x-fixed', { value: '2', enumerable: true })
        return [
          headers['x-set'],
          'x-theme' in headers,
          { ...headers }['x-fixed'],
          Object.getPrototypeOf(headers) === Object.prototype,
        ]
      })
      expect((await ask(served, '/', { headers: { 'X-Theme': 'dark' } })).body.toString()).toBe(
        '{"said":["1",false,"2",true]}',
      )
    })
  })

  describe('a stranger cannot be told apart where a connection cannot be watched', () => {
    const withSocket =
      (socket: object): RequestHandler =>
      (req, _res, next) => {
        Object.defineProperty(req, 'socket', { value: socket, configurable: true })
        next()
      }
    const listeners = {
      listenerCount: () => 0,
      on: () => undefined,
      once: () => undefined,
      removeListener: () => undefined,
    }

    it.each<[string, object]>([
      ['a frozen object', Object.freeze({ remoteAddress: '1.2.3.4', ...listeners })],
      ['a Proxy', new Proxy({ remoteAddress: '1.2.3.4', ...listeners }, {})],
      ['a plain object', { remoteAddress: '1.2.3.4', ...listeners }],
    ])('as %s', async (_name, socket) => {
      const served = await serveReading(req => req.socket.remoteAddress, {}, [withSocket(socket)])
      const one = await ask(served, '/')
      expect(one.body.toString()).toContain('1.2.3.4')
      expect(cacheStatus(one)['detail']).toBe('unkeyed-property')
      const unread = await serveReading(() => 1, {}, [withSocket(socket)])
      await ask(unread, '/')
      expect(isHit(await ask(unread, '/'))).toBe(true)
    })
  })

  describe('a stranger cannot get what another’s certificate opens', () => {
    const serveSecure = async (express: Express, read: Read, options?: RouteOptions): Promise<Served> => {
      const app = express()
      app.get('/', testCache().cacheApi(options), (req, res) => res.json([read(req, res)]))
      return listening(createServer({ ...selfSigned(), requestCert: true, rejectUnauthorized: false }, app))
    }
    const askSecurely = async (served: Served): Promise<Answer> => {
      const agent = new Agent({ rejectUnauthorized: false })
      const options: RequestOptions = { host: '127.0.0.1', port: served.port, path: '/', agent }
      try {
        return await answered(request(options).end())
      } finally {
        agent.destroy()
      }
    }

    it.each<[string, Read]>([
      ['getPeerCertificate', req => req.socket.getPeerCertificate()],
      ['getPeerX509Certificate', req => req.socket.getPeerX509Certificate()],
      [
        'getPeerCertificate, asked whether it is there',
        req => 'x' in req.socket || typeof req.connection.getPeerCertificate,
      ],
      ['authorized', req => req.client.authorized],
      ['authorizationError', req => req.socket.authorizationError],
      ['servername', req => req.socket.servername],
      ['alpnProtocol', req => req.socket.alpnProtocol],
      ['getSession', req => req.socket.getSession()?.length],
      ['getCipher', req => req.socket.getCipher()],
      ['getProtocol', req => req.socket.getProtocol()],
      ['remoteAddress', req => req.socket.remoteAddress],
    ])('by %s', async (_name, read) => {
      const served = await serveSecure(express, read)
      const one = await askSecurely(served)
      expect(one.status).toBe(200)
      expect(cacheStatus(one)['detail']).toBe('unkeyed-property')
      expect(isHit(await askSecurely(served))).toBe(false)
    })

    it('and what looks at none of it is cached', async () => {
      const served = await serveSecure(express, req => [req.protocol, req.secure])
      await askSecurely(served)
      expect(isHit(await askSecurely(served))).toBe(true)
    })
  })

  it('a stranger cannot be known to a handler that a refresh runs for him', async () => {
    const app = express()
    const clock = fakeClock()
    const cache = testCache({ clock })
    const refusals: unknown[] = []
    cache.on('event', event => {
      if (event.type === 'refused') refusals.push(event.name)
    })
    let runs = 0
    app.get('/', cache.cacheApi({ ttl: 1_000, staleWhileRevalidate: 60_000 }), (req, res) => {
      res.json(++runs === 1 ? 1 : req.socket.remoteAddress)
    })
    const served = await serve(app)
    await ask(served, '/')
    clock.advance(2_000)
    expect(cacheStatus(await ask(served, '/'))['detail']).toBe('stale-while-revalidate')
    await until('the refresh is refused', () => refusals.length > 0)
    expect(refusals).toEqual(['socket.remoteAddress'])
  })
})
