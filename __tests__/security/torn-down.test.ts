import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Request, Response } from 'express'
import { testCache } from '../support/cache.js'
import { ask, type Question } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { serve } from '../support/server.js'

type TearDown = (req: Request, res: Response) => unknown
const tearDowns: [string, TearDown][] = [
  ['res.destroy()', (_req, res) => res.destroy()],
  ['res.destroy(error)', (_req, res) => res.on('error', () => undefined).destroy(new Error('the projector burns'))],
  ['req.destroy()', req => req.destroy()],
  ['req.socket.destroy()', req => req.socket.destroy()],
  ['req.socket.destroySoon()', req => req.socket.destroySoon()],
  ['req.socket.resetAndDestroy()', req => req.socket.resetAndDestroy()],
  ['req.socket.end()', req => req.socket.end()],
  ['res.socket.destroy()', (_req, res) => res.socket?.destroy()],
]
const factories = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const
const conditions: [string, Question['headers']][] = [
  ['the whole', {}],
  ['a part', { Range: 'bytes=0-3' }],
  ['news', { 'If-None-Match': '"popcorn"' }],
]

describe.each(expresses)('a stranger cannot get what a handler has broken off: on %s,', (_version, express) => {
  async function served(factory: (typeof factories)[number], tearDown: TearDown) {
    const handler = counted((req, res, run) => {
      res.type('audio/mpeg').write('ID3, the beginning')
      setImmediate(() => {
        try {
          if (run === 1) tearDown(req, res)
        } finally {
          res.end(', the end')
        }
      })
    })
    const app = await serve(express().get('/speech', testCache()[factory](), handler))
    return { handler, app, visit: (headers: Question['headers'] = {}) => ask(app, '/speech', { headers }) }
  }

  describe.each(factories)('behind %s,', factory => {
    describe.each(tearDowns)('by %s,', (_how, tearDown) => {
      it.each(conditions)(
        'it is not kept for others when it is ended all the same: asked for %s',
        async (_what, headers) => {
          const { visit, handler } = await served(factory, tearDown)
          await expect(visit(headers)).rejects.toThrow()
          const answers = [await visit(), await visit()].map(({ body }) => body.toString())
          expect([answers, handler.calls]).toEqual([Array(2).fill('ID3, the beginning, the end'), 2])
        },
      )
    })

    it.each(conditions)('it is kept where nothing was: asked for %s', async (_what, headers) => {
      const { visit, handler } = await served(factory, () => undefined)
      await visit(headers)
      const { body } = await visit()
      expect([body.toString(), handler.calls]).toEqual(['ID3, the beginning, the end', 1])
    })

    it('it is kept of a client that has closed its own side only', async () => {
      const { app, visit, handler } = await served(factory, () => undefined)
      const socket = connect({ port: app.port, host: '127.0.0.1', allowHalfOpen: true })
      socket.end('GET /speech HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
      expect(await text(socket)).toContain(', the end')
      expect([(await visit()).body.toString(), handler.calls]).toEqual(['ID3, the beginning, the end', 1])
    })
  })
})
