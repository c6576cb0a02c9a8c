import session from 'express-session'
import { cacheStatus, testCache } from '../support/cache.js'
import { ask, type Answer } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { serve } from '../support/server.js'

declare module 'express-session' {
  interface SessionData {
    views: number
  }
}

const cases = expresses.flatMap(([version, express]) =>
  (['before', 'after'] as const).flatMap(order =>
    [true, false].map(saveUninitialized => [order, version, saveUninitialized, express] as const),
  ),
)

describe.each(cases)(
  'express-session %s the cache on %s with saveUninitialized %s',
  (order, _v, saveUninitialized, express) => {
    async function visited(handler: ReturnType<typeof counted>) {
      const sessions = session({ secret: 'popcorn', resave: false, saveUninitialized })
      const cacheApi = testCache().cacheApi()
      const chain = order === 'before' ? [sessions, cacheApi] : [cacheApi, sessions]
      return serve(express().get('/movie', ...chain, handler))
    }
    const sessionOf = (answer: Answer) => answer.headers['set-cookie']?.[0]?.split(';')[0]

    const idIn = ({ body }: Answer) => (JSON.parse(body.toString()) as { id: string }).id

    const counting = () =>
      counted((req, res) => {
        req.session.views = (req.session.views ?? 0) + 1
        res.json({ views: req.session.views, id: req.sessionID })
      })

    test('an answer written with the session is never shared', async () => {
      const handler = counting()
      const app = await visited(handler)
      const answers = []
      for (let i = 0; i < 3; i++) answers.push(await ask(app, '/movie'))
      expect(new Set(answers.map(idIn)).size).toBe(3)
      expect(new Set(answers.map(sessionOf)).size).toBe(3)
      for (const answer of answers) {
        expect(sessionOf(answer)).toMatch(/^connect\.sid=/)
        expect(answer.headers['set-cookie']).toHaveLength(1)
        expect(answer.headers['x-cache']).toBe('MISS')
        expect(['session', 'set-cookie', 'unkeyed-header']).toContain(
          String(cacheStatus(answer)['detail']).split(/[ ;:=]/)[0],
        )
      }
      expect(handler.calls).toBe(3)
    })

    test('concurrent visitors without a cookie get a session each', async () => {
      const handler = counting()
      const app = await visited(handler)
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask(app, '/movie')))
      expect(new Set(answers.map(sessionOf)).size).toBe(10)
      expect(new Set(answers.map(idIn)).size).toBe(10)
      expect(handler.calls).toBe(10)
    })

    test('a visitor who comes back with the cookie is counted by the handler', async () => {
      const handler = counting()
      const app = await visited(handler)
      const cookie = sessionOf(await ask(app, '/movie'))!
      for (const views of [2, 3]) {
        const again = await ask(app, '/movie', { headers: { Cookie: cookie } })
        expect(JSON.parse(again.body.toString()).views).toBe(views)
        expect(again.headers['x-cache']).toBe('BYPASS')
        expect(cacheStatus(again)).toMatchObject({ fwd: 'bypass', detail: 'cookie' })
      }
    })

    test('a session the handler does not touch gives each visitor the right body and no foreign cookie', async () => {
      const handler = counted((_req, res) => res.json({ id: 603 }))
      const app = await visited(handler)
      const answers = []
      for (let i = 0; i < 3; i++) answers.push(await ask(app, '/movie'))
      expect(answers.map(({ body }) => body.toString())).toEqual(Array(3).fill('{"id":603}'))
      const cookies = answers.map(sessionOf).filter(cookie => cookie !== undefined)
      expect(new Set(cookies).size).toBe(cookies.length)
      if (order === 'before') expect(cookies).toHaveLength(saveUninitialized ? 3 : 0)
    })
  },
)
