/** One handler run for many equal requests, whatever one of them carries. */
import type { Request, Response } from 'express'
import { testCache, type RouteOptions } from '../support/cache.js'
import { ask, postJson, type Question } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { arrivals, gate, type Gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { staleApp, TOO_LATE } from '../support/stale.js'

type Handler = (req: Request, res: Response) => unknown
type Headers = NonNullable<Question['headers']>

const ga = { Cookie: '_ga=x' }
const carried = (name: string) => (req: Request) => req.headers[name] !== undefined

/** A field that one client sends and the others do not, and a handler that looks at it. */
const ownFields: [what: string, headers: Headers, handler: Handler][] = [
  ['an analytics cookie that is read', ga, (req, res) => res.send(`hello ${req.headers.cookie === undefined}`)],
  ['a cookie read by name', ga, (req, res) => res.send(`hello ${req.get('cookie') === undefined}`)],
  ['a cookie after all fields', ga, (req, res) => res.send(`hello ${carried('cookie')(req)}`)],
  ['X-Forwarded-Host', { 'X-Forwarded-Host': 'evil' }, (req, res) => res.send(req.get('x-forwarded-host') ?? 'own')],
  ['X-Forwarded-Proto', { 'X-Forwarded-Proto': 'x' }, (req, res) => res.send(req.get('x-forwarded-proto') ?? 'own')],
  [
    'a cookie that makes the answer private',
    ga,
    (req, res) => res.set('Cache-Control', carried('cookie')(req) ? 'private' : 'max-age=60').send('hello'),
  ],
  ['a cookie that makes the handler fail', ga, (req, res) => res.status(carried('cookie')(req) ? 500 : 200).send('x')],
  [
    'a language that has no shared answer',
    { 'Accept-Language': 'xx' },
    (req, res) => {
      res.vary('Accept-Language')
      if (req.get('accept-language') === 'xx') res.set('Cache-Control', 'no-store')
      res.send('hello')
    },
  ],
  [
    'a foreign Origin',
    { Origin: 'https://evil.example' },
    (req, res) => res.status(req.get('origin') === undefined ? 200 : 403).send('hello'),
  ],
]

const factories = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const
const patient: RouteOptions = { lockTimeout: 60_000 }

describe.each(expresses)('on %s a stranger cannot undo collapsing', (_version, express) => {
  async function cached(handler: Handler, factory: (typeof factories)[number] = 'cacheApi', { opened }: Gate = gate()) {
    const inside = arrivals()
    const runs = counted(async (req, res) => {
      await opened
      handler(req, res)
    })
    const app = express()
    app.use(express.json(), inside.middleware)
    app.all('/movies/:movieId', testCache()[factory](patient), runs)
    return { app: await serve(app), inside, runs }
  }

  it.each(ownFields)('for those who wait behind %s', async (_what, headers, handler) => {
    const release = gate()
    const { app, inside, runs } = await cached(handler, 'cacheApi', release)
    const stranger = ask(app, '/movies/603', { headers })
    await inside.reached(1)
    const others = Array.from({ length: 20 }, () => ask(app, '/movies/603'))
    await inside.reached(21)
    release.open()
    await stranger
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual(Array(20).fill(200))
    expect(runs.calls).toBe(2)
  })

  it.each(ownFields)('for those who come within ten seconds after %s', async (_what, headers, handler) => {
    const release = gate()
    release.open()
    const { app, runs } = await cached(handler, 'cacheApi', release)
    await ask(app, '/movies/603', { headers })
    await Promise.all(Array.from({ length: 20 }, () => ask(app, '/movies/603')))
    expect(runs.calls).toBe(2)
  })

  it.each(factories)('of %s, nor by a POST', async factory => {
    const release = gate()
    const { app, inside, runs } = await cached((req, res) => res.send(String(req.headers.cookie)), factory, release)
    const stranger = postJson(app, '/movies/603', { ask: 1 }, ga)
    await inside.reached(1)
    const others = Array.from({ length: 20 }, () => postJson(app, '/movies/603', { ask: 1 }))
    await inside.reached(21)
    release.open()
    await Promise.all([stranger, ...others])
    expect(runs.calls).toBe(2)
  })

  it('with as many cookies as he likes: those who carry one run side by side, at once', async () => {
    const release = gate()
    const { app, inside, runs } = await cached((req, res) => res.send(String(req.headers.cookie)), 'cacheApi', release)
    const strangers = Array.from({ length: 10 }, (_, n) => ask(app, '/movies/603', { headers: { Cookie: `_ga=${n}` } }))
    await inside.reached(10)
    const others = Array.from({ length: 10 }, () => ask(app, '/movies/603'))
    await inside.reached(20)
    release.open()
    const answers = await Promise.all([...strangers, ...others])
    expect(answers.map(({ body }) => body.toString())).toEqual([
      ...Array.from({ length: 10 }, (_, n) => `_ga=${n}`),
      ...Array(10).fill('undefined'),
    ])
    expect(runs.calls).toBe(11)
  })

  it('with a new language in each request: after a few runs nobody waits any more', async () => {
    const opened = gate()
    const refused: Handler = (_req, res) => res.vary('Accept-Language').set('Cache-Control', 'private').send('x')
    const { app, inside, runs } = await cached(refused, 'cacheApi', opened)
    const asked = Array.from({ length: 30 }, (_, n) =>
      ask(app, '/movies/603', { headers: { 'Accept-Language': `x-${n}` } }),
    )
    await inside.reached(30)
    opened.open()
    await Promise.all(asked)
    expect(runs.calls).toBe(30)
  })

  it('but an answer that nobody may share holds nobody up', async () => {
    const release = gate()
    const refused: Handler = (_req, res) => res.set('Cache-Control', 'private').send('x')
    const { app, inside, runs } = await cached(refused, 'cacheApi', release)
    const asked = Array.from({ length: 5 }, () => ask(app, '/movies/603'))
    await inside.reached(5)
    expect(runs.calls).toBe(1)
    release.open()
    await Promise.all(asked)
    expect(runs.calls).toBe(5)
  })

  it('nor keep a stale answer from being refreshed', async () => {
    const runs = counted((req, res, run) => res.send(`run ${run} ${req.headers.cookie === undefined}`))
    const { get, clock, over } = await staleApp(express, runs, { staleWhileRevalidate: 600_000 })
    await get()
    clock.advance(TOO_LATE)
    for (let n = 0; n < 3; n++) {
      await get(ga)
      await over()
    }
    expect(runs.calls).toBe(2)
    await get()
    await over()
    expect([(await get()).headers['x-cache'], runs.calls]).toEqual(['HIT', 3])
  })
})
