import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { collected, open } from '../support/client.js'
import { seeded } from '../support/random.js'
import { listen, outcomeOf, type Heard } from '../support/streams.js'
import { addressOf, bodyOf, growthOf, inMB, MB, NOTHING, startCrowdServer, type CrowdServer } from './crowd.js'

const isLong = process.env['REELCACHE_LONG'] !== undefined

const outcomesOf = (all: readonly Heard[], body: Buffer): string[] => [
  ...new Set(all.map(heard => outcomeOf(heard, body))),
]
const isCollapsed = ({ headers }: Pick<Heard, 'headers'>): boolean =>
  String(headers['cache-status']).includes('; collapsed')

describe('a stream', () => {
  const CLIENTS = isLong ? 500 : 60
  const SPAN = isLong ? 3_000 : 500
  const KB = 1024
  const chunks = SPAN / 50

  /** Milliseconds from asking to the first byte of the body, and all that follows. */
  async function join(server: CrowdServer, address: string) {
    const since = performance.now()
    const listener = await listen(open(server, address))
    await listener.heard(1)
    return { listener, waited: performance.now() - since }
  }

  test(
    `of ${SPAN} ms that ${CLIENTS} clients join at random moments is made once, and the same for all`,
    async () => {
      const server = await startCrowdServer()
      const random = seeded(500)
      // Its last chunk waits for the last client, so that all have come while it was made.
      const making = { bytes: chunks * 4 * KB, chunks, span: SPAN, waits: [chunks - 1] }
      const address = addressOf('tts', 603, making)
      const before = await server.tell('memory')
      const first = await join(server, address)
      const late = await Promise.all(
        Array.from({ length: CLIENTS - 1 }, async () => {
          await wait(random.below(SPAN))
          return join(server, address)
        }),
      )
      const during = await server.tell('memory')
      await server.tell('go')
      const heard = await Promise.all([first, ...late].map(({ listener }) => listener.over))
      const times = late.map(({ waited }) => waited).sort((a, b) => a - b)
      const at = (share: number): string => times[Math.floor(share * (times.length - 1))]!.toFixed(1)
      console.log(
        `${CLIENTS} clients of a stream of ${SPAN} ms: first byte for late ones after ${at(0.5)} ms at the median, ` +
          `${at(0.99)} ms at the 99th percentile, ${at(1)} ms at most; ` +
          `the server with all of them reading: ${growthOf(before, during)} for an entry of ${making.bytes / KB} KiB`,
      )
      expect(outcomesOf(heard, bodyOf(603, making))).toEqual(['whole'])
      expect(heard.map(isCollapsed)).toEqual([false, ...Array<boolean>(CLIENTS - 1).fill(true)])
      expect(await server.tell('calls')).toBe(1)
      expect(await server.calm()).toEqual(NOTHING)
    },
    SPAN + 60_000,
  )
})

describe('clients that never read', () => {
  const CLIENTS = isLong ? 100 : 25
  // The kernel takes a few megabytes for each connection: with less nobody would have to wait.
  const making = { bytes: 8 * MB, chunks: 128 }
  /** What a connection takes: Node's objects, and what lies between the stream and the socket. */
  const CONNECTION = 64 * 1024
  /** The entry once, the connections, and room for what a process does beside. */
  const BOUND = making.bytes + CLIENTS * CONNECTION + 4 * MB

  /** Only the head is read, and what Node's client takes in before it stops. */
  const crowd = (server: CrowdServer, address: string, length: number): Promise<IncomingMessage[]> =>
    Promise.all(
      Array.from({ length }, async () => {
        const [response] = (await once(open(server, address), 'response')) as [IncomingMessage]
        return response
      }),
    )

  test(`cost the server no copy each, ${CLIENTS} of them, and hear all of it once they read`, async () => {
    const server = await startCrowdServer()
    const last = making.chunks - 1
    const address = addressOf('tts', 603, { ...making, waits: [1, last] })
    const reader = await listen(open(server, address))
    await reader.heard(1)
    const before = await server.tell('memory')
    const silent = await crowd(server, address, CLIENTS)
    await server.tell('go')
    await reader.heard((making.bytes / making.chunks) * last)
    const during = await server.tell('memory')
    await server.tell('go')
    const whole = await reader.over
    const afterwards = await server.tell('memory')
    console.log(
      `${CLIENTS} clients that never read an entry of ${inMB(making.bytes)}: while it is made ${growthOf(before, during)}; ` +
        `when it is kept ${growthOf(before, afterwards)}; the bound is ${inMB(BOUND)}`,
    )
    expect(during.held - before.held).toBeLessThan(BOUND)
    expect(afterwards.held - before.held).toBeLessThan(BOUND)
    const body = bodyOf(603, making)
    expect(outcomesOf([whole], body)).toEqual(['whole'])
    const heard = await Promise.all(silent.map(collected))
    expect(heard.filter(answer => isCollapsed(answer) && answer.body.equals(body))).toHaveLength(CLIENTS)
    expect(await server.tell('calls')).toBe(1)
    expect(await server.calm()).toEqual(NOTHING)
  }, 60_000)

  test('cost a server that makes a copy for each far more, so that it would be seen', async () => {
    const clients = 25
    const server = await startCrowdServer()
    const before = await server.tell('memory')
    await crowd(server, addressOf('plain', 603, making), clients)
    const during = await server.tell('memory')
    console.log(`${clients} clients that never read, without a cache: ${growthOf(before, during)}`)
    expect(during.held - before.held).toBeGreaterThan(BOUND)
  }, 60_000)
})
