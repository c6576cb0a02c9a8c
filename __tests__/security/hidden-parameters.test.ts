/* eslint-disable @typescript-eslint/no-unsafe-return -- these read what no type knows */
import fc from 'fast-check'
import type { Request, RequestHandler } from 'express'
import { ask, type Answer } from '../support/client.js'
import { cacheStatus, testCache } from '../support/cache.js'
import { expresses } from '../support/express.js'
import { serve, type Served } from '../support/server.js'
import type { Loose } from '../support/loose.js'

const isHit = (answer: Answer): boolean => cacheStatus(answer)['hit'] === true

const front =
  (work: (req: Loose) => void): RequestHandler =>
  (req, _res, next) => {
    work(req)
    next()
  }

const fixed = (descriptor: (query: object, req: Request) => PropertyDescriptor): RequestHandler =>
  front(req => void Object.defineProperty(req, 'query', descriptor({ ...req.query }, req)))

/** What people put in front, and whether a link with a hidden parameter can be cached all the same when nobody reads what shows it. */
const fronts: readonly (readonly [string, RequestHandler, (req: Loose) => unknown])[] = [
  ['nothing', front(() => undefined), req => req.query],
  ['a getter', fixed(query => ({ get: () => query, configurable: true })), req => req.query],
  ['a getter that is fixed', fixed(query => ({ get: () => query })), req => req.query],
  [
    'a getter that parses',
    fixed((_query, req) => ({ get: () => Object.fromEntries(new URL(req.url, 'http://a').searchParams) })),
    req => req.query,
  ],
  ['a value that is read-only', fixed(query => ({ value: query, configurable: true })), req => req.query],
  ['a value that is fixed', fixed(query => ({ value: query })), req => req.query],
  [
    'a frozen value',
    fixed(query => ({ value: Object.freeze(query), writable: true, configurable: true })),
    req => req.query,
  ],
  ['a value that is fixed and may be written', fixed(query => ({ value: query, writable: true })), req => req.query],
  ['an alias', front(req => (req.q = req.query)), req => req.q],
  ['a copy', front(req => (req.copy = { ...req.query })), req => req.copy],
  ['a list of copies', front(req => (req.copies = [{ deep: { ...req.query } }])), req => req.copies],
  ['the full URL', front(req => (req.fullUrl = `http://a${req.originalUrl}`)), req => req.fullUrl],
  ['a URL', front(req => (req.parsed = new URL(req.originalUrl, 'http://a'))), req => String(req.parsed)],
  [
    'search parameters',
    front(req => (req.search = new URL(req.originalUrl, 'http://a').searchParams)),
    req => String(req.search),
  ],
  ['a Map', front(req => (req.map = new Map(Object.entries(req.query)))), req => [...req.map]],
  [
    '_parsedUrl',
    front(() => undefined),
    req => [
      req._parsedUrl?.query,
      req._parsedUrl?.search,
      req._parsedUrl?.href,
      req._parsedUrl?._raw,
      req._parsedUrl?.path,
    ],
  ],
  ['_parsedOriginalUrl', front(req => (req._parsedOriginalUrl = { ...req._parsedUrl })), req => req._parsedOriginalUrl],
]

describe.each(expresses)('%s', (label, express) => {
  const serveWith = (before: RequestHandler, read: (req: Loose) => unknown): Promise<Served> => {
    const app = express()
    app.use(before)
    app.get('/', testCache().cacheApi(), (req, res) => res.json({ said: read(req) ?? null }))
    return serve(app)
  }

  describe('a stranger cannot poison a plain URL by a parameter that is in no key', () => {
    it.each(fronts)('with %s in front', async (_name, before, read) => {
      const served = await serveWith(before, read)
      for (const path of ['/?utm_source=EVIL', '/?utm_source=EVIL&a=1', '/?a=1&utm%5Fsource=EVIL&fbclid=EVIL']) {
        expect((await ask(served, path)).status).toBe(200)
      }
      for (const path of ['/', '/?a=1']) {
        const plain = await ask(served, path)
        expect(plain.status).toBe(200)
        expect(plain.body.toString()).not.toContain('EVIL')
      }
    })

    it.each(fronts)('and with %s it is an ordinary answer where nobody reads it', async (name, before) => {
      const served = await serveWith(before, () => 1)
      await ask(served, '/?utm_source=x&a=1')
      // What cannot be put out of sight may be seen by whoever is not watched.
      const isFixed = label === 'Express 5' && (name === 'a getter that is fixed' || name === 'a value that is fixed')
      expect(isHit(await ask(served, '/?a=1'))).toBe(!isFixed)
    })

    it('and the visible ones stay', async () => {
      const served = await serveWith(
        front(() => undefined),
        req => [req.query, req.originalUrl, req.url, req._parsedUrl?.query],
      )
      const answer = await ask(served, '/?a=1&utm_source=x&b=2')
      expect(JSON.parse(answer.body.toString())).toEqual({
        said: [{ a: '1', b: '2' }, '/?a=1&b=2', '/?a=1&b=2', 'a=1&b=2'],
      })
    })

    it('and middleware in front finds its request as it was', async () => {
      let after: unknown
      const log: RequestHandler = (req, res, next) => {
        res.once('finish', () => (after = [req.originalUrl, { ...req.query }['utm_source']]))
        next()
      }
      const served = await serveWith(log, () => 1)
      await ask(served, '/?utm_source=x')
      expect((after as string[])[0]).toBe('/?utm_source=x')
    })
  })

  it('no text of a hidden parameter is reachable from a request', async () => {
    let found: string[] = []
    const app = express()
    app.use(front(req => Object.assign(req, { alias: req.query, full: `x${req.originalUrl}`, deep: undefined })))
    app.get('/', testCache().cacheApi(), (req, res) => {
      found = reachable(req).filter(text => text.includes('SECRET'))
      res.json(1)
    })
    const served = await serve(app)
    const name = fc.constantFrom('utm_source', 'utm_x', 'gclid', 'utm%5Fsource', 'utm_a[b]', 'utm_a[]', 'fbclid')
    const pair = fc.oneof(
      name.map(one => `${one}=SECRET`),
      name.map(one => `${one}=%53ECRET`),
      fc.constantFrom('a=1', 'b=', 'c[d]=2', '', 'e'),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { minLength: 1, maxLength: 5 }), fc.nat(), async (pairs, nonce) => {
        found = []
        expect((await ask(served, `/?n=${nonce}&${pairs.join('&')}`)).status).toBe(200)
        expect(found).toEqual([])
      }),
      { numRuns: 60 },
    )
  })
})

/** All texts in own properties of a request, without its connection and what belongs to Node and Express. */
function reachable(req: Request): string[] {
  const skipped = new Set<unknown>([req.socket, req.res, req.app, req.next, req.headers, req.rawHeaders])
  const texts: string[] = []
  const seen = new Set<unknown>()
  const walk = (value: unknown, depth: number): void => {
    if (typeof value === 'string') texts.push(value, decodeURIComponent(value))
    if (typeof value !== 'object' || value === null || seen.has(value) || skipped.has(value) || depth > 6) return
    seen.add(value)
    for (const name of Object.getOwnPropertyNames(value)) {
      texts.push(name)
      const own = Object.getOwnPropertyDescriptor(value, name)!
      walk('value' in own ? own.value : (value as Record<string, unknown>)[name], depth + 1)
    }
  }
  walk(req, 0)
  walk(req.query, 0)
  return texts
}
