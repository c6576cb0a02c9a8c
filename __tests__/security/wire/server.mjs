// A server in a process of its own, with middleware of every usual kind in front of all four factories. An exception that nobody catches, or
// a rejection that nobody handles, ends it. Each text that is for one user alone holds `<<user>>`; what is for all holds `[path]`.
import { AsyncLocalStorage } from 'node:async_hooks'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { clearTimeout, setInterval } from 'node:timers'
import compression from 'compression'
import express from 'express'
import express4 from 'express4'
import session from 'express-session'
import onHeaders from 'on-headers'
import { createCache } from '../../../dist/esm/index.js'
import { bodyOf } from './bodies.cjs'

const { version, dir, maxBytes, maxDetached } = JSON.parse(process.argv[2])
const cache = createCache({
  memory: { maxBytes },
  runs: { maxDetached },
  ai: { lockTimeout: 2_000 },
  tts: { cacheDir: join(dir, 'cache'), fileMinFreeBytes: 0, lockTimeout: 2_000 },
})
process.on('warning', () => undefined)

const users = new AsyncLocalStorage()
/** Whose context this is: on a hit and for one who waits, too, it is nobody else's. */
const me = () => `<<${users.getStore()}>>`
const wait = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds))

const fronts = {
  plain: (_req, _res, next) => next(),
  timeout: (_req, res, next) => {
    const timer = setTimeout(() => res.headersSent || res.status(503).send(`too late ${me()}`), 15)
    res.once('close', () => clearTimeout(timer))
    next()
  },
  heartbeat: (_req, res, next) => {
    const timer = setTimeout(() => res.headersSent || res.write(' '), 10)
    res.once('close', () => clearTimeout(timer))
    next()
  },
  session: session({ secret: 'popcorn', resave: false, saveUninitialized: false }),
  'new-session': session({ secret: 'popcorn', resave: false, saveUninitialized: true }),
  'late-cookie': (_req, res, next) => {
    onHeaders(res, () => res.setHeader('Set-Cookie', `me=${me()}`))
    next()
  },
  'late-no': (_req, res, next) => {
    onHeaders(res, () => res.setHeader('Cache-Control', 'no-store'))
    next()
  },
  wrapped: (_req, res, next) => {
    const { end } = res
    res.end = function (...args) {
      if (!res.headersSent) res.setHeader('X-Ended', me())
      return end.apply(res, args)
    }
    next()
  },
  compressed: compression({ threshold: 0 }),
}

const ways = {
  json: (req, res) => res.json({ of: bodyOf(req.originalUrl) }),
  text: async (req, res) => {
    await wait(60)
    res.type('text/plain').set('ETag', '"of-the-handler"').send(bodyOf(req.originalUrl))
  },
  pipe: (req, res) => {
    const text = bodyOf(req.originalUrl)
    const chunks = Array.from({ length: 8 }, (_, at) =>
      text.slice((at * text.length) / 8, ((at + 1) * text.length) / 8),
    )
    Readable.from(chunks).pipe(res.type('text/plain'))
  },
  slow: (req, res) => {
    const text = bodyOf(req.originalUrl)
    res.type('audio/mpeg')
    const write = at => {
      if (at >= text.length) return res.end()
      res.write(text.slice(at, at + 4_000))
      setTimeout(write, 15, at + 4_000)
    }
    setTimeout(write, 2, 0)
  },
  file: (req, res) => res.sendFile(`file-${req.params.n}`, { root: dir }),
  big: (req, res) => res.type('audio/mpeg').send(Buffer.from(bodyOf(req.originalUrl, 100_000))),
  'no-store': async (_req, res) => {
    await wait(3)
    res.set('Cache-Control', 'no-store').send(`for ${me()}`)
  },
  private: (_req, res) =>
    void setTimeout(() => (res.headersSent ? res.end() : res.set('Cache-Control', 'private').json({ for: me() })), 3),
  reads: async (req, res) => {
    await wait(2)
    res.send(`for <<${req.get('x-user')}>>`)
  },
  cookie: async (_req, res) => {
    await wait(2)
    res.cookie('me', me()).send('nobody')
  },
  'late-read': (req, res) => {
    res.write('a while ')
    setTimeout(() => res.end(`for <<${req.headers['x-user']}>>`), 3)
  },
  session: (req, res) => {
    if (req.session !== undefined) req.session.me = me()
    res.send(`session ${req.session === undefined ? 'none' : req.session.me}`)
  },
  fails: () => {
    throw new Error(`failed for ${me()}`)
  },
  rejects: async () => {
    await wait(2)
    throw new Error(`rejected for ${me()}`)
  },
  breaks: (req, res) => {
    res.write(bodyOf(req.originalUrl).slice(0, 100))
    setTimeout(() => res.destroy(), 3)
  },
}

const app = (version === 'Express 4' ? express4 : express)()
app.get('/control', (_req, res) => res.send('alive'))
app.use((req, _res, next) => users.run(req.get('x-user'), next))
app.use((_req, res, next) => {
  // A file that is piped into an answer which was given in front ends the process otherwise, without the cache too.
  res.on('error', () => undefined)
  onHeaders(res, () => res.setHeader('X-Me', me()))
  next()
})
// Express 4 hands no rejection on.
const handler = (req, res, next) => {
  if (res.headersSent) return res.end()
  Promise.resolve(ways[req.params.way](req, res)).catch(next)
}
for (const n of [0, 1, 2, 3]) writeFileSync(join(dir, `file-${n}`), bodyOf(`/file/${n}`))
for (const [front, middleware] of Object.entries(fronts)) {
  for (const factory of ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts']) {
    const path = `/${front}/${factory}/:way/:n`
    app.get(path, middleware, cache[factory](), handler)
    app.post(path, middleware, express.json(), cache[factory](), handler)
  }
}
app.use((error, _req, res, next) => (res.headersSent ? next(error) : res.status(500).send(error.message)))

let peak = 0
setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20).unref()
const orders = {
  routes: () => ({ fronts: Object.keys(fronts), ways: Object.keys(ways) }),
  rest: () => {
    globalThis.gc()
    peak = 0
    return process.memoryUsage().rss
  },
  hangUp: () => server.closeAllConnections(),
  state: () => ({ ...cache.stats().flights, peak }),
}
process.on('message', async ({ id, order, given }) =>
  process.send({ id, result: (await orders[order](given)) ?? null }),
)
process.on('disconnect', () => process.exit())
const server = app.listen(0, '127.0.0.1', 4096, () => process.send({ id: 0, result: server.address().port }))
