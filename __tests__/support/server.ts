import { once } from 'node:events'
import { Agent, createServer, type AgentOptions, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Served {
  readonly port: number
  readonly url: string
  readonly agent: Agent
  close(): Promise<void>
}

const running = new Set<Served>()

/** Serves an app on an ephemeral port until the test that asked for it is over. */
export const serve = (app: RequestListener): Promise<Served> => listening(createServer(app), { keepAlive: true })

/** Lets a server listen until the test that made it is over. */
export async function listening(server: Server, options: AgentOptions = {}): Promise<Served> {
  // The backlog lets thousands of clients connect at the same moment.
  server.listen(0, '127.0.0.1', 4096)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ maxSockets: Infinity, maxFreeSockets: Infinity, ...options })
  const served: Served = {
    port,
    url: `http://127.0.0.1:${port}`,
    agent,
    close: async () => {
      running.delete(served)
      agent.destroy()
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  running.add(served)
  return served
}

afterEach(async () => {
  await Promise.all([...running].map(served => served.close()))
})
