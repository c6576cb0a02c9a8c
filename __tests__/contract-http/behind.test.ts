/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call -- these read what no type knows */
/** What stands behind the cache, and reads of a request what it needs for itself. */
import type { Request, RequestHandler } from 'express'
import rateLimit from 'express-rate-limit'
import { cacheStatus, testCache, type RouteOptions } from '../support/cache.js'
import { ask, type Answer } from '../support/client.js'
import { expresses } from '../support/express.js'
import type { Loose } from '../support/loose.js'
import { serve } from '../support/server.js'

const isHit = (answer: Answer): boolean => cacheStatus(answer)['hit'] === true
const proxied = { 'X-Forwarded-For': '192.0.2.1' }

beforeEach(() => void jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined))
afterEach(() => jest.restoreAllMocks())

describe.each(expresses)('%s', (_version, express) => {
  const answer: RequestHandler = (_req, res) => void res.json({ title: 'Amélie' })

  describe('a rate limit', () => {
    const limited = () => rateLimit({ windowMs: 60_000, limit: 3, validate: false })
    const ignoring: RouteOptions = { ignoreProperties: ['ip'], ignoreHeaders: ['x-forwarded-for', 'forwarded'] }

    it('in front counts hits too, and each answer carries its own count', async () => {
      const app = express()
      app.get('/', limited(), testCache().cacheApi(), answer)
      const served = await serve(app)
      const answers = [await ask(served, '/'), await ask(served, '/'), await ask(served, '/'), await ask(served, '/')]
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429])
      expect(isHit(answers[1]!)).toBe(true)
      expect(answers.slice(0, 3).map(({ headers }) => headers['x-ratelimit-remaining'])).toEqual(['2', '1', '0'])
    })

    it('behind the cache keeps answers out of it, and the reason says what to write', async () => {
      const app = express()
      app.get('/', testCache().cacheApi(), limited(), answer)
      const served = await serve(app)
      expect(cacheStatus(await ask(served, '/'))).toMatchObject({ detail: 'unkeyed-property', property: 'ip' })
      expect(isHit(await ask(served, '/'))).toBe(false)
    })

    it.each([
      ['directly', {}],
      ['through a proxy', proxied],
    ])('behind the cache counts misses alone with what it reads ignored, asked %s', async (_how, headers) => {
      const app = express()
      app.set('trust proxy', 1)
      app.get('/', testCache().cacheApi(ignoring), limited(), answer)
      const served = await serve(app)
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask(served, '/', { headers })))
      expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
      expect(isHit(await ask(served, '/', { headers }))).toBe(true)
    })
  })

  describe('code that takes any kind of headers', () => {
    /** As graphql-http, tRPC, Apollo and Feathers look whether they are given the `Headers` of fetch. */
    const looks: [what: string, look: (headers: Loose) => unknown][] = [
      ['a method get', headers => typeof headers.get === 'function'],
      ['a method forEach', headers => typeof headers.forEach],
      ['a method entries', headers => headers.entries === undefined],
      ['an own property', headers => headers.hasOwnProperty === Object.prototype.hasOwnProperty],
      ['JSON of its own', headers => headers.toJSON],
      ['another spelling', headers => headers['X-Theme']],
      ['a promise', async headers => (await Promise.resolve(headers)) !== undefined],
      ['its kind', headers => headers instanceof Headers || headers.constructor?.name === 'Headers'],
    ]

    it.each(looks)('may look for %s', async (_what, look) => {
      const app = express()
      app.get('/', testCache().cacheApi(), (req, res) => void res.json({ is: look(req.headers) !== undefined }))
      const served = await serve(app)
      await ask(served, '/')
      expect(isHit(await ask(served, '/'))).toBe(true)
    })

    it.each(['get', 'entries', 'then'])('keeps out what a client says in a field named %s', async name => {
      const app = express()
      app.get(
        '/',
        testCache().cacheApi(),
        (req: Request, res) => void res.json({ said: req.headers[name] ?? 'nothing' }),
      )
      const served = await serve(app)
      const own = await ask(served, '/', { headers: { [name]: 'x' } })
      expect(cacheStatus(own)).toMatchObject({ detail: 'unkeyed-header', header: name })
      const [one, two] = await Promise.all([ask(served, '/'), ask(served, '/')])
      expect([one, two].map(({ body }) => body.toString())).toEqual(Array(2).fill('{"said":"nothing"}'))
      expect(isHit(await ask(served, '/'))).toBe(true)
    })

    it('keeps out what depends on a field that it reads by name all the same', async () => {
      const app = express()
      app.get('/', testCache().cacheApi(), (req: Loose, res) => {
        const of = (name: string) => (typeof req.headers.get === 'function' ? req.headers.get(name) : req.headers[name])
        res.json({ theme: of('x-theme') ?? 'none' })
      })
      const served = await serve(app)
      expect(cacheStatus(await ask(served, '/'))).toMatchObject({ detail: 'unkeyed-header', header: 'x-theme' })
    })
  })
})
