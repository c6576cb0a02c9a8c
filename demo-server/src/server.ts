/** Puts the parts together and listens: `npm start`. */
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Express } from 'express'
import { createCache } from 'reelcache'
import { makeApp } from './app.js'
import { makeCatalogue } from './catalogue.js'
import { loadMovies } from './movies.js'
import { Speech } from './speech/speech.js'
import { LOCAL_MODELS, makeStandIn } from './upstream/local.js'
import { upstreamFromEnv, type Upstream } from './upstream/openai.js'

const HOST = process.env['HOST'] ?? '127.0.0.1'
const PORT = Number(process.env['PORT'] ?? 3000)

const moviesFile = fileURLToPath(new URL('../data/movies.json', import.meta.resolve('vega-datasets')))
const publicDir = join(import.meta.dirname, '../public')
const workerFile = join(import.meta.dirname, 'speech/worker.js')

const cache = createCache({
  api: { ttl: 300_000, maxSize: 100, cleanupInterval: 300_000 },
  tts: { ttl: 3_600_000, maxMemorySize: 50, fileCache: true, cacheDir: 'cache/tts' },
  enhanced: { ttl: 600_000, maxSize: 200 },
  ai: { ttl: 1_800_000, maxSize: 50 },
})

const upstream = upstreamFromEnv(process.env) ?? (await startStandIn())
const catalogue = makeCatalogue(loadMovies(moviesFile))
const port = await listen(makeApp({ catalogue, cache, upstream, publicDir }), PORT, HOST)
greet(`http://${HOST}:${port}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())

async function startStandIn(): Promise<Upstream> {
  const standInPort = await listen(makeStandIn(new Speech(workerFile)), 0, '127.0.0.1')
  return { baseUrl: `http://127.0.0.1:${standInPort}/v1`, ...LOCAL_MODELS }
}

function listen(app: Express, wanted: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = app.listen(wanted, host, error => {
      if (error) reject(error)
      else resolve((server.address() as AddressInfo).port)
    })
  })
}

async function stop(): Promise<void> {
  await cache.close()
  process.exit()
}

function greet(url: string): void {
  const movie = `${url}/api/movies/the-dark-knight-2008`
  const json = "-H 'Content-Type: application/json'"
  console.log(`${url}
answers and speech: ${upstream.baseUrl} (${upstream.chatModel}, ${upstream.speechModel})

Run a line twice: the first time it says X-Cache: MISS, the second time HIT.
  curl -i ${movie}
  curl -i ${movie}/ai ${json} -d '{"question": "Was it a success?"}'
  curl -D - -o speech.wav ${movie}/tts ${json} -d '{}'`)
}
