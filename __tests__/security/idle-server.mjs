// A server in a process of its own, so that only what it holds for clients that read nothing is measured. Says so over IPC when asked.
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import express5 from 'express'
import express4 from 'express4'
import { createCache } from '../../dist/esm/index.js'

const BYTES = 7.5 * 1024 * 1024
const express = process.argv[2] === '4' ? express4 : express5
const cache = createCache({ tts: { fileCache: false } })
const file = join(mkdtempSync(join(tmpdir(), 'reelcache-idle-')), 'film.bin')
writeFileSync(file, Buffer.alloc(BYTES, 'film '))

function* chunks() {
  for (let made = 0; made < BYTES; made += 65_536) yield Buffer.alloc(Math.min(65_536, BYTES - made), 'film ')
}
const handlers = {
  pipe: (_req, res) => void Readable.from(chunks()).pipe(res.type('bin')),
  drain: async (_req, res) => {
    res.type('bin')
    for (const chunk of chunks()) if (!res.write(chunk)) await once(res, 'drain')
    res.end()
  },
  file: (_req, res) => res.sendFile(file),
}
const app = express()
for (const [name, handler] of Object.entries(handlers)) {
  app.get(`/plain/${name}/:movieId`, handler)
  app.get(`/api/${name}/:movieId`, cache.cacheApi(), handler)
  app.get(`/ai/${name}/:movieId`, cache.cacheAi(), handler)
}
app.get('/small', cache.cacheApi(), (_req, res) => void Readable.from([Buffer.from('small')]).pipe(res))

const server = app.listen(0, () => process.send({ id: 0, result: server.address().port }))
process.on('message', ({ id }) => {
  globalThis.gc()
  const { rss, arrayBuffers } = process.memoryUsage()
  process.send({ id, result: { rss, arrayBuffers, stats: cache.stats() } })
})
process.on('disconnect', () => process.exit())
