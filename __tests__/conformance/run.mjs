// Runs the public suite behind cache-tests.fyi against the built package over loopback and prints what each case came to, as JSON.
// A process of its own: the suite is ES modules only, pauses in real time and keeps its results in module state.
import { once } from 'node:events'
import { createServer } from 'node:http'
import express from 'express'
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import handleConfig from 'http-cache-tests/server/handle-config.mjs'
import handleState from 'http-cache-tests/server/handle-state.mjs'
import handleTest from 'http-cache-tests/server/handle-test.mjs'
import suites from 'http-cache-tests/tests/index.mjs'
import { createCache } from 'reelcache'

// More cases at once would begin so slowly that answers fresh for two seconds are stale when they are asked for again.
const CASES_AT_ONCE = 120

// The suite's server logs to stdout, which belongs to the result.
console.log = console.error

const cache = createCache({ api: { maxSize: 1_000 } })
const server = createServer(appWith(cache.cacheApi({ ttl: 0, ignoreProperties: ['locals.headers'] }))).listen(
  0,
  '127.0.0.1',
)
await once(server, 'listening')

// What a client says about caches of its own is left to each case: fetch would otherwise add `no-cache` to every request.
const plainFetch = (url, init) => fetch(url, { ...init, cache: 'default' })
await runTests(suites, plainFetch, false, `http://127.0.0.1:${server.address().port}`, CASES_AT_ONCE)

process.stdout.write(JSON.stringify(outcomes(getResults())))
server.close()
server.closeAllConnections()
await cache.close()

function appWith(cached) {
  const app = express()
  app.put('/config/:id', (req, res) => handleConfig([req.params.id], req, res))
  app.get('/state/:id', (req, res) => handleState([req.params.id], req, res))
  app.use(keepHeaders, cached, play)
  return app
}

/**
 * The suite's handler reads headers that say which case is played; a handler that does so is rightly not stored. Here they are read in
 * front of the cache, and the route vouches for them.
 */
function keepHeaders(req, res, next) {
  res.locals.headers = { ...req.headers }
  next()
}

function play(req, res) {
  const headers = res.locals.headers
  // These are the cache's own business: what counts is what it lets through or adds.
  for (const name of ['if-none-match', 'if-modified-since', 'if-range', 'range']) {
    if (req.headers[name] === undefined) delete headers[name]
    else headers[name] = req.headers[name]
  }
  const [, , id] = req.path.split('/')
  handleTest([id], { method: req.method, url: req.url, headers }, res)
}

function outcomes(results) {
  return suites.flatMap(suite =>
    suite.tests
      .filter(test => test.id in results)
      .map(test => ({
        suite: suite.name,
        id: test.id,
        name: test.name,
        kind: test.kind ?? 'required',
        // `true`, or what was wrong.
        outcome: results[test.id] === true || results[test.id].join(': '),
      })),
  )
}
