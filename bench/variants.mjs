// The variants: one app and one set of handlers, served in different ways.
//
// kind   `limit` writes answers that lie ready and asks no handler, `plain` has no cache, `cache` must answer from its cache; those with
//        `store` in their kind have their answers in a redis-server, whose port is `store`; `unbounded` is no cache to use, but what growth
//        is set against.
// serve  makes the app, or its server, in a process of its own; `reset` empties the cache, `close` ends it.
// proxy  stands in front of the plain app instead.
import { createServer } from 'node:http'
import apicache from 'apicache'
import routeCache from 'route-cache'
import * as reelcache from '../dist/esm/index.js'
import { makeApp } from './app.mjs'
import { sendPreset, writeHit, writePreset } from './preset.mjs'
import { nginx, varnish } from './proxies.mjs'
import { stored } from './stored.mjs'

export const variants = {
  node: { kind: 'limit', serve: ({ requests }) => ({ server: createServer(writePreset(requests)) }) },
  express: { kind: 'plain', serve: ({ app }) => ({ app: app() }) },
  'express-typed': { kind: 'plain', serve: ({ app }) => typed({ app: app() }) },
  'express-send': { kind: 'limit', serve: ({ requests }) => ({ app: allRoutes(sendPreset(requests)) }) },
  'express-preset': { kind: 'limit', serve: ({ requests }) => ({ app: allRoutes(writePreset(requests)) }) },
  'preset-typed': { kind: 'limit', serve: ({ requests }) => typed({ app: allRoutes(writePreset(requests)) }) },
  'hit-typed': { kind: 'limit', serve: ({ requests }) => typed({ app: allRoutes(writeHit(requests)) }) },
  apicache: { kind: 'cache', serve: withApicache },
  'route-cache': { kind: 'cache', serve: withRouteCache },
  nginx: { kind: 'cache', proxy: nginx },
  varnish: { kind: 'cache', proxy: varnish },
  reelcache: { kind: 'cache', serve: withReelcache },
  'reelcache-typed': { kind: 'cache', serve: context => typed(withReelcache(context)) },
  map: { kind: 'unbounded', serve: withMap },
  'map-typed': { kind: 'unbounded', serve: context => typed(withMap(context)) },
  ...stored,
}

/** Each peer is set up so that a POST is keyed by its body, where it can. */
const bodyOf = req => (req.method === 'POST' ? JSON.stringify(req.body) : '')

function withApicache({ app }) {
  const own = apicache.newInstance({ appendKey: bodyOf })
  return { app: app(() => own.middleware('1 hour')), reset: () => own.clear() }
}

function withRouteCache({ app }) {
  return {
    app: app(() => routeCache.cacheSeconds(3_600, req => req.originalUrl + bodyOf(req))),
    reset: () => routeCache.clearCache(),
  }
}

function withReelcache({ app, directory, entries = 2_000, maxBytes, routes = 0 }) {
  const cache = reelcache.createCache({
    api: { maxSize: entries, ttl: 3_600_000 },
    enhanced: { ttl: 3_600_000 },
    ai: { ttl: 3_600_000 },
    tts: { cacheDir: directory },
    ...(maxBytes !== undefined && { memory: { maxBytes } }),
  })
  const makers = { api: cache.cacheApi, enhanced: cache.cacheEnhanced, ai: cache.cacheAi, tts: cache.cacheTts }
  const made = app(profile => makers[profile]())
  // Behind the others, so that Express does not look at them first: not its cost is asked, but the cache's.
  for (let at = 0; at < routes; at++) {
    const profile = ['api', 'enhanced', 'ai', 'tts'][at % 4]
    made.get(`/more/${at}/:movieId`, makers[profile](), (req, res) => res.type('text').send(req.path))
  }
  return {
    app: made,
    reset: () => cache.purge({ all: true }),
    close: () => cache.close(),
    stats: () => cache.stats(),
  }
}

/** JSON in a Map by its URL, for ever: what the growth of any cache is to be measured by. */
function withMap({ app }) {
  const kept = new Map()
  const middleware = (req, res, next) => {
    const known = kept.get(req.originalUrl)
    if (known !== undefined) return res.writeHead(200, known.head).end(known.body)
    res.json = value => {
      const body = Buffer.from(JSON.stringify(value))
      const head = ['Content-Type', 'application/json; charset=utf-8', 'Content-Length', String(body.length)]
      kept.set(req.originalUrl, { head, body })
      return res.writeHead(200, head).end(body)
    }
    next()
  }
  return {
    app: app(() => middleware),
    reset: () => kept.clear(),
    stats: () => ({
      entries: kept.size,
      bytes: [...kept].reduce((sum, [url, { body }]) => sum + url.length + body.length, 0),
    }),
  }
}

/** The same app on the server that makes its requests with the app's own prototypes. */
function typed({ app, ...rest }) {
  if (typeof reelcache.createServer !== 'function') throw new Error('this build of reelcache exports no createServer')
  return { server: reelcache.createServer(app), ...rest }
}

/** The app with one handler on all its routes. */
const allRoutes = handler =>
  makeApp({ movie: handler, enriched: handler, trailer: handler, speech: handler, slow: handler })
