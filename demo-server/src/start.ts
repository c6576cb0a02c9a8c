/** Puts the parts together and listens. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Express } from 'express'
import { createCache, type Cache } from 'reelcache'
import { makeApp } from './app.js'
import { makeCatalogue, type Catalogue } from './catalogue.js'
import { loadMovies } from './movies.js'
import { Speech } from './speech/speech.js'
import { LOCAL_MODELS, makeStandIn } from './upstream/local.js'
import type { Upstream } from './upstream/openai.js'

export interface Settings {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  readonly cacheDir: string
  /** Undefined: a stand-in in this process. */
  readonly upstream?: Upstream | undefined
  /** Milliseconds the stand-in waits after each word. */
  readonly wordDelay?: number
  /** What clients of `/v1` must send as their key; undefined: anything. */
  readonly apiKey?: string | undefined
}

export interface Running {
  readonly url: string
  readonly cache: Cache
  readonly upstream: Upstream
  readonly close: () => Promise<void>
}

const fileOf = (name: string, packageName: string) => fileURLToPath(new URL(name, import.meta.resolve(packageName)))

const moviesFile = fileOf('../data/movies.json', 'vega-datasets')
const fontDir = fileOf('files', '@fontsource/league-gothic/package.json')
const publicDir = join(import.meta.dirname, '../public')
const workerFile = join(import.meta.dirname, 'speech/worker.js')

export async function start({ host, port, cacheDir, upstream, wordDelay, apiKey }: Settings): Promise<Running> {
  const cache = createCache({
    api: { ttl: 300_000, maxSize: 100, cleanupInterval: 300_000 },
    tts: { ttl: 3_600_000, maxMemorySize: 50, fileCache: true, cacheDir },
    enhanced: { ttl: 600_000, maxSize: 200 },
    ai: { ttl: 1_800_000, maxSize: 50 },
  })
  const catalogue = makeCatalogue(loadMovies(moviesFile))
  const standIn = upstream ? undefined : await startStandIn(catalogue, wordDelay)
  const used = upstream ?? standIn!.upstream
  const app = makeApp({ catalogue, cache, upstream: used, publicDirs: [publicDir, fontDir], apiKey })
  const server = await listen(app, port, host)
  return {
    url: `http://${host}:${portOf(server)}`,
    cache,
    upstream: used,
    close: async () => {
      await stop(server)
      await standIn?.close()
      await cache.close()
    },
  }
}

async function startStandIn(catalogue: Catalogue, wordDelay = 0) {
  const speech = new Speech(workerFile)
  const server = await listen(makeStandIn({ speech, catalogue, wordDelay }), 0, '127.0.0.1')
  return {
    upstream: { baseUrl: `http://127.0.0.1:${portOf(server)}/v1`, ...LOCAL_MODELS },
    close: async () => {
      await stop(server)
      await speech.close()
    },
  }
}

function listen(app: Express, port: number, host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = app.listen(port, host, error => {
      if (error) reject(error)
      else resolve(server)
    })
  })
}

function stop(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

const portOf = (server: Server) => (server.address() as AddressInfo).port
