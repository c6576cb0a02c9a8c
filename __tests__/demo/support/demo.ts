import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import express from 'express'
import { createCache } from '../../../lib/index.js'
import { makeApp } from '../../../demo-server/src/app.js'
import { makeCatalogue } from '../../../demo-server/src/catalogue.js'
import { Speech } from '../../../demo-server/src/speech/speech.js'
import { LOCAL_MODELS, makeStandIn } from '../../../demo-server/src/upstream/local.js'
import type { Upstream } from '../../../demo-server/src/upstream/openai.js'
import { demoDir, movies, workerFile } from './data.js'

export interface Listening {
  readonly url: string
  close(): Promise<void>
}

export async function listen(listener: RequestListener): Promise<Listening> {
  const server: Server = createServer(listener).listen(0, '127.0.0.1')
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
  /** How often the catalogue or the model server was asked for anything. */
  work(): number
  get(address: string): Promise<Answer>
  post(address: string, body: unknown): Promise<Answer>
  close(): Promise<void>
}

/** The demo on a port of its own, in front of the upstream given. */
export async function startDemo(upstream: Upstream, callsUpstream: () => number = () => 0): Promise<Demo> {
  const catalogue = makeCatalogue(movies)
  const spies = (['find', 'search', 'enhance'] as const).map(name => jest.spyOn(catalogue, name))
  const cache = createCache({ tts: { fileCache: false } })
  const app = await listen(makeApp({ catalogue, cache, upstream, publicDir: path.join(demoDir, 'public') }))
  const ask = async (address: string, init?: RequestInit): Promise<Answer> => {
    const response = await fetch(app.url + address, init)
    return {
      status: response.status,
      headers: response.headers,
      body: Buffer.from(await response.arrayBuffer()),
    }
  }
  return {
    work: () => spies.reduce((sum, spy) => sum + spy.mock.calls.length, callsUpstream()),
    get: address => ask(address),
    post: (address, body) =>
      ask(address, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    close: async () => {
      await app.close()
      await cache.close()
    },
  }
}

/** The demo as `npm start` runs it without any address in the environment: in front of the local stand-in. */
export async function startLocalDemo(options?: { maxWaiting: number }): Promise<Demo> {
  let calls = 0
  const speech = new Speech(workerFile, options)
  const counted = express()
    .use((_req, _res, next) => {
      calls += 1
      next()
    })
    .use(makeStandIn(speech))
  const standIn = await listen(counted)
  const demo = await startDemo({ baseUrl: `${standIn.url}/v1`, ...LOCAL_MODELS }, () => calls)
  return {
    ...demo,
    close: async () => {
      await demo.close()
      await standIn.close()
      await speech.close()
    },
  }
}
