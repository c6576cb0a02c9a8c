import { setImmediate as turn } from 'node:timers/promises'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { testCache, type Cache, type RouteOptions } from './cache.js'
import { ask, type Answer, type Question } from './client.js'
import { fakeClock, type FakeClock } from './clock.js'
import type { Express } from './express.js'
import { serve, type Served } from './server.js'

/** What the tests of stale answers have in common: fresh for ten seconds, asked for again after twelve and a half. */
export const TTL = 10_000
export const TOO_LATE = 12_500

/** A run that has not ended by then hangs. */
const LONGEST = 3000

export interface Timed {
  readonly cache: Cache
  readonly clock: FakeClock
}

export function timedCache(): Timed {
  const clock = fakeClock()
  return { cache: testCache({ clock }), clock }
}

export interface Runs {
  /** Stands in front of everything and sees each request, those of the cache itself too. */
  readonly middleware: RequestHandler
  /** Waits until no run is under way, for a client or in the background. */
  readonly over: () => Promise<void>
}

export function runsOf(cache: Cache): Runs {
  let open = 0
  return {
    middleware: (_req, res, next) => {
      open++
      res.once('close', () => open--)
      next()
    },
    async over() {
      const deadline = performance.now() + LONGEST
      // What follows the end of a run happens before the loop turns.
      do {
        await turn()
        if (performance.now() > deadline) throw new Error(`${open} runs do not end`)
      } while (open > 0 || cache.stats().flights.running > 0)
    },
  }
}

export interface StaleApp extends Timed {
  readonly app: Served
  readonly over: Runs['over']
  readonly get: (headers?: Question['headers'], path?: string) => Promise<Answer>
}

/** One route under a cache whose clock the test moves. */
export async function staleApp(
  express: Express,
  handler: RequestHandler,
  options: RouteOptions,
  { front = [], errors = [] }: { front?: RequestHandler[]; errors?: ErrorRequestHandler[] } = {},
): Promise<StaleApp> {
  const { cache, clock } = timedCache()
  const runs = runsOf(cache)
  const app = express()
  app.use(runs.middleware)
  for (const middleware of front) app.use(middleware)
  app.all('/movies/:movieId', cache.cacheApi({ ttl: TTL, ...options }), handler)
  for (const page of errors) app.use(page)
  const served = await serve(app)
  const get: StaleApp['get'] = (headers = {}, path = '/movies/603') => ask(served, path, { headers })
  return { app: served, cache, clock, over: runs.over, get }
}

/** What came, and from where. */
export const outcome = (answer: Answer): [status: number, xCache: unknown, body: string] => [
  answer.status,
  answer.headers['x-cache'],
  answer.body.toString(),
]
