import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createGunzip } from 'node:zlib'
import compression from 'compression'
import type { RequestHandler, Response } from 'express'
import { testCache, type Cache, type CacheOptions, type RouteOptions } from '../support/cache.js'
import { ask, open, postJson, type Answer } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { gate } from '../support/gate.js'
import { serve, type Served } from '../support/server.js'
import { departures, listen } from '../support/streams.js'
import { holdTimeouts } from '../support/timers.js'

const path = '/movies/603'

/** Chunks as models send them: one event, several, a part of one, and of very different lengths. */
const chunks: readonly Buffer[] = [
  'data: {"delta":"Wake"}\n\n',
  'data: {"delta":" up,"}\n\ndata: {"delta":" Neo"}\n\n',
  'data: {"del',
  `ta":"${'…'.repeat(400)}"}\n\n`,
  '\n',
  'data: [DONE]\n\n',
].map(text => Buffer.from(text))
const whole = Buffer.concat(chunks)

/** A client that sees how HTTP/1.1 frames the body. */
class Wire {
  readonly #socket
  #received = Buffer.alloc(0)

  constructor(served: Served, method = 'GET') {
    this.#socket = connect(served.port, '127.0.0.1')
    this.#socket.on('data', data => (this.#received = Buffer.concat([this.#received, data])))
    this.#socket.on('error', () => undefined)
    this.#socket.write(`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)
  }

  get head(): string {
    return this.#received.toString('latin1').split('\r\n\r\n', 1)[0]!
  }

