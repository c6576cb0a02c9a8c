/** Nobody waits for the client of another: one that leaves, or that reads nothing. */
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { RequestHandler } from 'express'
import { testCache } from '../support/cache.js'
import { ask, type Question } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { arrivals } from '../support/gate.js'
import { serve, type Served } from '../support/server.js'

const speech = Buffer.concat([Buffer.from('ID3'), Buffer.alloc(300_000, 1)])
const file = join(mkdtempSync(join(tmpdir(), 'reelcache-leaders-')), 'speech.mp3')
writeFileSync(file, speech)

/** More than sockets buffer by themselves. */
const film = Buffer.alloc(7_500_000, 'film ')
const pieces = Array.from({ length: 100 }, (_, n) => film.subarray(n * 75_000, (n + 1) * 75_000))
const modified = 'Tue, 01 Sep 2026 12:00:00 GMT'

const strangers = new Set<Socket>()
afterEach(() => {
  for (const socket of strangers) socket.destroy()
  strangers.clear()
})

function stranger(served: Served, method: string, path: string): Socket {
  const socket = connect(served.port, '127.0.0.1')
  strangers.add(socket)
  socket.on('error', () => undefined)
  const body = method === 'POST' ? '{"say":"hello"}' : ''
  const fields = `Host: 127.0.0.1:${served.port}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
  socket.write(`${method} ${path} HTTP/1.1\r\n${method === 'POST' ? fields : fields.split('\r\n')[0]}\r\n\r\n${body}`)
  return socket
}

const json = { 'Content-Type': 'application/json' }
const questions: Record<string, Question> = {
  GET: {},
  POST: { method: 'POST', headers: json, body: '{"say":"hello"}' },
}

/** What those ask for who cannot be sent an answer while it is made. */
const conditions: [field: string, value: string, status: number, bytes: number][] = [
  ['Range', 'bytes=5-9', 206, 5],
  ['Range', 'bytes=-5', 206, 5],
  ['If-None-Match', '"v1"', 304, 0],
  ['If-None-Match', '"other"', 200, film.length],
  ['If-Modified-Since', modified, 304, 0],
]

describe.each(expresses)('on %s', (_version, express) => {
  describe.each(Object.entries(questions))('by %s', (method, question) => {
    it.each([
      ['at once', (socket: Socket) => socket.resetAndDestroy()],
      ['by closing', (socket: Socket) => socket.destroy()],
    ])('a stranger cannot hold speech up by leaving before res.sendFile reads its file, %s', async (_how, leave) => {
      const inside = arrivals()
      const runs = counted((_req, res) => {
        res.sendFile(file, { maxAge: 60_000 }, () => undefined)
        if (runs.calls === 1) setImmediate(() => leave(first))
      })
      const app = express()
      app.use(express.json())
      app.all('/tts/:movieId', testCache().cacheTts(), inside.middleware, runs)
      const served = await serve(app)
      const first = stranger(served, method, '/tts/603')
      await inside.reached(1)
      const { status, body } = await ask(served, '/tts/603', question)
      expect([status, body.equals(speech)]).toEqual([200, true])
      expect((await ask(served, '/tts/603', question)).headers['x-cache']).toBe('HIT')
    })
  })

  const makers: [how: string, handler: RequestHandler][] = [
    ['piped', (_req, res) => void Readable.from(pieces).pipe(res)],
    [
      'written as fast as the client takes it',
      async (_req, res) => {
        for (const piece of pieces) if (!res.write(piece)) await once(res, 'drain')
        res.end()
      },
    ],
  ]

  describe.each(makers)('of a film that is %s', (_how, handler) => {
    async function cinema() {
      const inside = arrivals()
      const runs = counted((req, res, _run, next) => {
        res.set({ ETag: '"v1"', 'Last-Modified': modified })
        return handler(req, res, next)
      })
      const app = express()
      app.get('/films/:movieId', testCache().cacheApi({ lockTimeout: 60_000 }), inside.middleware, runs)
      return { served: await serve(app), runs }
    }

    it.each(conditions)(
      'a stranger who reads nothing cannot hold up who asks with %s: %s',
      async (field, value, status, bytes) => {
        const { served, runs } = await cinema()
        await once(stranger(served, 'GET', '/films/603'), 'readable')
        const answer = await ask(served, '/films/603', { headers: { [field]: value } })
        expect([answer.status, answer.body.length, runs.calls]).toEqual([status, bytes, 1])
      },
    )

    it('nor many who wait, whatever each asks for', async () => {
      const { served, runs } = await cinema()
      await once(stranger(served, 'GET', '/films/603'), 'readable')
      const asked = conditions.map(([field, value]) => ask(served, '/films/603', { headers: { [field]: value } }))
      const answers = await Promise.all([...asked, ask(served, '/films/603')])
      expect(answers.map(({ status }) => status)).toEqual([206, 206, 304, 200, 304, 200])
      expect(runs.calls).toBe(1)
    })

    it('while a handler whose client reads is not hurried (control)', async () => {
      const { served, runs } = await cinema()
      const answers = await Promise.all([
        ask(served, '/films/603'),
        ask(served, '/films/603', { headers: { Range: 'bytes=5-9' } }),
      ])
      expect(answers.map(({ status }) => status)).toEqual([200, 206])
      expect(runs.calls).toBe(1)
    })
  })
})
