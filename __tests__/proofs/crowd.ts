import { join } from 'node:path'
import type { Cache } from '../support/cache.js'
import { startChild } from '../support/child.js'
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

export async function startCrowdServer(): Promise<CrowdServer> {
  const child = await startChild(join(__dirname, 'crowd-server.mjs'), [], ['--expose-gc'])
  const tell: CrowdServer['tell'] = order => child.tell(order) as never
  return {
    ...child,
    tell,
    calm: () => {
      child.agent.destroy()
      return tell('quiet')
    },
  }
}

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
