import type { Request, Response } from 'express'
import { cacheStatus, testCache, type RouteOptions } from '../support/cache.js'
import { ask, type Question } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { serve } from '../support/server.js'

type Finish = (res: Response, text: string) => void
const finishes: [string, Finish][] = [
  ['with the last bytes', (res, text) => res.end(text)],
  [
    'after them',
    (res, text) => {
      res.write(text)
      res.end()
    },
  ],
]
const factories = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const
/** What is answered by a part, or by nothing: the beginning is held back until the end is known. */
const conditions: [string, Question['headers']][] = [
  ['asks for a part', { Range: 'bytes=0-3' }],
  ['asks whether it has changed', { 'If-None-Match': '"popcorn"' }],
  ['asks whether it is newer', { 'If-Modified-Since': new Date(0).toUTCString() }],
]

describe.each(expresses)('what a handler reads after it has written, on %s,', (_version, express) => {
  async function served(
    factory: (typeof factories)[number],
    read: (req: Request) => string | undefined,
    { finish = (res, text) => res.end(text), ...options }: RouteOptions & { finish?: Finish } = {},
  ) {
    const handler = counted(async (req, res) => {
      res.type('audio/mpeg').write('ID3, the beginning ')
      await new Promise(resolve => setImmediate(resolve))
      finish(res, `${read(req)}, the end`)
    })
    const app = await serve(express().get('/speech', testCache()[factory](options), handler))
    return { handler, visit: (headers: Question['headers']) => ask(app, '/speech', { headers: headers! }) }
  }

  describe.each(factories)('behind %s', factory => {
    describe.each(finishes)('and ends it %s,', (_how, finish) => {
      it.each(conditions)('refuses the answer, and a client that %s gets all of it', async (_what, condition) => {
        const { visit } = await served(factory, req => req.get('x-user'), { finish })
        const answer = await visit({ 'X-User': 'trinity', ...condition })
        expect([answer.status, answer.body.toString()]).toEqual([200, 'ID3, the beginning trinity, the end'])
        expect(cacheStatus(answer)).toMatchObject({ fwd: 'miss', detail: 'unkeyed-header' })
      })

      it.each(conditions)('gives a client that %s all of what grows too large', async (_what, condition) => {
        const { visit } = await served(factory, () => 'Neo', { finish, maxEntryBytes: 24 })
        const answer = await visit(condition)
        expect([answer.status, answer.body.toString()]).toEqual([200, 'ID3, the beginning Neo, the end'])
        expect(cacheStatus(answer)).toMatchObject({ fwd: 'miss', detail: 'too-large' })
      })
    })

    it.each(['origin', 'host'])('keeps the whole answer, for those who say the same in %s', async name => {
      const { visit, handler } = await served(factory, req => req.get(name))
      const [one, other] = ['http://zion', 'http://matrix'].map(value => value.slice(name === 'host' ? 7 : 0))
      const whole = (value?: string): string => `ID3, the beginning ${value}, the end`
      const texts = []
      for (const value of [one, one, other, other, one]) {
        texts.push((await visit({ [name]: value! })).body.toString())
      }
      expect(texts).toEqual([one, one, other, other, one].map(whole))
      expect(handler.calls).toBe(2)
    })
  })
})
