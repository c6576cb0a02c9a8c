/** OpenAI's own routes, cached: any client of theirs can be pointed at this app by its base URL. */
import { createHash, timingSafeEqual } from 'node:crypto'
import express, { type RequestHandler, type Router } from 'express'
import { openaiChat, openaiSpeech } from 'reelcache'
import type { RouteCache } from './app.js'
import { answerAsOpenAi, nothingHere, Problem } from './problem.js'
import { relay } from './relay.js'
import { post, type Upstream } from './upstream/openai.js'

export interface OpenAiParts {
  readonly cache: Pick<RouteCache, 'cacheAi' | 'cacheTts'>
  readonly upstream: Upstream
  /** What clients must send as their key; undefined: anything. */
  readonly apiKey?: string | undefined
}

export function openAiRoutes({ cache, upstream, apiKey }: OpenAiParts): Router {
  const routes = express.Router()
  routes.use(admit(apiKey), express.json({ limit: '1mb' }))
  routes.post('/chat/completions', cache.cacheAi({ body: openaiChat }), passOn(upstream, '/chat/completions'))
  routes.post('/audio/speech', cache.cacheTts({ body: openaiSpeech }), passOn(upstream, '/audio/speech'))
  routes.use(nothingHere, answerAsOpenAi)
  return routes
}

/**
 * The client's key is checked here, if there is one to check, and then taken away, as reelcache goes past whoever brings
 * `Authorization`. That is right only because the answer to these routes does not depend on who asks. Where it does,
 * leave the header where it is.
 */
function admit(apiKey: string | undefined): RequestHandler {
  return (req, _res, next) => {
    if (apiKey !== undefined && !isSame(req.headers.authorization ?? '', `Bearer ${apiKey}`)) {
      throw new Problem(401, 'This API key is not the one in DEMO_API_KEY')
    }
    delete req.headers.authorization
    next()
  }
}

function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

function passOn(upstream: Upstream, path: string): RequestHandler {
  return async (req, res) => {
    const { status, headers, body } = await post(upstream, path, req.body)
    res.status(status)
    for (const name of ['content-type', 'retry-after']) {
      if (headers.has(name)) res.set(name, headers.get(name)!)
    }
    relay(body, res)
  }
}
