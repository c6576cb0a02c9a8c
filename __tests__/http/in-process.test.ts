import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { runInProcess, type Dispatch, type InProcessRequest } from '../../lib/http/in-process.js'
import { standInSocket } from '../../lib/http/stand-in.js'
import { exchange } from '../support/client.js'
import { serve } from '../support/server.js'

const socket = () => standInSocket({ remoteAddress: '203.0.113.7' })

const run = (dispatch: Dispatch, request: Partial<InProcessRequest> = {}): Promise<ServerResponse> =>
  runInProcess(
    dispatch,
    { method: 'GET', url: '/', rawHeaders: [], body: undefined, socket: socket(), ...request },
    () => undefined,
  )

/** What a handler can read of a request. */
const read = ({ method, url, headers, headersDistinct, rawHeaders, httpVersion }: IncomingMessage) => ({
  ...{ method, url, rawHeaders, httpVersion },
  headers: { ...headers },
  headersDistinct: { ...headersDistinct },
})

describe('a request that is run in process', () => {
  it('is read as the same lines from the network are', async () => {
    const rawHeaders = [
      ...['Host', 'a.example', 'Cookie', 'a=1', 'cookie', 'b=2', 'X-A', '1', 'x-a', '2', 'Accept', 'text/html'],
      ...['User-Agent', 'first', 'User-Agent', 'second', 'Set-Cookie', 'c=3', 'Referer', 'a', 'referer', 'b'],
      ...['constructor', 'x', 'X-Empty', '', 'X-Latin', 'caf\xe9', 'Connection', 'close'],
    ]
    const seen: ReturnType<typeof read>[] = []
    const app = await serve((req, res) => {
      seen.push(read(req))
      res.end()
    })
    const lines = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]!}\r\n`] : []))
    await exchange(app, Buffer.from(`GET //a/../%7e?q=| HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'))
    await run((req, res) => (seen.push(read(req)), res.end()), { url: '//a/../%7e?q=|', rawHeaders })
    expect(seen[1]).toEqual(seen[0])
    expect(seen).toHaveLength(2)
  })

  it('has the address of the client, and no other trace of its connection', async () => {
    const seen: unknown[] = []
    await run((req, res) => {
      seen.push(req.socket.remoteAddress, req.socket.remotePort, 'encrypted' in req.socket)
      res.end()
    })
    expect(seen).toEqual(['203.0.113.7', undefined, false])
  })

  it.each([
    ['no body', undefined],
    ['an empty one', Buffer.alloc(0)],
    ['a large one', Buffer.alloc(300_000, 'b')],
  ])('has its body: %s', async (_, body) => {
    const chunks: Buffer[] = []
    await run(
      (req, res) => {
        req.on('data', chunk => chunks.push(chunk as Buffer))
        req.on('end', () => res.end())
      },
      { method: 'POST', body },
    )
    expect(Buffer.concat(chunks).equals(body ?? Buffer.alloc(0))).toBe(true)
  })

  it('is shown before the app sees it', async () => {
    const order: string[] = []
    const dispatch: Dispatch = (_req, res) => (order.push('app'), res.end())
    const { socket: its, ...request } = { method: 'GET', url: '/', rawHeaders: [], body: undefined, socket: socket() }
    await runInProcess(dispatch, { ...request, socket: its }, () => order.push('shown'))
    expect(order).toEqual(['shown', 'app'])
  })
})

describe('the response to it', () => {
  it('is over when the handler has ended it, with head and all events of one that was sent', async () => {
    const events: string[] = []
    const res = await run((_req, response) => {
      for (const name of ['finish', 'close', 'error']) response.on(name, () => events.push(name))
      response.setHeader('X-A', '1').writeHead(201).end('body')
    })
    expect([res.statusCode, res.getHeader('x-a'), res.headersSent, res.writableFinished]).toEqual([
      201,
      '1',
      true,
      true,
    ])
    await new Promise(setImmediate)
    expect(events).toEqual(['finish', 'close'])
  })

  it('takes a large body from whoever waits for drain', async () => {
    const chunk = Buffer.alloc(100_000)
    let drained = 0
    await run((_req, res) => {
      void (async () => {
        for (let i = 0; i < 20; i++) {
          if (res.write(chunk)) continue
          await once(res, 'drain')
          drained++
        }
        res.end()
      })()
    })
    const piped = await run((_req, res) => void Readable.from(Array<Buffer>(20).fill(chunk)).pipe(res))
    expect([drained > 0, piped.writableFinished]).toEqual([true, true])
  })

  it('is over when its handler destroys it', async () => {
    const res = await run((_req, response) => void response.destroy())
    expect([res.destroyed, res.writableFinished]).toEqual([true, false])
  })

  it('is over when its connection is destroyed by whoever waits no longer', async () => {
    const its = socket()
    const hanging = run(() => undefined, { socket: its })
    its.destroy()
    expect((await hanging).writableFinished).toBe(false)
  })

  it('rejects where the app throws', async () => {
    const failing = run(() => {
      throw new Error('no app')
    })
    await expect(failing).rejects.toThrow('no app')
  })
})
