import { once } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import { pipeline, Readable, type Duplex } from 'node:stream'
import { gzipSync } from 'node:zlib'
import type { Application, RequestHandler } from 'express'
import { errorPage, expresses, type Express } from '../support/express.js'
import { gate } from '../support/gate.js'
import { listening } from '../support/server.js'
import { both, bothSay, bytesOf, Line, lines, type Pair } from './support.js'

const host = 'Host: films.example'
const closing = [host, 'Connection: close']

/** Serves an app through both, and lets a conversation say what came of it. */
const conversations = <T>(
  app: () => Application,
  talk: (line: Line, server: Server) => Promise<T>,
  prepare: (server: Server, app: Application) => unknown = () => undefined,
): Promise<Pair<T>> =>
  both(async serverOf => {
    const served = app()
    const server = serverOf(served)
    prepare(server, served)
    return talk(new Line(await listening(server)), server)
  })

const plainly = (line: Line, bytes: string): Promise<string> => (line.say(bytes), line.all())

describe.each(expresses)(
  'a connection to %s through createServer is like one through http.createServer',
  (_, express) => {
    const films = (): Application => express().get('/films/:id', (req, res) => res.json({ film: req.params.id }))

    it('when one request comes after another', async () => {
      const { plain, ours } = await conversations(films, async line => {
        line.say(lines('GET /films/1 HTTP/1.1', host, '', ''))
        await line.hear('{"film":"1"}')
        line.say(bytesOf('GET', '/films/2'))
        return line.all()
      })
      expect(plain).toMatch(/Connection: keep-alive[^]*{"film":"1"}HTTP[^]*Connection: close[^]*{"film":"2"}$/)
      expect(ours).toBe(plain)
    })

    it('when requests come at once, and the last is answered first', async () => {
      const app = (): Application => {
        const second = gate()
        return express()
          .get('/1', (_req, res) => void second.opened.then(() => res.send('first')))
          .get('/2', (_req, res) => {
            res.send('second')
            second.open()
          })
      }
      const requests = lines('GET /1 HTTP/1.1', host, '', bytesOf('GET', '/2'))
      const { plain, ours } = await conversations(app, line => plainly(line, requests))
      expect(plain).toMatch(/first[^]*second$/)
      expect(ours).toBe(plain)
    })

    it.each([
      ['of HTTP/1.0', lines('GET /films/1 HTTP/1.0', '', ''), '{"film":"1"}'],
      ['without a host', lines('GET /films/1 HTTP/1.1', '', ''), '400 Bad Request'],
      ['that is none', lines('FILMS', '', ''), '400 Bad Request'],
      ['that expects something else', bytesOf('GET', '/films/1', { Expect: 'popcorn' }), '417 Expectation Failed'],
      [
        'to upgrade, with nobody for it',
        bytesOf('GET', '/films/1', { Connection: 'upgrade, close', Upgrade: 'reel' }),
        '200 OK',
      ],
    ])('for a request %s', async (_name, bytes, says) => {
      const { plain, ours } = await bothSay(films, bytes)
      expect(plain).toContain(says)
      expect(ours).toBe(plain)
    })

    it('when it has had as many requests as it may', async () => {
      const twice = lines('GET /films/1 HTTP/1.1', host, '', bytesOf('GET', '/films/2'))
      const limit = (server: Server): unknown => (server.maxRequestsPerSocket = 1)
      const { plain, ours } = await conversations(films, line => plainly(line, twice), limit)
      expect(plain).toContain('503 Service Unavailable')
      expect(ours).toBe(plain)
    })

    describe('with a request body', () => {
      const reader = (): Application =>
        express()
          .use(express.json({ limit: 100 }))
          .post('/', (req, res) => res.json([req.body, req.trailers, req.complete]))
          .use(errorPage)
      const post = (...rest: string[]): string =>
        lines('POST / HTTP/1.1', ...closing, 'Content-Type: application/json', ...rest)
      const json = '{"film":7}'
      const zipped = gzipSync(json).toString('latin1')

      it.each([
        ['of a known length', post('Content-Length: 10', '', json), '[{"film":7},{},true]'],
        [
          'in chunks, with trailers',
          post('Transfer-Encoding: chunked', '', '6', '{"film', '4', '":7}', '0', 'X-Reels: 2', '', ''),
          '[{"film":7},{"x-reels":"2"},true]',
        ],
        [
          'that is compressed',
          post('Content-Encoding: gzip', `Content-Length: ${zipped.length}`, '', zipped),
          '{"film":7}',
        ],
        ['that cannot be read', post('Content-Length: 2', '', '{['), '400 Bad Request'],
        ['that is too long', post('Content-Length: 101', '', `"${'x'.repeat(99)}"`), '413 Payload Too Large'],
      ])('%s', async (_name, bytes, says) => {
        const { plain, ours } = await bothSay(reader, Buffer.from(bytes, 'latin1'))
        expect(plain).toContain(says)
        expect(ours).toBe(plain)
      })

      const head = post('Content-Length: 10', 'Expect: 100-continue', '', '')

      it('that the client asks for first', async () => {
        const { plain, ours } = await conversations(reader, async line => {
          line.say(head)
          await line.hear('HTTP/1.1 100 Continue\r\n\r\n')
          line.say(json)
          return line.all()
        })
        expect(plain).toContain('[{"film":7},{},true]')
        expect(ours).toBe(plain)
      })

      it('that the client asks for first, with somebody who decides', async () => {
        const { plain, ours } = await conversations(
          reader,
          line => plainly(line, head),
          server => server.on('checkContinue', (_req: IncomingMessage, res) => res.writeHead(401).end('no')),
        )
        expect(plain).toMatch(/^HTTP\/1.1 401 Unauthorized\r\n[^]*no\r\n0\r\n\r\n$/)
        expect(ours).toBe(plain)
      })
    })

    describe('that becomes another', () => {
      const echo = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
        socket.write(lines('HTTP/1.1 101 Switching Protocols', `X-Of: ${req.method!} ${req.url!}`, '', ''))
        socket.write(head)
        socket.pipe(socket)
      }

      it.each([
        [
          'upgrade',
          lines('GET /live HTTP/1.1', host, 'Connection: Upgrade', 'Upgrade: reel', '', 'early '),
          'GET /live',
        ],
        ['connect', lines('CONNECT films.example:80 HTTP/1.1', host, '', 'early '), 'CONNECT films.example:80'],
      ])('by %s', async (event, bytes, of) => {
        const { plain, ours } = await conversations(
          films,
          async line => {
            line.say(bytes)
            await line.hear('early ')
            line.say('and \x00\xff late')
            await line.hear('late')
            line.end()
            return line.all()
          },
          server => server.on(event, echo),
        )
        expect(plain).toBe(lines('HTTP/1.1 101 Switching Protocols', `X-Of: ${of}`, '', 'early and \x00\xff late'))
        expect(ours).toBe(plain)
      })
    })

    describe('with a stream', () => {
      const long = Buffer.alloc(300_000, 'reel')

      const body = long.toString() + long.toString()
      const got = bytesOf('GET', '/')
      const posted = bytesOf('POST', '/', { 'Content-Length': `${body.length}` }, body)

      it.each<[string, RequestHandler, string]>([
        ['of its own', (_req, res) => void Readable.from([long, long]).pipe(res), got],
        [
          'of its own, by pipeline',
          (_req, res) => void pipeline(Readable.from([long, long]), res, () => undefined),
          got,
        ],
        ['of the request', (req, res) => void req.pipe(res), posted],
      ])('%s', async (_name, handler, bytes) => {
        const { plain, ours } = await bothSay(() => express().use(handler), bytes)
        expect(parts(plain).body === body).toBe(true)
        expect(parts(ours)).toEqual(parts(plain))
      })
    })

    it('when an answer takes too long for the handler', async () => {
      const late: RequestHandler = (_req, res) => {
        const emitted = once(res, 'timeout')
        res.setTimeout(1, () => void emitted.then(() => res.status(503).send('too long')))
      }
      const { plain, ours } = await bothSay(() => express().use(late), bytesOf('GET', '/'))
      expect(plain).toMatch(/503 Service Unavailable[^]*too long$/)
      expect(ours).toBe(plain)
    })

    describe('in the order of events', () => {
      const post = (body: string): string => bytesOf('POST', '/', { 'Content-Length': '4' }, body)

      it.each([
        ['of an exchange', post('reel'), undefined, ['req data', 'req end', 'res prefinish', 'res finish']],
        [
          'when the client leaves before its request is whole',
          post('ree'),
          'req data',
          ['req aborted', 'req error ECONNRESET'],
        ],
        ['when the client leaves before the answer', post('reel'), 'req end', ['req data', 'req end']],
      ])('%s', async (_name, bytes, leaveAt, among) => {
        const { plain, ours } = await events(express, bytes, leaveAt)
        expect(plain).toEqual(expect.arrayContaining([...among, 'req close', 'res close']))
        expect(ours).toEqual(plain)
      })
    })
  },
)

