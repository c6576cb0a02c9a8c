import type { Request, RequestHandler } from 'express'
import { testCache, type Cache, type CacheOptions, type RouteOptions } from '../../support/cache.js'
import { cacheStatus } from '../../support/cache.js'
import { ask } from '../../support/client.js'
import { fakeClock } from '../../support/clock.js'
import { counted, expresses, type CountedHandler, type Express } from '../../support/express.js'
import { serve } from '../../support/server.js'

/** What the router says, as far as it is looked into here. */
interface Explained {
  readonly route: { profile: string; pattern: string | null; params: object } | null
  readonly bypass: { reason: string } | null
  readonly key: string
  readonly says: string
  readonly last: object | null
}

interface Question {
  readonly method?: string
  readonly url: string
  readonly headers?: Record<string, string>
  readonly body?: unknown
}

interface Asked {
  readonly cache: Cache
  readonly handler: CountedHandler
  readonly clock: ReturnType<typeof fakeClock>
  /** What the router says of a request. */
  readonly explain: (question: Question) => Promise<{ status: number; json: Explained }>
  /** What becomes of it: `Cache-Status`. */
  readonly send: (question: Question) => Promise<Record<string, string | true>>
}

type Mount = (express: Express, cache: Cache, handler: RequestHandler) => RequestHandler

const plain: Mount = (express, cache, handler) => {
  const route: RouteOptions = { vary: ['accept-language'], query: { ignore: ['session'] } }
  const movies = express.Router({ mergeParams: true }).get('/similar', cache.cacheEnhanced(), handler)
  return express
    .Router()
    .get('/api/movies/:movieId', cache.cacheApi(route), handler)
    .post('/api/movies/:movieId/ai', cache.cacheAi({ body: { only: ['question'] } }), handler)
    .get('/mine/:movieId', cache.cacheApi({ key: (req: Request) => req.get('x-user') }), handler)
    .get('/secret', cache.cacheApi({ bypass: req => req.query['fresh'] === '1' }), handler)
    .get(
      '/broken',
      cache.cacheApi({
        key: () => {
          throw new Error('key')
        },
      }),
      handler,
    )
    .use('/nested/:movieId', movies)
    .use('/all', cache.cacheApi(), handler)
    .all('/any/:movieId', cache.cacheAi(), handler)
    .get('/open/:movieId', handler)
    .delete('/api/movies/:movieId', handler)
}

async function asked(
  express: Express,
  { mount = plain, ...options }: CacheOptions & { mount?: Mount } = {},
): Promise<Asked> {
  const clock = fakeClock()
  const cache = testCache({ clock, ...options })
  const handler = counted((req, res) => {
    if (req.url.includes('private')) res.set('Cache-Control', 'private')
    res.json({ movie: req.params['movieId'] })
  })
  const app = express()
    .use('/admin', cache.adminRouter({ authorize: () => true }))
    .use(express.json())
    .use(mount(express, cache, handler))
  const server = await serve(app)
  const json = { 'Content-Type': 'application/json' }
  return {
    ...{ cache, handler, clock },
    explain: async question => {
      const headers = { ...json, 'X-Requested-With': 'reelcache' }
      const answer = await ask(server, '/admin/explain', { method: 'POST', headers, body: JSON.stringify(question) })
      return { status: answer.status, json: JSON.parse(answer.body.toString()) as Explained }
    },
    send: async ({ method = 'GET', url, headers = {}, body }) =>
      cacheStatus(
        await ask(server, url, {
          method,
          headers: { ...(body !== undefined && json), ...headers },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        }),
      ),
  }
}

const QUESTIONS: Question[] = [
  { url: '/api/movies/603' },
  { url: '/api/movies/603?b=2&a=1&utm_source=x&session=9', headers: { 'Accept-Language': 'de' } },
  { url: '/api/movies/caf%C3%A9%20%2F', headers: { Host: 'Movies.example:80' } },
  { method: 'HEAD', url: '/api/movies/603' },
  { url: '/api/movies/603', headers: { Authorization: 'Bearer x' } },
  { url: '/api/movies/603', headers: { Cookie: 'sid=1; _ga=2' } },
  { url: '/api/movies/603', headers: { Cookie: '_ga=2' } },
  { method: 'POST', url: '/api/movies/603/ai', body: { question: 'Why?', at: 5 } },
  { url: '/mine/603', headers: { 'X-User': 'anna', Authorization: 'Bearer x' } },
  { url: '/mine/603', headers: { Authorization: 'Bearer x' } },
  { url: '/secret?fresh=1' },
  { url: '/secret?fresh=0' },
  { url: '/broken' },
  { url: '/nested/603/similar?page=2' },
  { url: '/all/603' },
  { url: '/all?movieId=603' },
  { method: 'POST', url: '/all/603', body: { like: true } },
  { method: 'POST', url: '/any/603', body: { question: 'Why?' } },
]

