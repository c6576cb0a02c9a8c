// What more entries cost: the same answer, looked up among few and among many.
import { moviePath } from './answers.mjs'
import { load } from './load.mjs'
import { machine } from './machine.mjs'
import { start } from './process.mjs'
import { seeded } from './random.mjs'
import { amount, median, megabytes, ratio, table } from './table.mjs'

const ROUNDS = 5
/** What is asked for where only few of many are. */
const FEW = 100
/** Those that every variant has; the others are of all four profiles in turn. */
const BASIC_ROUTES = 5

/** Each beside a Map without a bound in the same place: what that grows by is the machine's, not the cache's. */
const VARIANTS = ['reelcache', 'map', 'reelcache-typed', 'map-typed']

export async function growth({ core, words, seconds, quick }) {
  const sizes = quick
    ? [{ count: 100 }, { count: 1_000 }, { count: 100, routes: 20 }]
    : [{ count: 100 }, { count: 10_000 }, { count: 1_000_000 }, { count: 10_000, routes: 1_000 }]
  const parts = [
    machine(),
    `### Growth: hits on random keys, of the same ${FEW} and of all, 2 KB JSON, ${ROUNDS} rounds of ${seconds} s, ${words}`,
  ]
  for (const variant of VARIANTS) parts.push(`#### ${variant}`, await growthOf(variant, sizes, core, seconds))
  return parts.join('\n\n')
}

async function growthOf(variant, sizes, core, seconds) {
  const servers = []
  for (const size of sizes) servers.push(await filled(variant, size, core))
  const windows = sizes.map(() => ({ few: [], all: [] }))
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, { server, count }] of servers.entries()) {
      for (const [part, of] of Object.entries({ few: FEW, all: count })) {
        const window = await load(server, { next: anyOf(of, round + 2), seconds, connections: 32 })
        if (window.calls > 0) throw new Error(`asked the handler ${window.calls} times for what should be stored`)
        if (round >= 0) windows[i][part].push(window)
      }
    }
  }
  const costOf = (i, part) => {
    const among = windows[i][part].map(({ cpu }) => cpu)
    const first = windows[0][part].map(({ cpu }) => cpu)
    return [amount(median(among)), ratio(median(among.map((cpu, round) => cpu / first[round])))]
  }
  const rows = servers.map(({ entries, bytes, resident, routes }, i) => [
    amount(entries),
    amount(BASIC_ROUTES + routes),
    ...costOf(i, 'few'),
    ...costOf(i, 'all'),
    megabytes(bytes),
    megabytes(resident),
  ])
  for (const { server } of servers) await server.stop()
  const head = [
    'entries',
    'routes',
    `CPU µs/hit, the same ${FEW}`,
    `÷ with ${sizes[0].count}`,
    'CPU µs/hit, any',
    `÷ with ${sizes[0].count}`,
    'counted, MB',
    'rise of resident memory, MB',
  ]
  return table(head, rows)
}

/** A server that holds so many answers. */
async function filled(variant, { count, routes = 0 }, core) {
  const server = await start(variant, { core, entries: count + routes, routes, maxBytes: 16_000_000_000 })
  const fill = to => {
    let id = 0
    return load(server, { next: () => ({ path: moviePath(id++ % to, 1) }), amount: to + 64, connections: 32 })
  }
  // What the process needs to serve at all is not the entries'.
  await fill(100)
  await server.reset()
  const before = await server.tell('resident')
  await fill(count)
  for (let at = 0; at < routes; at++) await (await fetch(`http://127.0.0.1:${server.port}/more/${at}/603`)).text()
  const resident = (await server.tell('resident')) - before
  const { entries, bytes } = await server.tell('stats')
  return { server, count, routes, entries, bytes, resident }
}

function anyOf(count, seed) {
  const random = seeded(seed)
  return () => ({ path: moviePath(Math.floor(random() * count), 1) })
}
