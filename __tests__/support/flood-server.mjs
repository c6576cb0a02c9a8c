// A server in a process of its own, so that only what it takes is measured. Reports its resident bytes over IPC when asked.
import express from 'express'
import { createCache } from '../../dist/esm/index.js'

const cache = createCache({ api: { maxSize: 100_000 }, memory: { maxBytes: Number(process.argv[2]) } })
const answer = (req, res) => res.send(Buffer.alloc(200 * 1024, `movie ${req.params.movieId}, `))
const app = express()
app.get('/plain/:movieId', answer)
app.get('/movies/:movieId', cache.cacheApi(), answer)

let most = { bytes: 0, resident: 0 }
cache.on('event', () => {
  const { bytes } = cache.stats()
  most = { bytes: Math.max(most.bytes, bytes), resident: Math.max(most.resident, process.memoryUsage().rss) }
})
const server = app.listen(0, () => process.send({ port: server.address().port }))
process.on('message', () => process.send({ ...most, now: process.memoryUsage().rss }))
process.on('disconnect', () => process.exit())