describe.each(expresses)('%s: what explain says', (_, express) => {
  it.each(QUESTIONS)('of %j is what becomes of it', async question => {
    const { explain, send, handler } = await asked(express)
    const { json: before } = await explain(question)
    expect(handler.calls).toBe(0)
    const outcome = await send(question)
    if (outcome['fwd'] === 'method') return expect(before.bypass?.reason).toBe('method')
    if (outcome['fwd'] === 'bypass') return expect(before.bypass?.reason).toBe(outcome['detail'])
    expect([before.bypass, before.key]).toEqual([null, outcome['key']])
    expect(before.says).toBe('The handler runs: nothing is stored. Nothing is remembered of an earlier answer.')
    if (question.method === 'HEAD') return
    expect((await explain(question)).json.says).toBe('It is a hit: the answer lies in memory.')
    expect(await send(question)).toHaveProperty('hit')
  })

  it('names the route and what it found in the path', async () => {
    const { explain } = await asked(express)
    const routeOf = async (url: string): Promise<object | null> => (await explain({ url })).json.route
    expect(await routeOf('/api/movies/603?x=1')).toEqual({
      ...{ profile: 'api', pattern: '/api/movies/:movieId', params: { movieId: '603' } },
    })
    expect(await routeOf('/nested/603/similar')).toMatchObject({ profile: 'enhanced', params: { movieId: '603' } })
    expect(await routeOf('/all/x')).toMatchObject({ profile: 'api', pattern: null })
  })

  it.each<[string, Question]>([
    ['a path without a route', { url: '/none' }],
    ['a route without a cache', { url: '/open/603' }],
    ['another method', { method: 'DELETE', url: '/api/movies/603' }],
    ['a path that cannot be decoded', { url: '/api/movies/%E0%A4' }],
  ])('of %s is that no route of the cache answers it, and no handler runs', async (_name, question) => {
    const { explain, handler } = await asked(express)
    const { status, json } = await explain(question)
    expect([status, json.route, handler.calls]).toEqual([200, null, 0])
  })

  it('of an answer that was not stored is why', async () => {
    const { explain, send } = await asked(express)
    const question = { url: '/api/movies/603?private=1' }
    await send(question)
    const { json } = await explain(question)
    expect(json.last).toMatchObject({ what: 'refused', reason: 'private' })
    expect(json.says).toMatch(/nothing is stored\. The last answer was not stored: Cache-Control: private\.$/)
  })

  it('of an answer that is too old, or was purged, is that', async () => {
    const { cache, clock, explain, send } = await asked(express)
    const question = { url: '/api/movies/603' }
    await send(question)
    clock.advance(300_000)
    expect((await explain(question)).json.says).toBe('The handler runs: what is stored is not fresh any more.')
    await cache.purge({ all: true })
    expect((await explain(question)).json.says).toMatch(/The last answer was stored, and has been thrown out since\.$/)
  })

  it('is said in an app that is mounted in another, from below its path', async () => {
    const mount: Mount = (it, cache, handler) => {
      const inner = it().get('/movies/:movieId', cache.cacheApi(), handler)
      inner.use('/own', cache.adminRouter({ authorize: () => true }))
      return it().use('/inner', inner)
    }
    const cache = testCache()
    const handler = counted((_req, res) => res.json(1))
    const server = await serve(express().use('/outer', mount(express, cache, handler)))
    const answer = await ask(server, '/outer/inner/own/explain', {
      ...{ method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Requested-With': 'reelcache' } },
      body: JSON.stringify({ url: '/outer/inner/movies/603' }),
    })
    const json = JSON.parse(answer.body.toString()) as Explained
    expect(json.key).toBe(cacheStatus(await ask(server, '/outer/inner/movies/603'))['key'])
  })

  it.each<unknown>([
    ...[{}, { url: 5 }, { url: 'api/movies/603' }, { url: '/x', method: 5 }, { url: '/x', headers: { a: 5 } }],
    ...[{ url: '/x', headers: null }, { url: '/x', other: 1 }, []],
  ])('of %j is what to write', async question => {
    const { explain } = await asked(express)
    expect(await explain(question as Question)).toMatchObject({ status: 400, json: { error: 'bad-request' } })
  })
})
