// A server in a process of its own, whose middleware in front answers when it is told to: any exception that nobody catches ends it.
import { Readable } from 'node:stream'
import express from 'express'
import express4 from 'express4'
import { createCache } from '../../dist/esm/index.js'

const { version, route, options = {}, tts = { fileCache: false } } = JSON.parse(process.argv[2])
const cache = createCache({ tts })
const app = (version === 'Express 4' ? express4 : express)()

/** Responses by the name that their request gives them. */
const named = new Map()
const waysToAnswer = {
  'answers 503': res => res.status(503).send('too late'),
  'sends a head': res => res.writeHead(200, { 'Content-Type': 'text/plain' }).flushHeaders(),
  'sends a beat': res => res.write(' '),
  'destroys it': res => res.destroy(),
}
app.use((req, res, next) => {
  const { 'x-name': name, 'x-at-once': atOnce, 'x-throws': throws } = req.headers
  if (name !== undefined) named.set(name, res)
  if (throws !== undefined) {
    const method = res[throws]
    res[throws] = (...args) => {
      // Not for the error page.
      if (res.statusCode >= 500) return method.apply(res, args)
      throw new Error(`${throws} fails in front`)
    }
  }
  next()
  if (atOnce !== undefined) waysToAnswer[atOnce](res)
})

let [isOpen, gates, calls] = [false, [], 0]
const opened = () => (isOpen ? Promise.resolve() : new Promise(resolve => gates.push(resolve)))
const speech = `ID3 ${'Wake up, Neo. '.repeat(200)}`
const waysToSpeak = {
  json: (_req, res) => void opened().then(() => res.type('audio/mpeg').send(speech)),
  'no-store': (_req, res) =>
    void opened().then(() => res.set('Cache-Control', 'no-store').type('audio/mpeg').send(speech)),
  pipe: (_req, res) =>
    void opened().then(() => Readable.from([speech.slice(0, 99), speech.slice(99)]).pipe(res.type('audio/mpeg'))),
  async: async (_req, res) => {
    await opened()
    res.type('audio/mpeg').write(speech.slice(0, 99))
    res.end(speech.slice(99))
  },
  'leaves at once': (_req, res) =>
    void opened().then(() => (calls === 1 ? res.destroy() : res.type('audio/mpeg').send(speech))),
}
const handler = (req, res) => {
  calls++
  // As a careful handler behind a timeout does.
  if (res.headersSent) return
  return waysToSpeak[req.params.way](req, res)
}
app.get('/big', (_req, res) => res.end(Buffer.alloc(32 * 1_048_576)))
app.get('/speech/:way', cache[route](options), handler)
app.post('/speech/:way', cache[route](options), handler)
app.use('/audio', cache.audioRouter())
app.use((error, _req, res, next) => (res.headersSent ? next(error) : res.status(500).send(error.message)))

const orders = {
  answer: ([name, way]) => void waysToAnswer[way](named.get(name)),
  go: () => {
    isOpen = true
    for (const resolve of gates) resolve()
  },
  again: () => void ([isOpen, gates, calls] = [false, [], 0]),
  close: () => cache.close(),
  state: () => ({ ...cache.stats().flights, calls }),
}
process.on('message', async ({ id, order, given }) =>
  process.send({ id, result: (await orders[order](given)) ?? null }),
)
process.on('disconnect', () => process.exit())
const server = app.listen(0, '127.0.0.1', () => process.send({ id: 0, result: server.address().port }))