/** What a request and its response emit, up to the end of both; the client may leave at one of these events. */
function events(express: Express, bytes: string, leaveAt?: string): Promise<Pair<string[]>> {
  return both(async serverOf => {
    const heard: string[] = []
    const closed = [gate(), gate()] as const
    const app = express().use((req, res) => {
      const hear = (event: string): void => {
        heard.push(event)
        if (event === leaveAt) line.hangUp()
      }
      for (const name of ['data', 'end', 'aborted', 'close']) req.on(name, () => hear(`req ${name}`))
      for (const name of ['prefinish', 'finish', 'close']) res.on(name, () => hear(`res ${name}`))
      req.on('error', (error: NodeJS.ErrnoException) => hear(`req error ${error.code!}`))
      req.on('end', () => leaveAt === undefined && res.end('seen'))
      req.on('close', () => closed[0].open())
      res.on('close', () => closed[1].open())
    })
    const line = new Line(await listening(serverOf(app)))
    line.say(bytes)
    await Promise.all(closed.map(it => it.opened))
    return heard
  })
}

/** The network may cut a long body into other chunks. */
function parts(answer: string): { head: string; body: string } {
  const at = answer.indexOf('\r\n\r\n') + 2
  return {
    head: answer.slice(0, at),
    body: answer
      .slice(at)
      .replace(/\r\n[0-9a-f]*\r\n/g, '')
      .replace(/0?\r\n$/, ''),
  }
}
