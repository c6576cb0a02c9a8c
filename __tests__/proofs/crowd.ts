import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent } from 'node:http'
import { join } from 'node:path'
import type { Cache } from '../support/cache.js'
import type { Served } from '../support/server.js'

/** Bytes of the server, once garbage is gone. */
export interface Memory {
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
  /** In V8's heap and in Buffers. */
  readonly held: number
}

/** What has not come to its end. */
export type Left = Record<'running' | 'waiting' | 'handlers' | 'responses' | 'connections', number>

export const NOTHING: Left = { running: 0, waiting: 0, handlers: 0, responses: 0, connections: 0 }

interface Results {
  go: undefined
  calls: number
  stats: ReturnType<Cache['stats']>
  later: undefined
  purge: number
  leak: undefined
  quiet: Left
  memory: Memory
}

/** The server in crowd-server.mjs. */
export interface CrowdServer extends Served {
  tell<Order extends keyof Results>(order: Order): Promise<Results[Order]>
  /** Closes the connections of all clients, and waits until nothing is under way. */
  calm(): Promise<Left>
}

const running = new Set<CrowdServer>()

export async function startCrowdServer(): Promise<CrowdServer> {
  const child = fork(join(__dirname, 'crowd-server.mjs'), { execArgv: ['--expose-gc'] })
  const waiting = new Map<number, (result: unknown) => void>()
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity })
  const ended = once(child, 'exit')
  let orders = 0
  child.on('message', ({ id, result }: { id: number; result: unknown }) => waiting.get(id)?.(result))
  const answerTo = (id: number): Promise<unknown> =>
    Promise.race([
      new Promise(resolve => waiting.set(id, resolve)),
      ended.then(([code]) => Promise.reject(new Error(`the process ended with ${code}`))),
    ])
  const tell: CrowdServer['tell'] = async order => {
    const answer = answerTo(++orders)
    child.send({ id: orders, order })
    return (await answer) as never
  }
  const port = (await answerTo(0)) as number
  const server: CrowdServer = {
    port,
    url: `http://127.0.0.1:${port}`,
    agent,
    tell,
    calm: () => {
      agent.destroy()
      return tell('quiet')
    },
    close: async () => {
      running.delete(server)
      agent.destroy()
      child.kill('SIGKILL')
      await ended
    },
  }
  running.add(server)
  return server
}

afterEach(async () => {
  await Promise.all([...running].map(server => server.close()))
})

export interface Making {
  readonly bytes: number
  readonly chunks: number
  /** Milliseconds that it takes. */
  readonly span?: number
  /** Chunks before which the handler waits until it is told to go on. */
  readonly waits?: readonly number[]
}

export function addressOf(route: string, movie: number, making: Making & Record<string, unknown>): string {
  const query = Object.entries(making).map(([name, value]) => `${name}=${value as string}`)
  return `/${route}/${movie}?${query.join('&')}`
}

/** What the server's streams consist of, told once more. */
export function bodyOf(movie: number, { bytes, chunks }: Making): Buffer {
  const chunkOf = (_: unknown, chunk: number) => Buffer.alloc(bytes / chunks, `ID3 movie ${movie}, chunk ${chunk}. `)
  return Buffer.concat(Array.from({ length: chunks }, chunkOf))
}

export const MB = 1024 * 1024
export const inMB = (bytes: number): string => `${(bytes / MB).toFixed(1)} MB`
export const growthOf = (before: Memory, after: Memory): string =>
  (['rss', 'heapUsed', 'external'] as const).map(name => `${name} +${inMB(after[name] - before[name])}`).join(', ')
