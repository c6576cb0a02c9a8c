import { randomUUID } from 'node:crypto'
import { inspect, promisify } from 'node:util'
import cookieSession from 'cookie-session'
import session from 'express-session'
import type { RequestHandler } from 'express'
import { cacheStatus, testCache, type RouteOptions } from '../support/cache.js'
import { ask, type Answer } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { serve } from '../support/server.js'

declare module 'express-session' {
  interface SessionData {
    csrf: string
    member: string
  }
}

const expressSession = (saveUninitialized: boolean): RequestHandler =>
  session({ secret: 'popcorn', resave: false, saveUninitialized })
const inCookies = cookieSession({ name: 'session', keys: ['popcorn'] })

/** As middleware in front does that protects forms: each new session gets a secret. */
const csrf: RequestHandler = (req, _res, next) => {
  req.session.csrf ??= randomUUID()
  next()
}

/** What is told of its end by a callback. */
const done = (begin: (then: (error: unknown) => void) => unknown) => promisify(begin)()

const secretOf = ({ body }: Answer) => body.toString()
const factories = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const

describe.each(expresses)('a session that is new on %s', (_version, express) => {
  async function visited(
    front: RequestHandler[],
    handler: RequestHandler,
    { factory = 'cacheApi', options = {} }: { factory?: (typeof factories)[number]; options?: RouteOptions } = {},
  ) {
    const counting = counted((req, res, _run, next) => handler(req, res, next))
    const app = express()
    app.engine('ts', (_path: string, locals: object, done: (error: null, text: string) => void) =>
      done(null, (locals as { session: { id: string } }).session.id),
    )
    app.set('views', __dirname).set('view engine', 'ts')
    app.get('/page', ...front, testCache()[factory](options), counting)
    const served = await serve(app)
    return { handler: counting, visit: () => ask(served, '/page') }
  }

  const inFront: [string, RequestHandler][] = [
    ['express-session that keeps new sessions', expressSession(true)],
    ['express-session that forgets new sessions', expressSession(false)],
  ]
  const reads: [string, RequestHandler][] = [
    ['req.sessionID', (req, res) => res.send(req.sessionID)],
    ['sessionID by destructuring', ({ sessionID }, res) => res.json({ sessionID })],
    ['session.id', (req, res) => res.json({ id: req.session.id })],
    ['a template', (req, res) => res.render('session-identity.test.ts', { session: req.session })],
    [
      'its id after a while',
      async (req, res) => {
        await new Promise(resolve => setImmediate(resolve))
        res.send(req.session.id)
      },
    ],
    [
      'its id in a stream',
      (req, res) => {
        res.write('your session: ')
        res.end(req.sessionID)
      },
    ],
    ['a copy of the request', (req, res) => res.json({ id: { ...req }.sessionID })],
    ['the inspected session', (req, res) => res.send(inspect(req.session, { showHidden: true }).replace(/\s/g, ''))],
  ]

  describe.each(inFront)('by %s', (_what, middleware) => {
    it.each(reads)('a stranger cannot get from another answer: %s', async (_how, read) => {
      const { visit, handler } = await visited([middleware], read)
      const answers = [await visit(), await visit(), await visit()]
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
      expect(new Set(answers.map(secretOf)).size).toBe(3)
      expect(handler.calls).toBe(3)
    })

    it('a stranger cannot get it while others wait', async () => {
      const { visit } = await visited([middleware], async (req, res) => {
        await new Promise(resolve => setImmediate(resolve))
        res.send(req.sessionID)
      })
      const answers = await Promise.all(Array.from({ length: 8 }, visit))
      expect(new Set(answers.map(secretOf)).size).toBe(8)
    })

    it.each(factories)('a stranger cannot get it behind %s', async factory => {
      const { visit } = await visited([middleware], (req, res) => res.json({ id: req.sessionID }), { factory })
      expect(new Set([await visit(), await visit()].map(secretOf)).size).toBe(2)
    })

    it('is refused by the reason session', async () => {
      const { visit } = await visited([middleware], (req, res) => res.send(req.sessionID))
      expect(cacheStatus(await visit())).toMatchObject({ fwd: 'miss', detail: 'session' })
    })

    it.each<[string, RequestHandler]>([
      ['does not touch it', (_req, res) => res.json({ id: 603 })],
      ['asks it for a member it has not', (req, res) => res.json({ member: req.session.member ?? null })],
      [
        'asks whether it has a member',
        (req, res) => res.json({ is: Object.hasOwn(req.session, 'member') || 'member' in req.session }),
      ],
    ])('does not keep the answer of a handler that %s from being stored', async (_what, read) => {
      const { visit } = await visited([middleware], read)
      const first = await visit()
      const second = await visit()
      expect(second.headers['x-cache']).toBe('HIT')
      expect(second.body).toEqual(first.body)
    })

    it('is in the key where key() names it', async () => {
      const { visit, handler } = await visited([middleware], (req, res) => res.send(req.sessionID), {
        options: { key: req => req.sessionID },
      })
      expect(new Set([await visit(), await visit()].map(secretOf)).size).toBe(2)
      expect(handler.calls).toBe(2)
    })
  })

  it.each([...inFront, ['cookie-session', inCookies] as const])(
    'a stranger cannot get the token that middleware put into it, by %s',
    async (_what, middleware) => {
      const { visit } = await visited([middleware, csrf], (req, res) => res.json({ token: req.session.csrf }))
      expect(new Set([await visit(), await visit()].map(secretOf)).size).toBe(2)
    },
  )

  it('a stranger cannot get all of it as JSON, by cookie-session', async () => {
    const { visit } = await visited([inCookies, csrf], (req, res) => res.json(req.session))
    expect(new Set([await visit(), await visit()].map(secretOf)).size).toBe(2)
  })

  it('that is asked whether it is new is the same for everybody, by cookie-session', async () => {
    const { visit } = await visited([inCookies], (req, res) =>
      res.json({ isNew: (req.session as unknown as { isNew: boolean }).isNew }),
    )
    await visit()
    expect((await visit()).headers['x-cache']).toBe('HIT')
  })

  it('a stranger cannot get an id of a session of an unknown class', async () => {
    class Secret {
      readonly #id = randomUUID()
      get id() {
        return this.#id
      }
    }
    const own: RequestHandler = (req, _res, next) => next(void Object.assign(req, { session: new Secret() }))
    const { visit } = await visited([own], (req, res) => res.send(req.session.id))
    const answers = [await visit(), await visit()]
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(new Set(answers.map(secretOf)).size).toBe(2)
  })

  it('works as without the cache: saved, made anew, destroyed', async () => {
    const { visit } = await visited([expressSession(false)], async (req, res) => {
      const first = req.sessionID
      req.session.member = 'alice'
      await done(then => req.session.save(then))
      await done(then => req.session.regenerate(then))
      const second = req.sessionID
      const member = req.session.member ?? null
      await done(then => req.session.destroy(then))
      res.json({ isOther: first !== second, member, isGone: (req as { session?: unknown }).session === undefined })
    })
    expect(JSON.parse((await visit()).body.toString())).toEqual({ isOther: true, member: null, isGone: true })
  })
})
