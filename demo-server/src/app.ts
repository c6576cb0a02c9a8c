/** The app: four kinds of routes, each cached with one line. It does not listen, so tests can call it as it is. */
import { pipeline, Readable } from 'node:stream'
import express, { type Express, type Request, type RequestHandler } from 'express'
import type { Catalogue } from './catalogue.js'
import { describe } from './composer.js'
import { readQuestion, readSearch, readSpeech } from './input.js'
import type { Movie } from './movies.js'
import { answerProblems, Problem } from './problem.js'
import { conversation } from './prompt.js'
import { chat, speech, type Upstream } from './upstream/openai.js'

/** What the routes need of `createCache()`. */
export interface RouteCache {
  cacheApi(): RequestHandler
  cacheEnhanced(): RequestHandler
  cacheAi(): RequestHandler
  cacheTts(): RequestHandler
  audioRouter(): RequestHandler
  stats(): unknown
}

export interface Parts {
  readonly catalogue: Catalogue
  readonly cache: RouteCache
  readonly upstream: Upstream
  /** The directory of the page. */
  readonly publicDir: string
}

export function makeApp({ catalogue, cache, upstream, publicDir }: Parts): Express {
  const { search, show, showEnhanced, ask, speak } = makeHandlers(catalogue, upstream)
  const app = express()
  app.disable('x-powered-by')
  app.use(express.static(publicDir, { setHeaders: res => res.set('Content-Security-Policy', PAGE_POLICY) }))
  app.use(express.json({ limit: '64kb' }))

  app.get('/api/movies', cache.cacheApi(), search)
  app.get('/api/movies/:movieId', cache.cacheApi(), show)
  app.get('/api/movies/:movieId/enhanced', cache.cacheEnhanced(), showEnhanced)
  app.post('/api/movies/:movieId/ai', cache.cacheAi(), ask)
  app.post('/api/movies/:movieId/tts', cache.cacheTts(), speak)
  app.use('/audio', cache.audioRouter())
  app.get('/api/stats', (_req, res) => res.json(cache.stats()))

  app.use((_req, _res, next) => next(new Problem(404, 'There is nothing at this address')))
  app.use(answerProblems)
  return app
}

/** An answer that breaks off on either side has broken the other by then: there is nobody left to tell. */
const leaveItBroken = () => undefined

/** No script or style but our own files; audio comes as a blob, as the page gets it by POST. */
const PAGE_POLICY = "default-src 'self'; img-src 'self' data:; media-src 'self' blob:"

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
    pipeline(Readable.fromWeb(answer), res, leaveItBroken)
  }

  const speak: RequestHandler = async (req, res) => {
    const movie = movieOf(req)
    const audio = await speech(upstream, readSpeech(req, describe(movie)))
    res.type('audio/wav').send(audio)
  }

  return { search, show, showEnhanced, ask, speak }
}
