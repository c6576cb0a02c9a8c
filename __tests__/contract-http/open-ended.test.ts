/** Streams that are sent as things happen: each listener hears what happens while it listens. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Response } from 'express'
import { cacheStatus, testCache } from '../support/cache.js'
import { ask, open } from '../support/client.js'
import { counted, expresses, type CountedHandler } from '../support/express.js'
import { gate } from '../support/gate.js'
import { serve, type Served } from '../support/server.js'

const types = [
  'text/event-stream',
  'text/event-stream; charset=utf-8',
  'Text/Event-Stream',
  'multipart/x-mixed-replace; boundary=frame',
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/json-seq',
  'application/stream+json',
]

/** A client that listens, with the first chunk it has heard. */
async function listen(app: Served, path: string): Promise<{ first: string; response: IncomingMessage }> {
  const sent = open(app, path)
  sent.on('error', () => undefined)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.on('error', () => undefined)
  const [chunk] = (await once(response, 'data')) as [Buffer]
  return { first: chunk.toString(), response }
}

describe.each(expresses)('on %s', (_version, express) => {
  const endless = (type: string, said: Response[] = []): CountedHandler =>
    counted((_req, res, run) => {
      said.push(res)
      res.set('Content-Type', type).write(`listener ${run}\n`)
    })

  describe.each(types)('a stream of %s without an end', type => {
    it.each(['cacheApi', 'cacheEnhanced', 'cacheTts'] as const)('is not joined, under app.use(%s())', async factory => {
      const handler = endless(type)
      const app = await serve(express().use(testCache()[factory](), handler))
      const heard = [await listen(app, '/events'), await listen(app, '/events'), await listen(app, '/events')]
      expect(heard.map(({ first }) => first)).toEqual(['listener 1\n', 'listener 2\n', 'listener 3\n'])
      heard.forEach(({ response }) => response.destroy())
    })

    it('holds up nobody who waits for it', async () => {
      const hasCompany = gate()
      let arrived = 0
      const handler = counted(async (_req, res, run) => {
        if (run === 1) await hasCompany.opened
        res.set('Content-Type', type).write(`listener ${run}\n`)
      })
      const app = express().use((_req, _res, next) => {
        next()
        if (++arrived === 2) hasCompany.open()
      })
      const served = await serve(app.use(testCache().cacheApi({ lockTimeout: 60_000 }), handler))
      const heard = await Promise.all([listen(served, '/events'), listen(served, '/events')])
      expect(heard.map(({ first }) => first).sort()).toEqual(['listener 1\n', 'listener 2\n'])
      heard.forEach(({ response }) => response.destroy())
    })

    it('is stored once it has ended', async () => {
      const said: Response[] = []
      const app = await serve(express().use(testCache().cacheApi(), endless(type, said)))
      const { response } = await listen(app, '/events')
      const ended = once(response, 'end')
      said[0]!.end('the end\n')
      await ended
      const hit = await ask(app, '/events')
      expect(cacheStatus(hit)).toMatchObject({ hit: true })
      expect(hit.body.toString()).toBe('listener 1\nthe end\n')
    })
  })

  it.each([
    ['a model, with cacheAi', 'cacheAi', 'text/event-stream'],
    ['speech, with cacheTts', 'cacheTts', 'audio/mpeg'],
    ['plain text, with cacheApi', 'cacheApi', 'text/plain'],
  ] as const)('the stream of %s is joined while it is made', async (_what, factory, type) => {
    const handler = counted((_req, res, run) => res.set('Content-Type', type).write(`ID3 ${'.'.repeat(4096)} ${run}\n`))
    const app = await serve(express().get('/events', testCache()[factory](), handler))
    const heard = [await listen(app, '/events'), await listen(app, '/events')]
    expect(handler.calls).toBe(1)
    heard.forEach(({ response }) => response.destroy())
  })
})
