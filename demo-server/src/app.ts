/** The app: four kinds of routes, each cached with one line. It does not listen, so tests can call it as it is. */
import express, { type Express, type Request, type RequestHandler, type Response } from 'express'
import type { BodyFilter } from 'reelcache'
import type { Catalogue } from './catalogue.js'
import { describe } from './composer.js'
import { readQuestion, readSearch, readSpeech } from './input.js'
import type { Movie } from './movies.js'
import { openAiRoutes } from './openai-routes.js'
import { answerProblems, nothingHere, Problem } from './problem.js'
import { conversation } from './prompt.js'
import { relay } from './relay.js'
import { LOCAL_MODELS } from './upstream/local.js'
import { chat, speech, type Upstream } from './upstream/openai.js'

interface BodyOptions {
  body: BodyFilter
}

interface Guard {
  authorize(req: Request): boolean
}

/** What the routes need of `createCache()`. */
export interface RouteCache {
  cacheApi(): RequestHandler
  cacheEnhanced(): RequestHandler
  cacheAi(options?: BodyOptions): RequestHandler
  cacheTts(options?: BodyOptions): RequestHandler
  audioRouter(): RequestHandler
  adminRouter(guard: Guard): RequestHandler
  stats(): unknown
}

export interface Parts {
  readonly catalogue: Catalogue
  readonly cache: RouteCache
  readonly upstream: Upstream
  /** The directories of the page and of its typeface. */
  readonly publicDirs: readonly string[]
  /** What clients of `/v1` must send as their key; undefined: anything. */
  readonly apiKey?: string | undefined
}

export function makeApp({ catalogue, cache, upstream, publicDirs, apiKey }: Parts): Express {
  const { search, show, showEnhanced, ask, speak } = makeHandlers(catalogue, upstream)
  const app = express()
  app.disable('x-powered-by')
  for (const dir of publicDirs) app.use(express.static(dir, { setHeaders: allowOurFilesOnly }))
  app.use('/v1', openAiRoutes({ cache, upstream, apiKey }))
  app.use(express.json({ limit: '64kb' }))

  app.get('/api/movies', cache.cacheApi(), search)
  app.get('/api/movies/:movieId', cache.cacheApi(), show)
  app.get('/api/movies/:movieId/enhanced', cache.cacheEnhanced(), showEnhanced)
  app.post('/api/movies/:movieId/ai', cache.cacheAi(), ask)
  app.post('/api/movies/:movieId/tts', cache.cacheTts(), speak)
  app.use('/audio', cache.audioRouter())

  app.get('/api/about', (_req, res) => res.json(about(upstream)))
  app.get('/api/stats', showStats(cache))
  app.use('/cache', cache.adminRouter({ authorize: isOfThisMachine }))

  app.use(nothingHere, answerProblems)
  return app
}

/** Scripts, styles, type and audio: everything is ours. Whoever stands in front (`helmet()`) may have said so already. */
const PAGE_POLICY =
  "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

function allowOurFilesOnly(res: Response): void {
  if (!res.hasHeader('Content-Security-Policy')) res.set('Content-Security-Policy', PAGE_POLICY)
}

/**
 * Whoever sits at this machine may see what the cache holds, and purge it. Behind a proxy that runs here too everybody comes from this machine:
 * what a proxy has written is a no.
 */
function isOfThisMachine({ socket: { remoteAddress = '' }, headers }: Request): boolean {
  const isForwarded = ['forwarded', 'via', 'x-forwarded-for', 'x-real-ip'].some(name => headers[name] !== undefined)
  return !isForwarded && /^(?:::1|(?:::ffff:)?127\.\d+\.\d+\.\d+)$/.test(remoteAddress)
}

/** The figures, for curl. A page of another site that has its own name point here is told nothing. */
function showStats(cache: RouteCache): RequestHandler {
  return (req, res) => {
    const isLocalName = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i.test(req.headers.host ?? '')
    if (!isLocalName || !isOfThisMachine(req)) throw new Problem(403, 'The statistics are for this machine only')
    res.set('Cache-Control', 'no-store').json(cache.stats())
  }
}

/** Who answers and who speaks, for the page to say. */
function about({ baseUrl, chatModel, speechModel }: Upstream) {
  const isLocal = chatModel === LOCAL_MODELS.chatModel
  return { isLocal, server: isLocal ? 'this process' : new URL(baseUrl).host, chatModel, speechModel }
}

function makeHandlers(catalogue: Catalogue, upstream: Upstream) {
  const movieOf = ({ params: { movieId } }: Request): Movie => {
    const movie = typeof movieId === 'string' ? catalogue.find(movieId) : undefined
    if (!movie) throw new Problem(404, 'There is no such movie')
    return movie
  }

  const search: RequestHandler = (req, res) => {
    const { q, limit } = readSearch(req)
    res.json({ q, ...catalogue.search(q, limit) })
  }

  const show: RequestHandler = (req, res) => {
    res.json(movieOf(req))
  }

  const showEnhanced: RequestHandler = (req, res) => {
    res.json(catalogue.enhance(movieOf(req)))
  }

  const ask: RequestHandler = async (req, res) => {
    const movie = movieOf(req)
    const { question, stream } = readQuestion(req)
    const answer = await chat(upstream, { messages: conversation(catalogue.enhance(movie), question), stream })
    res.type(stream ? 'text/event-stream' : 'application/json')
    relay(answer, res)
  }

  const speak: RequestHandler = async (req, res) => {
    const movie = movieOf(req)
    const audio = await speech(upstream, readSpeech(req, describe(movie)))
    res.type('audio/wav').send(audio)
  }

  return { search, show, showEnhanced, ask, speak }
}
