import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent } from 'node:http'
import type { Served } from './server.js'

/** A server in a process of its own, which carries out orders that come over IPC. */
export interface Child extends Served {
  /** Gives an order, with what it is about, and waits for its result. Fails when the process ends meanwhile. */
  tell(order: string, given?: unknown): Promise<unknown>
  /** Resolves with what the process says on its own under this name; each time once. */
  heard(name: string): Promise<void>
  kill(signal?: NodeJS.Signals): void
  /** Lets it end by itself: its script exits when nobody can reach it any more. */
  leave(): Promise<void>
  /** By which signal it ended. */
  readonly ended: Promise<NodeJS.Signals | null>
}

const running = new Set<Child>()

/** Runs a script that reports its port as the result of order 0. It ends with the test, if not before. */
export async function startChild(script: string, args: string[], execArgv: string[] = []): Promise<Child> {
  const child = fork(script, args, { execArgv })
  const waiting = new Map<number | string, (result: unknown) => void>()
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity })
  const ended = once(child, 'exit').then(([, signal]) => {
    agent.destroy()
    running.delete(started)
    return signal as NodeJS.Signals | null
  })
  let orders = 0
  child.on('message', ({ id, result }: { id: number | string; result: unknown }) => waiting.get(id)?.(result))
  const answerTo = (id: number | string): Promise<unknown> =>
    Promise.race([
      new Promise(resolve => waiting.set(id, resolve)),
      ended.then(signal => Promise.reject(new Error(`the process ended, ${signal ?? 'without a signal'}`))),
    ])
  const first = answerTo(0)
  const started: Child = {
    port: 0,
    url: '',
    agent,
    ended,
    tell: (order, given) => {
      const answer = answerTo(++orders)
      child.send({ id: orders, order, given })
      return answer
    },
    heard: async name => {
      await answerTo(name)
    },
    kill: (signal = 'SIGKILL') => child.kill(signal),
    leave: async () => {
      child.disconnect()
      await ended
    },
    close: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
  running.add(started)
  const port = (await first) as number
  return Object.assign(started, { port, url: `http://127.0.0.1:${port}` })
}

afterEach(async () => {
  await Promise.all([...running].map(child => child.close()))
})
