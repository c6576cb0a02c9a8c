// A machine in a process of its own, which shares a store with others.
import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import express from 'express'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { createCache } from '../../dist/esm/index.js'

/** `truth`: where handlers learn the version of a film; `takes`: milliseconds. */
const { library, store, truth, takes, redis, tts } = JSON.parse(process.argv[2])
const host = '127.0.0.1'
const client =
  library === 'ioredis'
    ? new Redis({ host, port: store, lazyConnect: true })
    : createClient({ socket: { host, port: store } })
const cache = createCache({
  redis: { client, ...redis },
  tts: { fileCache: false, maxMemorySize: 1_000, ...tts },
  ai: { maxSize: 1_000 },
})

let runs = 0
async function make(movie, about, finish) {
  runs++
  const version = truth === undefined ? '1' : await (await fetch(`${truth}/${movie}`)).text()
  process.send({ id: 'begun' })
  await wait(takes.least + (createHash('sha256').update(`${movie} ${about} ${runs}`).digest()[0] / 256) * takes.more)
  finish(version)
}

const app = express().use(express.json())
app.post('/movies/:movieId/tts', cache.cacheTts(), ({ body: { text }, params: { movieId } }, res) =>
  make(movieId, text, version => {
    const sound = createHash('shake256', { outputLength: 8_000 }).update(`${movieId} ${text} ${version}`).digest()
    res
      .type('audio/wav')
      .set('X-Version', version)
      .send(Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVEfmt '), sound]))
  }),
)
app.post('/movies/:movieId/ai', cache.cacheAi(), ({ body: { text }, params: { movieId } }, res) =>
  make(movieId, text, version => {
    res.type('text').set('X-Version', version).send(`${movieId} ${text} ${version}. `.repeat(100))
  }),
)

const orders = {
  runs: () => runs,
  stats: () => cache.stats(),
  purge: target => cache.purge(target),
  slow: least => Object.assign(takes, { least }),
}
const server = app.listen(0, host, 4_096, () => process.send({ id: 0, result: server.address().port }))
// A busy machine leaves a connection alone for longer than the 5 s after which Node closes it, maybe under the next request.
server.keepAliveTimeout = 60_000
process.on('message', async ({ id, order, given }) => process.send({ id, result: await orders[order](given) }))
process.on('disconnect', () => process.exit())
