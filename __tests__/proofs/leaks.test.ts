import { open } from '../support/client.js'
import { seeded, type Random } from '../support/random.js'
import { listen, outcomeOf } from '../support/streams.js'
import { addressOf, bodyOf, growthOf, MB, NOTHING, startCrowdServer, type CrowdServer } from './crowd.js'

const isLong = process.env['REELCACHE_LONG'] !== undefined
const REQUESTS = isLong ? 10_000 : 600
const AT_A_TIME = 20

/** Each body of 128 KiB, made within 20 ms. */
const making = { bytes: 128 * 1024, chunks: 8, span: 20 }
/** Room for what a process does beside: sixteen bodies. */
const SLACK = 2 * MB

/** What may come to a client that stays: all of it, or what shows that it is not all. */
const ALLOWED = [
  ...['joined: whole', 'refused: whole', 'stale: whole', 'stale: status 503'],
  ...['failed: status 500', 'failed: status 503', 'failed: broken off', 'failed: no answer'],
]

interface Client {
  readonly address: string
  /** Milliseconds after which it leaves. */
  readonly leaves: number | undefined
}

/** Clients that come in the same moment. */
interface Group {
  readonly kind: string
  readonly movie: number
  readonly clients: readonly Client[]
}

const routes = ['api', 'enhanced', 'ai', 'tts']

/** What a kind of request is about, and who leaves. */
const kinds: Record<string, (random: Random, movie: number) => Group> = {
  aborted: (random, movie) => group('aborted', movie, random, { leaving: 1 }),
  joined: (random, movie) => group('joined', movie, random, { count: 2 + random.below(4) }),
  'joined and left': (random, movie) => group('joined', movie, random, { count: 2 + random.below(4), leaving: 0.4 }),
  failed: (random, movie) => group('failed', movie, random, { how: random.pick(['failed', 'thrown']), count: 2 }),
  'cut off': (random, movie) => group('failed', movie, random, { cut: random.below(8), count: 2 }),
  refused: (random, movie) =>
    group('refused', movie, random, {
      how: random.pick(['no-store', 'private', 'cookie']),
      count: 1 + random.below(2),
      leaving: 0.2,
    }),
  // Few movies, which are asked for again and again while time goes on; every third run fails.
  stale: random => group('stale', random.below(4), random, { how: 'moody', routes: ['enhanced'], count: 3 }),
}

interface GroupOptions {
  readonly count?: number
  /** By which chance each leaves. */
  readonly leaving?: number
  readonly routes?: readonly string[]
  readonly how?: string
  readonly cut?: number
}

function group(kind: string, movie: number, random: Random, options: GroupOptions): Group {
  const { count = 1, leaving = 0, routes: among = routes, ...rest } = options
  const address = addressOf(random.pick(among), movie, { ...making, ...rest })
  const client = (): Client => ({ address, leaves: random.chance(leaving) ? random.below(30) : undefined })
  return { kind, movie, clients: Array.from({ length: count }, client) }
}

function groupsOf(requests: number, seed: number): Group[] {
  const random = seeded(seed)
  const groups: Group[] = []
  for (let made = 0; made < requests; made += groups.at(-1)!.clients.length) {
    groups.push(kinds[random.pick(Object.keys(kinds))]!(random, seed * 1_000_000 + groups.length))
  }
  return groups
}

/** What came of it, in a word or two. */
async function visit(server: CrowdServer, { address, leaves }: Client, expected: Buffer): Promise<string> {
  const sent = open(server, address)
  const timer = leaves === undefined ? undefined : setTimeout(() => sent.destroy(), leaves)
  try {
    const { over } = await listen(sent)
    return outcomeOf(await over, expected)
  } catch {
    return 'no answer'
  } finally {
    clearTimeout(timer)
  }
}

/** Asks for all of it, some at a time, and says what came to those who stayed. */
async function flood(server: CrowdServer, groups: readonly Group[]): Promise<Set<string>> {
  const outcomes = new Set<string>()
  const left = [...groups]
  const worker = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const { kind, movie, clients } = next
      const expected = kind === 'stale' ? Buffer.alloc(making.bytes, 'y') : bodyOf(movie, making)
      const heard = await Promise.all(clients.map(client => visit(server, client, expected)))
      for (const [at, { leaves }] of clients.entries()) if (leaves === undefined) outcomes.add(`${kind}: ${heard[at]!}`)
      // Stale after one step, and nothing to be shown without asking after several.
      if (left.length % 10 === 0) await server.tell('later')
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, worker))
  return outcomes
}

/** Bytes that are held when everybody has gone and nothing is stored any more. */
async function atRest(server: CrowdServer) {
  expect(await server.calm()).toEqual(NOTHING)
  await server.tell('purge')
  return server.tell('memory')
}

test(
  `after ${REQUESTS} requests that were aborted, failed, refused, joined or served stale nothing is left of them`,
  async () => {
    const server = await startCrowdServer()
    await flood(server, groupsOf(REQUESTS / 3, 1))
    const before = await atRest(server)
    const outcomes = await flood(server, groupsOf(REQUESTS, 2))
    const after = await atRest(server)
    const { flights, profiles } = await server.tell('stats')
    const { refusals, collapsed } = profiles.tts
    const { stale, refreshes, covered } = profiles.enhanced
    console.log(
      `${REQUESTS} requests: ${growthOf(before, after)}; tts: ${JSON.stringify({ collapsed, refusals })}, ` +
        `enhanced: ${JSON.stringify({ stale, refreshes, covered })}; ${[...outcomes].sort().join(', ')}`,
    )
    expect(flights).toEqual({ running: 0, waiting: 0 })
    expect(after.held - before.held).toBeLessThan(SLACK)
    expect([...outcomes].filter(outcome => !ALLOWED.includes(outcome))).toEqual([])
    // Each kind has come about.
    expect(outcomes).toContain('joined: whole')
    expect(outcomes).toContain('stale: whole')
    expect(Object.keys(refusals)).toEqual(
      expect.arrayContaining(['status', 'no-store', 'private', 'set-cookie', 'aborted']),
    )
    expect([collapsed, stale, refreshes, covered].map(count => count > 0)).toEqual([true, true, true, true])
  },
  REQUESTS * 30 + 60_000,
)

test('a server that kept one body of each request would be seen', async () => {
  const requests = 300
  const server = await startCrowdServer()
  await flood(server, groupsOf(200, 1))
  const before = await atRest(server)
  await server.tell('leak')
  await flood(server, groupsOf(requests, 2))
  const after = await atRest(server)
  console.log(`${requests} requests of each of which a body of 128 KiB is kept: ${growthOf(before, after)}`)
  expect(after.held - before.held).toBeGreaterThan(2 * SLACK)
}, 60_000)
