import type { RequestHandler, Response } from 'express'
import { testCache } from '../support/cache.js'
import { ask } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { until } from '../support/until.js'

const factories = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const
const speech = 'ID3 Wake up, Neo.'

/** A blank keeps a proxy from giving up. */
const beat = (res: Response): void => void res.write(' ')

describe.each(expresses)('behind a heartbeat, on %s,', (_version, express) => {
  describe.each(factories)('%s', factory => {
    async function started(front: RequestHandler) {
      const cache = testCache()
      const open = gate()
      const handler = counted(async (_req, res) => {
        await open.opened
        if (!res.headersSent) res.type('audio/mpeg')
        res.end(speech)
      })
      const app = express()
      app.get('/movies/603', front, cache[factory]({ lockTimeout: 20_000 }), handler)
      return { cache, open, handler, served: await serve(app) }
    }

    it('lets the handler answer each request whose head has left while it waited', async () => {
      const responses: Response[] = []
      const { cache, open, handler, served } = await started((_req, res, next) => {
        responses.push(res)
        next()
      })
      const answers = [1, 2, 3].map(() => ask(served, '/movies/603'))
      await until('two wait', () => cache.stats().flights.waiting === 2)
      responses.slice(1).forEach(beat)
      open.open()
      const texts = (await Promise.all(answers)).map(({ body }) => body.toString())
      expect(texts).toEqual([speech, ` ${speech}`, ` ${speech}`])
      expect(handler.calls).toBe(3)
    })

    it('lets the handler answer a request whose head left before it came, though there is an entry', async () => {
      let isBeating = false
      const { open, handler, served } = await started((_req, res, next) => {
        if (isBeating) beat(res)
        next()
      })
      open.open()
      for (const calls of [1, 1]) {
        expect((await ask(served, '/movies/603')).body.toString()).toBe(speech)
        expect(handler.calls).toBe(calls)
      }
      isBeating = true
      expect((await ask(served, '/movies/603')).body.toString()).toBe(` ${speech}`)
      expect(handler.calls).toBe(2)
    })
  })
})
