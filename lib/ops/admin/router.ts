import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import { PROFILES, type ProfileName } from '../../core/types.js'
import { ReelcacheError } from '../../errors.js'
import type { ResolvedAdmin } from '../../options.js'
import { Live } from '../dashboard/live.js'
import { page } from '../dashboard/page.js'
import { familiesOf } from '../families.js'
import { CONTENT_TYPE, exposition } from '../prometheus.js'
import { explain } from './explain.js'
import { changesOnlyByIntent, guard, neverStored, refuse } from './guard.js'
import type { Question } from './pretend.js'
import { partsOf } from './key-parts.js'
import { detailsOf, noteOf, summaryOf } from './show.js'
import type { AdminSource } from './source.js'

const PAGE_SIZE = 100

/** A mistake in a request. */
class BadRequest extends Error {}

/** Answers what it returns as JSON. */
type Answerer = (req: Request, res: Response) => unknown
type Methods = Partial<Record<'get' | 'post' | 'delete', Answerer>>

/**
 * An app to be mounted: what the cache holds and does, as JSON and as a page, for whoever `authorize` lets in. `GET /live` alone needs no guard: a load balancer gets
 * 200 or 503 from it and nothing else.
 */
export function adminRouter(source: AdminSource, options: ResolvedAdmin): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', 'simple')
  app.use(neverStored)
  app.get('/live', (_req, res) => {
    const isFailing = source.health().status === 'failing'
    res
      .status(isFailing ? 503 : 200)
      .type('text')
      .send(isFailing ? 'failing' : 'ok')
  })
  app.use(guard(options))
  app.use((req, res, next) => (['GET', 'HEAD'].includes(req.method) ? next() : changesOnlyByIntent(req, res, next)))
  app.use(express.json({ limit: '256kb' }))
  for (const [path, methods] of Object.entries(endpoints(source, app))) serve(app, path, methods)
  // Last, so that nothing else waits for its files.
  app.use(page())
  app.use((_req, res) => refuse(res, 404, 'not-found', 'There is no such page'))
  app.use(answerMistakes)
  return app
}

function endpoints(source: AdminSource, app: Express): Record<string, Methods> {
  const live = new Live(source)
  return {
    '/events': { get: (_req, res) => live.listen(res) },
    '/stats': { get: () => source.stats() },
    '/health': { get: () => source.health() },
    '/entries': {
      get: req => listEntries(source, req),
      delete: req => purge(source, { ...req.query }),
    },
    '/entry': {
      get: (req, res) => showEntry(source, req, res),
      delete: req => purge(source, { key: req.query['key'] }),
    },
    '/explain': { post: req => explain(source, appsAround(app), req, questionOf(req.body)) },
    '/purge': { post: req => purge(source, req.body) },
    '/verify': { post: async () => ({ verified: (await source.verify()) ?? null }) },
    '/metrics': { get: (_req, res) => void res.set('Content-Type', CONTENT_TYPE).send(exposition(familiesOf(source))) },
  }
}

/** Other methods than these are answered with 405: a GET never changes anything. */
function serve(app: Express, path: string, methods: Methods): void {
  const route = app.route(path)
  for (const method of ['get', 'post', 'delete'] as const) {
    const answerer = methods[method]
    if (answerer !== undefined) route[method](answering(answerer))
  }
  const allowed = Object.keys(methods).join(', ').toUpperCase()
  route.all((_req, res) => {
    res.set('Allow', allowed)
    refuse(res, 405, 'method', `Write ${allowed}`)
  })
}

/** Express 4 does not wait for promises. */
function answering(answerer: Answerer): RequestHandler {
  return (req, res, next) => {
    Promise.resolve()
      .then(() => answerer(req, res))
      .then(answer => {
        if (!res.headersSent) res.json(answer)
      })
      .catch(next)
  }
}

async function purge(source: AdminSource, target: unknown): Promise<object> {
  return { purged: await source.purge(target) }
}

async function listEntries(source: AdminSource, { query }: Request): Promise<object> {
  const { profile, movie, tier = 'memory', page = '1' } = query as Record<string, string>
  const known = Object.keys(query).every(name => ['profile', 'movie', 'tier', 'page'].includes(name))
  if (!known) throw new BadRequest('entries takes profile, movie, tier and page')
  if (profile !== undefined && !PROFILES.includes(profile as ProfileName)) {
    throw new BadRequest(`profile is one of ${PROFILES.join(', ')}`)
  }
  if (tier !== 'memory' && tier !== 'file') throw new BadRequest('tier is memory or file')
  if (!/^[1-9]\d{0,5}$/.test(page)) throw new BadRequest('page is a number from 1 on')
  const lookup = {
    tier,
    profile: profile as ProfileName | undefined,
    tag: movie === undefined ? undefined : source.tagOfMovie(movie),
  }
  const number = Number(page)
  const { entries, hasMore } = await source.list(lookup, { offset: (number - 1) * PAGE_SIZE, limit: PAGE_SIZE })
  const now = source.now()
  return { page: number, next: hasMore ? number + 1 : null, entries: entries.map(entry => summaryOf(entry, now)) }
}

async function showEntry(source: AdminSource, { query }: Request, res: Response): Promise<object> {
  const { key } = query
  if (typeof key !== 'string') throw new BadRequest('entry takes key=')
  const entries = await source.find(key)
  const now = source.now()
  if (entries.length === 0) res.status(404)
  return {
    ...{ key, parts: partsOf(key) },
    entries: entries.map(entry => detailsOf(entry, now)),
    last: noteOf(source.noteOf(key)),
  }
}

/** The app it is mounted in first, then that one's. */
function appsAround(app: Express): Express[] {
  const { parent } = app as unknown as { parent?: Express }
  return parent === undefined ? [] : [parent, ...appsAround(parent)]
}

function questionOf(body: unknown): Question {
  const { method = 'GET', url, headers = {}, body: asked, ...others } = (body ?? {}) as Record<string, unknown>
  const isRight =
    typeof method === 'string' &&
    typeof url === 'string' &&
    url.startsWith('/') &&
    typeof headers === 'object' &&
    headers !== null &&
    Object.values(headers).every(value => typeof value === 'string') &&
    Object.keys(others).length === 0
  if (!isRight) throw new BadRequest("explain takes { method: 'GET', url: '/api/movies/603', headers: {}, body }")
  const named = Object.entries(headers as Record<string, string>).map(([name, value]) => [name.toLowerCase(), value])
  return {
    method: method.toUpperCase(),
    url,
    headers: Object.fromEntries(named) as Record<string, string>,
    body: asked,
  }
}

/** Mistakes of whoever asks are told; whatever else goes wrong is the app's to report. */
const answerMistakes: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (error instanceof ReelcacheError) return refuse(res, 400, error.code, error.message)
  if (error instanceof BadRequest) return refuse(res, 400, 'bad-request', error.message)
  const { status, type } = error as { status?: unknown; type?: unknown }
  // Errors of the body parser have both.
  if (typeof status === 'number' && typeof type === 'string') return refuse(res, status, 'body', 'The body is not JSON')
  next(error)
}
