import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type RequestHandler } from 'express'
import { createCache, type CacheOptions } from '../../../lib/index.js'
import { makeApp } from '../../../demo-server/src/app.js'
import { makeCatalogue } from '../../../demo-server/src/catalogue.js'
import { Speech, type SpeechLimits } from '../../../demo-server/src/speech/speech.js'
import { LOCAL_MODELS, makeStandIn } from '../../../demo-server/src/upstream/local.js'
import type { Upstream } from '../../../demo-server/src/upstream/openai.js'
import { movies, publicDirs, workerFile } from './data.js'

export interface Listening {
  readonly url: string
  close(): Promise<void>
}

export async function listen(listener: RequestListener, port = 0): Promise<Listening> {
  const server: Server = createServer(listener).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

export interface Demo {
  readonly url: string
  /** How often the catalogue or the model server was asked for anything. */
  work(): number
  get(address: string): Promise<Answer>
  post(address: string, body: unknown, headers?: Record<string, string>): Promise<Answer>
  close(): Promise<void>
}

export interface DemoOptions {
  readonly callsUpstream?: () => number
  readonly tts?: CacheOptions['tts']
  readonly clock?: CacheOptions['clock']
  readonly apiKey?: string
  readonly port?: number
  /** Stands in front of the app. */
  readonly front?: RequestHandler
}

/** The demo on a port of its own, in front of the upstream given. */
export async function startDemo(upstream: Upstream, options: DemoOptions = {}): Promise<Demo> {
  const { callsUpstream = () => 0, tts = { fileCache: false }, clock, apiKey, port, front } = options
  const catalogue = makeCatalogue(movies)
  const spies = (['find', 'search', 'enhance'] as const).map(name => jest.spyOn(catalogue, name))
  const cache = createCache({ tts, ...(clock && { clock }) })
  const demo = makeApp({ catalogue, cache, upstream, publicDirs, ...(apiKey && { apiKey }) })
  // Called, not mounted: an app that is mounted at `/` names its own address `//`.
  const behind = (front: RequestHandler) => express().use(front, (req, res) => demo(req, res))
  const app = await listen(front ? behind(front) : demo, port)
  const ask = async (address: string, init?: RequestInit): Promise<Answer> => {
    const response = await fetch(app.url + address, init)
    return {
      status: response.status,
      headers: response.headers,
      body: Buffer.from(await response.arrayBuffer()),
    }
  }
  return {
    url: app.url,
    work: () => spies.reduce((sum, spy) => sum + spy.mock.calls.length, callsUpstream()),
    get: address => ask(address),
    post: (address, body, headers) =>
      ask(address, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    close: async () => {
      await app.close()
      await cache.close()
    },
  }
}

/** The demo as `npm start` runs it without any address in the environment: in front of the local stand-in. */
export async function startLocalDemo({ speech, ...options }: LocalOptions = {}): Promise<Demo> {
  const standIn = await startStandIn(speech)
  const demo = await startDemo(standIn.upstream, { callsUpstream: standIn.calls, ...options })
  return {
    ...demo,
    close: async () => {
      await demo.close()
      await standIn.close()
    },
  }
}

export type LocalOptions = Omit<DemoOptions, 'callsUpstream'> & { readonly speech?: SpeechLimits }

export interface StandIn {
  readonly upstream: Upstream
  readonly calls: () => number
  close(): Promise<void>
}

/** The local stand-in, for one demo or for several that follow each other. */
export async function startStandIn(limits?: SpeechLimits): Promise<StandIn> {
  let calls = 0
  const speech = new Speech(workerFile, limits)
  const counted = express()
    .use((_req, _res, next) => {
      calls += 1
      next()
    })
    .use(makeStandIn({ speech, catalogue: makeCatalogue(movies) }))
  const server = await listen(counted)
  return {
    upstream: { baseUrl: `${server.url}/v1`, ...LOCAL_MODELS },
    calls: () => calls,
    close: async () => {
      await server.close()
      await speech.close()
    },
  }
}
