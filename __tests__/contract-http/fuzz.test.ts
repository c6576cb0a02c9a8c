import { deepStrictEqual } from 'node:assert'
import type { RequestHandler } from 'express'
import { testCache } from '../support/cache.js'
import { ask, type Answer } from '../support/client.js'
import { comparable, echo, parsers, seenIn, withoutTracking, type Seen } from '../support/echo.js'
import { errorPage, expresses, type Express } from '../support/express.js'
import { seeded } from '../support/random.js'
import { serve, type Served } from '../support/server.js'
import { wildRequest, type Wild } from '../support/wild.js'

const SEED = Number(process.env['REELCACHE_FUZZ_SEED'] ?? 603)
const REQUESTS = Number(process.env['REELCACHE_FUZZ_REQUESTS'] ?? 5000)

/** What the key has to tell apart, in a spelling that equal requests share; entries, because objects lose `__proto__`. */
function identity(value: unknown): unknown {
  if (Array.isArray(value)) return ['array', ...value.map(identity)]
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, inner]) => [name, identity(inner)] as const)
  return ['object', ...entries.sort(([a], [b]) => (a < b ? -1 : 1))]
}

function identityOf(seen: Seen): string {
  // HEAD is answered from GET. The port is no part of the key: a handler that looks at it answers for each value of Host.
  const [method, host] = [seen.method === 'HEAD' ? 'GET' : seen.method, seen.host?.replace(/:\d*$/, '')]
  return JSON.stringify(identity(comparable({ ...seen, method, host })))
}

class Apps {
  readonly collisions: string[] = []
  private readonly identities = new Map<string, string>()
  private readonly expected = new Map<string, Promise<Answer>>()

  private constructor(
    readonly cached: Served,
    readonly plain: Served,
  ) {}

  static async of(express: Express): Promise<Apps> {
    const cache = testCache({ api: { maxSize: 1000 }, enhanced: { maxSize: 1000 } })
    const [movies, others] = [cache.cacheApi(), cache.cacheEnhanced()]
    const watch =
      (route: typeof movies): RequestHandler =>
      (req, _res, next) => {
        apps.remember(route.key(req), identityOf(seenIn(req)))
        next()
      }
    const app = express().use(parsers(express))
    app.all('/movies/:movieId', watch(movies), movies, echo)
    app.use(watch(others), others, echo, errorPage)
    const plain = express().use(parsers(express))
    plain.all('/movies/:movieId', echo)
    plain.use(echo, errorPage)
    const apps = new Apps(await serve(app), await serve(plain))
    return apps
  }

  private remember(key: string | undefined, seen: string): void {
    if (key === undefined) return
    const before = this.identities.get(key)
    if (before !== undefined && before !== seen) this.collisions.push(`${key}\n  ${before}\n  ${seen}`)
    this.identities.set(key, seen)
  }

  /** The answer without a cache, which needs no second asking. */
  expectedFor({ headers, ...wild }: Wild): Promise<Answer> {
    const { 'Content-Type': type, Host: host } = headers
    // Both apps have to see the same host, whatever their ports.
    const kept = { Host: host ?? 'movies.example', ...(type === undefined ? {} : { 'Content-Type': type }) }
    const memo = JSON.stringify([kept, wild.method, wild.path, wild.query, wild.body?.toString('latin1')])
    if (!this.expected.has(memo))
      this.expected.set(memo, send(this.plain, { ...wild, query: withoutTracking(wild.query), headers: kept }))
    return this.expected.get(memo)!
  }
}

function send(app: Served, { method, path, query, headers, body }: Wild): Promise<Answer> {
  const url = query.length === 0 ? path : `${path}?${query.join('&')}`
  return ask(app, url, { method, headers: { Host: 'movies.example', ...headers }, ...(body && { body }) })
}

/** Throws where an answer is not the one its request has to get. */
function compare(wild: Wild, got: Answer, expected: Answer): void {
  if (got.status === 304 && 'If-None-Match' in wild.headers) return deepStrictEqual(got.body.length, 0)
  if (got.status === 206 && 'Range' in wild.headers) return comparePart(got)
  if (got.status === 416 && 'Range' in wild.headers) return
  deepStrictEqual(got.status, expected.status)
  deepStrictEqual(got.headers['content-type'], expected.headers['content-type'])
  if (wild.method === 'HEAD') return deepStrictEqual(got.body.length, 0)
  if (got.status !== 200) return deepStrictEqual(got.body.toString(), expected.body.toString())
  const [seen, wanted] = [got, expected].map(({ body }) => comparable(JSON.parse(body.toString()) as Seen))
  deepStrictEqual(seen, wanted)
}

function comparePart({ headers, body }: Answer): void {
  const [, first, last] = /^bytes (\d+)-(\d+)\/\d+$/.exec(headers['content-range'] ?? '') ?? []
  deepStrictEqual(body.length, Number(last) - Number(first) + 1)
}

describe.each(expresses)('on %s', (_version, express) => {
  test(`each of ${REQUESTS} wild requests gets its own answer and shares its key with no other`, async () => {
    const random = seeded(SEED)
    const apps = await Apps.of(express)
    const former: Wild[] = []
    const faults: string[] = []
    const states = new Map<string, number>()
    const one = async (): Promise<void> => {
      const wild = wildRequest(random, former.slice(-150))
      former.push(wild)
      const [got, expected] = await Promise.all([send(apps.cached, wild), apps.expectedFor(wild)])
      const state = String(got.headers['x-cache'])
      states.set(state, (states.get(state) ?? 0) + 1)
      try {
        compare(wild, got, expected)
      } catch (error) {
        const request = JSON.stringify({ ...wild, body: wild.body?.toString('latin1') })
        faults.push(`${state} for ${request}: ${String(error)}`)
      }
    }
    let left = REQUESTS
    const worker = async (): Promise<void> => {
      while (left-- > 0) await one()
    }
    await Promise.all(Array.from({ length: 16 }, worker))

    expect({ seed: SEED, faults, collisions: apps.collisions }).toEqual({ seed: SEED, faults: [], collisions: [] })
    // The run says nothing unless each way through the cache was taken often.
    for (const state of ['HIT', 'MISS', 'BYPASS']) expect(states.get(state) ?? 0).toBeGreaterThan(REQUESTS / 50)
  }, 60_000)
})
