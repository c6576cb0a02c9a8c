// A server in a process of its own, so that only what it holds is measured. The address says what it makes, how and how slowly.
import { once } from 'node:events'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import express from 'express'
import { createCache } from '../../dist/esm/index.js'

let ahead = 0
const clock = { now: () => Date.now() + ahead }
const cache = createCache({
  clock,
  memory: { maxBytes: 128 * 1024 * 1024 },
  tts: { fileCache: false, lockTimeout: 60_000 },
  enhanced: { ttl: 1_000, staleWhileRevalidate: 4_000 },
})

let calls = 0
let underWay = 0
let open = 0
let kept

/** Handlers that wait to be told to go on, and how often they were told before they asked. */
const waiting = []
let permits = 0

async function pause(chunk, { waits = '', chunks, span = 0 }) {
  if (waits.split(',').includes(String(chunk))) {
    if (permits > 0) permits--
    else await new Promise(goOn => waiting.push(goOn))
  } else if (span > 0 && chunk > 0) {
    await wait(span / chunks)
  }
}

async function stream(req, res) {
  const { movieId } = req.params
  const { bytes, chunks, cut } = req.query
  const type = { ai: 'text/event-stream', tts: 'audio/mpeg' }
  res.type(type[req.path.split('/')[1]] ?? 'application/json')
  for (let chunk = 0; chunk < chunks; chunk++) {
    await pause(chunk, req.query)
    if (res.destroyed) return
    if (cut === String(chunk)) return res.destroy()
    res.write(Buffer.alloc(bytes / chunks, `ID3 movie ${movieId}, chunk ${chunk}. `))
  }
  res.end()
}

const heads = {
  'no-store': { 'Cache-Control': 'no-store' },
  private: { 'Cache-Control': 'private' },
  cookie: { 'Set-Cookie': 'a=b' },
}

async function answer(req, res) {
  const { how, bytes } = req.query
  calls++
  underWay++
  try {
    if (how === 'thrown') throw Object.assign(new Error('no luck'), { status: 500 })
    if (how === 'failed' || (how === 'moody' && calls % 3 === 0)) return res.status(503).send(Buffer.alloc(+bytes, 'x'))
    if (how === 'moody') return res.type('json').send(Buffer.alloc(+bytes, 'y'))
    await stream(req, res.set(heads[how] ?? {}))
  } finally {
    underWay--
  }
}

const app = express()
app.use((_req, res, next) => {
  open++
  res.once('close', () => open--)
  kept?.push(Buffer.alloc(128 * 1024, 'z'))
  next()
})
app.get('/plain/:movieId', answer)
app.get('/api/:movieId', cache.cacheApi(), answer)
app.get('/enhanced/:movieId', cache.cacheEnhanced(), answer)
app.get('/ai/:movieId', cache.cacheAi({ complete: () => true }), answer)
app.get('/tts/:movieId', cache.cacheTts(), answer)
app.use((error, _req, res, next) => (res.headersSent ? next(error) : res.status(500).send(error.message)))

const LONGEST = 20_000
const connections = () => new Promise(done => server.getConnections((_error, count) => done(count)))

const orders = {
  /** One handler that waits, or will wait, goes on. */
  go: () => {
    if (waiting.length > 0) waiting.shift()()
    else permits++
  },
  calls: () => calls,
  stats: () => cache.stats(),
  later: () => void (ahead += 2_000),
  purge: () => cache.purge({ all: true }),
  /** The fault that a proof must be able to see. */
  leak: () => void (kept = []),
  /** Waits for whatever has not come to its end yet, and says what has not. */
  quiet: async () => {
    const deadline = Date.now() + LONGEST
    const left = async () => {
      const { running, waiting } = cache.stats().flights
      return { running, waiting, handlers: underWay, responses: open, connections: await connections() }
    }
    const isQuiet = counts => Object.values(counts).every(count => count === 0)
    while (!isQuiet(await left()) && Date.now() < deadline) await turn()
    return left()
  },
  memory: async () => {
    for (let round = 0; round < 4; round++) {
      await turn()
      globalThis.gc()
    }
    const { rss, heapUsed, external } = process.memoryUsage()
    return { rss, heapUsed, external, held: heapUsed + external }
  },
}

const server = app.listen(0, '127.0.0.1', 4096)
// A busy machine leaves a connection alone for longer than the 5 s after which Node closes it, maybe under the next request.
server.keepAliveTimeout = 60_000
await once(server, 'listening')
process.on('message', async ({ id, order }) => process.send({ id, result: await orders[order]() }))
process.on('disconnect', () => process.exit())
process.send({ id: 0, result: server.address().port })