  /** The chunks that are whole; the last one of a body is empty. */
  get chunks(): Buffer[] {
    const found: Buffer[] = []
    let at = this.#received.indexOf('\r\n\r\n') + 4
    while (at >= 4) {
      const line = this.#received.indexOf('\r\n', at)
      if (line < 0) break
      const length = Number.parseInt(this.#received.toString('latin1', at, line), 16)
      const end = line + 2 + length
      if (Number.isNaN(length) || this.#received.length < end + 2) break
      found.push(this.#received.subarray(line + 2, end))
      at = end + 2
    }
    return found
  }

  async heard(count: number): Promise<void> {
    while (this.chunks.length < count) await once(this.#socket, 'data')
  }

  async over(): Promise<this> {
    if (!this.#socket.closed) await once(this.#socket, 'close')
    return this
  }

  leave(): void {
    this.#socket.destroy()
  }
}

const framed = (parts: readonly Buffer[]): string[] => [...parts.map(String), '']

/** A model that streams these chunks, each after the last has left. */
const streaming = (parts: readonly (Buffer | string)[] = chunks) =>
  counted(async (_req, res) => {
    res.type('text/event-stream')
    for (const part of parts) await new Promise<void>(done => res.write(part, () => done()))
    res.end()
  })

describe.each(expresses)('an event stream on %s', (_version, express) => {
  interface Options {
    profile?: 'cacheApi' | 'cacheAi' | 'cacheTts'
    route?: RouteOptions
    cache?: CacheOptions
    front?: RequestHandler
  }
  async function cached(handler: RequestHandler, { profile = 'cacheAi', route, cache: all, front }: Options = {}) {
    const cache = testCache(all)
    const app = express()
    if (front !== undefined) app.use(front)
    app.use(express.json())
    app.all('/movies/:movieId', cache[profile](route), handler)
    return { app: await serve(app), cache, reasons: refusals(cache) }
  }

  /** Why answers were not stored. */
  function refusals(cache: Cache): string[] {
    const reasons: string[] = []
    cache.on('event', event => event.type === 'refused' && reasons.push(event.reason))
    return reasons
  }
  const xCache = ({ headers }: Answer) => headers['x-cache']

  describe('that is stored', () => {
    it.each(['cacheAi', 'cacheApi', 'cacheTts'] as const)(
      'comes in the chunks it was made in, with %s',
      async profile => {
        const handler = streaming()
        const { app } = await cached(handler, { profile })
        const made = await new Wire(app).over()
        const again = await new Wire(app).over()
        expect(made.chunks.map(String)).toEqual(framed(chunks))
        expect(again.chunks.map(String)).toEqual(framed(chunks))
        expect(again.head).toMatch(/\r\nX-Cache: HIT/i)
        expect(again.head).toMatch(/\r\nContent-Type: text\/event-stream/i)
        expect(again.head).not.toMatch(/\r\nContent-Length:/i)
        expect(handler.calls).toBe(1)
      },
    )

    it('comes in its chunks without a Content-Length that its handler gave it', async () => {
      const handler = counted((_req, res) => {
        res.type('text/event-stream').set('Content-Length', String(whole.length))
        for (const chunk of chunks) res.write(chunk)
        res.end()
      })
      const { app } = await cached(handler)
      expect((await ask(app, path)).headers['content-length']).toBe(String(whole.length))
      const again = await new Wire(app).over()
      expect(again.chunks.map(String)).toEqual(framed(chunks))
      expect(again.head).not.toMatch(/\r\nContent-Length:/i)
    })

    it('has the last chunk where its handler ends with it', async () => {
      const handler = counted((_req, res) => {
        res.type('text/event-stream').write(chunks[0]!)
        res.end(chunks.at(-1))
      })
      const { app } = await cached(handler)
      await ask(app, path)
      expect((await new Wire(app).over()).chunks.map(String)).toEqual(framed([chunks[0]!, chunks.at(-1)!]))
    })

    it('does not wait where its handler did', async () => {
      const go = gate()
      const handler = counted(async (_req, res) => {
        res.type('text/event-stream').write(chunks[0]!)
        await go.opened
        res.end(chunks.at(-1))
      })
      const { app } = await cached(handler)
      const first = await listen(open(app, path))
      await first.heard(chunks[0]!.length)
      go.open()
      await first.over
      holdTimeouts()
      const again = await ask(app, path)
      expect([xCache(again), again.body]).toEqual(['HIT', Buffer.concat([chunks[0]!, chunks.at(-1)!])])
    })

    it('has a head for HEAD, and no body', async () => {
      const handler = streaming()
      const { app } = await cached(handler)
      await ask(app, path)
      const head = await new Wire(app, 'HEAD').over()
      expect(head.head).toMatch(/^HTTP\/1\.1 200 /)
      expect(head.head).toMatch(/\r\nX-Cache: HIT/i)
      expect(head.head).toMatch(/\r\nContent-Type: text\/event-stream/i)
      expect(head.chunks).toEqual([])
      expect(handler.calls).toBe(1)
    })

    it('waits for a client that is slow to read it, and is whole', async () => {
      const many = [...Array<string>(200).fill(`data: ${'Neo '.repeat(8_000)}\n\n`), 'data: [DONE]\n\n']
      const responses: Response[] = []
      const front: RequestHandler = (_req, res, next) => {
        responses.push(res)
        next()
      }
      const { app } = await cached(streaming(many), { route: { maxEntryBytes: 8 * 1024 * 1024 }, front })
      const made = await ask(app, path)
      const [response] = (await once(open(app, path), 'response')) as [IncomingMessage]
      const parts: Buffer[] = []
      let most = 0
      for await (const part of response) {
        parts.push(part as Buffer)
        most = Math.max(most, responses[1]!.writableLength)
        await new Promise(setImmediate)
      }
      expect(response.headers['x-cache']).toBe('HIT')
      expect(Buffer.concat(parts).equals(made.body)).toBe(true)
      expect(made.body.toString()).toBe(many.join(''))
      expect(most).toBeLessThan(3 * many[0]!.length)
    })

    const ticks = (count: number) => Array.from({ length: count }, (_, at) => `data: ${at}\n\n`)
    it.each([
      ['in its chunks', 16_384, 16_384],
      ['as one body', 16_385, 0],
    ])('is replayed %s when it has %d', async (_how, count, expected) => {
      const parts = [...ticks(count - 1), 'data: [DONE]\n\n']
      const handler = counted((_req, res) => {
        res.type('text/event-stream')
        for (const part of parts) res.write(part)
        res.end()
      })
      const { app } = await cached(handler)
      const made = await ask(app, path)
      const again = await ask(app, path)
      expect(made.body.toString()).toBe(parts.join(''))
      expect([xCache(again), again.body.equals(made.body)]).toEqual(['HIT', true])
      expect(again.headers['content-length']).toBe(expected === 0 ? String(made.body.length) : undefined)
    })

    it('comes in its chunks from a file as well', async () => {
      const cacheDir = mkdtempSync(join(tmpdir(), 'reelcache-'))
      const options = { profile: 'cacheTts', cache: { tts: { cacheDir, fileMinFreeBytes: 0 } } } as const
      const handler = streaming()
      const before = await cached(handler, options)
      await ask(before.app, path)
      await before.cache.close()
      const after = await cached(handler, options)
      const again = await new Wire(after.app).over()
      expect(again.chunks.map(String)).toEqual(framed(chunks))
      expect(handler.calls).toBe(1)
      await after.cache.close()
      rmSync(cacheDir, { recursive: true })
    })
  })

  describe('with a pace', () => {
    const pace = 54_321

    it('comes chunk after chunk, the first at once', async () => {
      const { app } = await cached(streaming(), { route: { pace } })
      await ask(app, path)
      holdTimeouts()
      const client = new Wire(app)
      for (let count = 1; count < chunks.length; count++) {
        await client.heard(count)
        expect([client.chunks.map(String), jest.getTimerCount()]).toEqual([chunks.slice(0, count).map(String), 1])
        jest.advanceTimersByTime(pace)
      }
      jest.runAllTimers()
      expect((await client.over()).chunks.map(String)).toEqual(framed(chunks))
      expect(jest.getTimerCount()).toBe(0)
    })

    it('is not slowed down while it is made', async () => {
      const { app } = await cached(streaming(), { route: { pace } })
      holdTimeouts()
      expect((await ask(app, path)).body).toEqual(whole)
      expect(jest.getTimerCount()).toBe(0)
    })

    it('is not sent any further to a client that has left', async () => {
      const left = departures()
      const { app } = await cached(streaming(), { route: { pace }, front: left.middleware })
      await ask(app, path)
      await left.reached(1)
      holdTimeouts()
      const client = new Wire(app)
      await client.heard(1)
      client.leave()
      await left.reached(2)
      expect(jest.getTimerCount()).toBe(1)
      jest.advanceTimersByTime(pace)
      expect(jest.getTimerCount()).toBe(0)
      expect((await ask(app, path, { method: 'HEAD' })).headers['x-cache']).toBe('HIT')
    })

    it('reaches its client event by event behind compression', async () => {
      const { app } = await cached(streaming(), { route: { pace }, front: compression() })
      await ask(app, path)
      holdTimeouts()
      const sent = open(app, path, { headers: { 'Accept-Encoding': 'gzip' } })
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      expect([response.headers['content-encoding'], response.headers['x-cache']]).toEqual(['gzip', 'HIT'])
      const unpacked = response.pipe(createGunzip())
      let text = ''
      unpacked.on('data', (data: Buffer) => (text += data.toString('latin1')))
      for (let count = 1; count <= chunks.length; count++) {
        const expected = Buffer.concat(chunks.slice(0, count)).toString('latin1')
        while (text.length < expected.length) await once(unpacked, 'data')
        expect(text === expected).toBe(true)
        jest.advanceTimersByTime(pace)
      }
      await once(unpacked, 'end')
    })
  })

  describe('is kept only when it is whole:', () => {
    const beginning = 'data: {"delta":"Wake up"}\n\n'
    const stop = 'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    const wholes: [string, string[]][] = [
      ['with the end marker of OpenAI', [beginning, 'data: [DONE]\n\n']],
      ['with that marker without a space', [beginning, 'data:[DONE]\n\n']],
      ['with that marker in pieces', [beginning, '\nda', 'ta: [DO', 'NE]', '\n\n']],
      ['with that marker without a last line end', [beginning, 'data: [DONE]']],
      ['with that marker and CRLF', ['data: {}\r\n\r\n', 'data: [DONE]\r\n\r\n']],
      ['with that marker and CRLF in pieces', ['data: {}\r', '\n\r\ndata: [DONE]\r', '\n\r\n']],
      ['with the last event of Anthropic', [beginning, stop]],
      ['with that event in pieces', [beginning, ...stop.match(/.{1,5}/gs)!]],
      ['with that event and CRLF', [beginning.replaceAll('\n', '\r\n'), stop.replaceAll('\n', '\r\n')]],
    ]
    it.each(wholes)('%s it is', async (_name, parts) => {
      const { app, reasons } = await cached(streaming(parts))
      const made = await ask(app, path)
      const again = await ask(app, path)
      expect([xCache(made), xCache(again), reasons]).toEqual(['MISS', 'HIT', []])
      expect([made.body.toString(), again.body.toString()]).toEqual([parts.join(''), parts.join('')])
    })

    const parts: [string, string[]][] = [
      ['without a marker', [beginning]],
      ['with a marker inside a text', [beginning, 'data: {"delta":"data: [DONE]"}\n\n']],
      ['with a piece of the marker', [beginning, 'data: [DO']],
      ['with an event of a longer name', [beginning, 'event: message_stop_reason\ndata: {}\n\n']],
      ['with a comment that says so', [beginning, ': data: [DONE]\n\n']],
    ]
    it.each(parts)('%s it is not, with the reason incomplete', async (_name, sent) => {
      const handler = streaming(sent)
      const { app, reasons, cache } = await cached(handler)
      const made = await ask(app, path)
      expect([made.body.toString(), xCache(made)]).toEqual([sent.join(''), 'MISS'])
      expect(xCache(await ask(app, path))).toBe('MISS')
      expect([reasons, handler.calls, cache.stats().entries]).toEqual([['incomplete', 'incomplete'], 2, 0])
    })

    it('says why to the client where the answer came in one piece', async () => {
      const handler = counted((_req, res) => void res.type('text/event-stream').end(beginning))
      const { app } = await cached(handler)
      expect((await ask(app, path)).headers['cache-status']).toContain('detail=incomplete')
    })

    const verdicts: [string, (body: Buffer) => boolean, string[], 'HIT' | 'MISS'][] = [
      ['says yes to', () => true, [beginning], 'HIT'],
      [
        'recognizes the end of',
        body => body.toString().endsWith('event: end\n\n'),
        [beginning, 'event: ', 'end\n\n'],
        'HIT',
      ],
      ['says no to', () => false, [beginning, 'data: [DONE]\n\n'], 'MISS'],
      ['does not recognize the end of', body => body.toString().endsWith('event: end\n\n'), [beginning], 'MISS'],
      [
        'throws at',
        () => {
          throw new Error('unreadable')
        },
        [beginning, 'data: [DONE]\n\n'],
        'MISS',
      ],
    ]
    it.each(verdicts)('where complete() %s it', async (_name, complete, sent, expected) => {
      const { app, reasons } = await cached(streaming(sent), { route: { complete } })
      expect((await ask(app, path)).body.toString()).toBe(sent.join(''))
      expect(xCache(await ask(app, path))).toBe(expected)
      expect(reasons).toEqual(expected === 'HIT' ? [] : ['incomplete', 'incomplete'])
    })

    it('with cacheApi whatever was ended is', async () => {
      const { app } = await cached(streaming([beginning]), { profile: 'cacheApi' })
      await ask(app, path)
      expect(xCache(await ask(app, path))).toBe('HIT')
    })
  })

  describe('is never mixed with the answer in one piece', () => {
    const question = { messages: [{ role: 'user', content: 'Who is Neo?' }] }
    const json = { text: 'The One.' }
    const either = (isStream: (req: Parameters<RequestHandler>[0]) => boolean) =>
      counted((req, res) => {
        if (!isStream(req)) return void res.json(json)
        res.type('text/event-stream')
        for (const chunk of chunks) res.write(chunk)
        res.end()
      })
    const isJson = ({ headers, body }: Answer) =>
      /json/.test(headers['content-type']!) && body.toString() === JSON.stringify(json)
    const isStream = ({ headers, body }: Answer) => /event-stream/.test(headers['content-type']!) && body.equals(whole)

    it('where the body asks for one of them', async () => {
      const handler = either(({ body }) => (body as { stream?: boolean }).stream ?? false)
      const { app } = await cached(handler)
      for (const expected of ['MISS', 'HIT']) {
        const streamed = await postJson(app, path, { ...question, stream: true })
        const single = await postJson(app, path, { ...question, stream: false })
        const silent = await postJson(app, path, question)
        expect([streamed, single, silent].map(xCache)).toEqual([expected, expected, expected])
        expect([isStream(streamed), isJson(single), isJson(silent)]).toEqual([true, true, true])
      }
    })

    it('while one of them is being made', async () => {
      const go = gate()
      const handler = counted(async (req, res) => {
        if (!(req.body as { stream: boolean }).stream) return void res.json(json)
        res.type('text/event-stream').write(chunks[0]!)
        await go.opened
        for (const chunk of chunks.slice(1)) res.write(chunk)
        res.end()
      })
      const { app } = await cached(handler)
      const body = JSON.stringify({ ...question, stream: true })
      const headers = { 'Content-Type': 'application/json' }
      const first = await listen(open(app, path, { method: 'POST', headers, body }))
      await first.heard(chunks[0]!.length)
      expect(isJson(await postJson(app, path, { ...question, stream: false }))).toBe(true)
      go.open()
      expect((await first.over).body).toEqual(whole)
      expect(handler.calls).toBe(2)
    })

    const wanting = (type: string) => ({ headers: { Accept: type } })
    const both = ['text/event-stream', 'application/json'] as const

    it('where Accept asks for one of them: neither is stored', async () => {
      const handler = either(req => req.get('accept') === both[0])
      const { app, reasons } = await cached(handler)
      const [streamed, single] = [await ask(app, path, wanting(both[0])), await ask(app, path, wanting(both[1]))]
      expect([isStream(streamed), isJson(single)]).toEqual([true, true])
      expect([handler.calls, reasons]).toEqual([2, ['unkeyed-header', 'unkeyed-header']])
    })

    it.each([
      ['the route names it in vary', { vary: ['accept'] }, undefined],
      ['the handler names it in Vary', {}, 'Accept'],
    ])('where Accept asks for one of them and %s: both are stored', async (_how, route, vary) => {
      const answering = either(req => req.get('accept') === both[0])
      const handler: RequestHandler = (req, res, next) => {
        if (vary !== undefined) res.vary(vary)
        answering(req, res, next)
      }
      const { app } = await cached(handler, { route })
      for (const expected of ['MISS', 'HIT']) {
        const [streamed, single] = [await ask(app, path, wanting(both[0])), await ask(app, path, wanting(both[1]))]
        expect([streamed, single].map(xCache)).toEqual([expected, expected])
        expect([isStream(streamed), isJson(single)]).toEqual([true, true])
      }
    })
  })
})
