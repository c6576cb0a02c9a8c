// What more entries cost: the same answer, looked up among few and among many.
import { moviePath } from './answers.mjs'
import { load } from './load.mjs'
import { machine } from './machine.mjs'
import { start } from './process.mjs'
import { seeded } from './random.mjs'
import { amount, median, megabytes, ratio, table } from './table.mjs'

/** Two processes of one variant differ by up to 15 %, so each size is measured in several. */
const SETS = 2
const ROUNDS = 3
const WARM_SECONDS = 1
/** What is asked for where only few of many are. */
const FEW = 100
/** Those that every variant has; the others are of all four profiles in turn. */
const BASIC_ROUTES = 5

/** V8 looks over its whole heap whenever its young generation is full. A larger one is full less often. */
const LARGER = ['--max-semi-space-size=64']

const SIZES = [
  { count: 100 },
  { count: 10_000 },
  { count: 10_000, routes: 1_000 },
  { count: 1_000_000 },
  { count: 100, flags: LARGER },
  { count: 1_000_000, flags: LARGER },
]
const QUICK_SIZES = [
  { count: 100 },
  { count: 100, routes: 20 },
  { count: 100, flags: LARGER },
  { count: 1_000, flags: LARGER },
]

/**
 * Each beside a Map without a bound in the same place: what that grows by is the machine's, not the cache's. Two at a time are measured in
 * turn, because the machine is faster in one minute than in another, and because all of them would need 20 GB.
 */
const PAIRS = [
  ['reelcache', 'map'],
  ['reelcache-typed', 'map-typed'],
]

export async function growth({ core, words, seconds, quick, variants, sets = SETS }) {
  const parts = [
    machine(),
    `### Growth: hits on random keys, of the same ${FEW} and of all, 2 KB JSON, ${sets} sets of processes, ${ROUNDS} rounds of ${seconds} s with each, ${words}`,
  ]
  for (const together of variants === undefined ? PAIRS : [variants]) {
    const runs = []
    for (let set = 0; set < sets; set++)
      runs.push(await measured(together, quick ? QUICK_SIZES : SIZES, { core, seconds }))
    for (const variant of together) {
      const own = runs.map(processes => processes.filter(one => one.variant === variant))
      parts.push(`#### ${variant}`, tableOf(own))
    }
  }
  return parts.join('\n\n')
}

/** Loads a process of each variant and size in turn. Answers what each holds, and what each round measured. */
async function measured(variants, sizes, { core, seconds }) {
  const processes = []
  for (const size of sizes) {
    for (const variant of variants) processes.push(await filled(variant, size, core))
  }
  for (let round = -1; round < ROUNDS; round++) {
    for (const { server, count, windows } of processes) {
      // While it waited for its turn V8 has put away its young generation, and the first second would pay for that.
      await load(server, { next: anyOf(FEW, round + 2), seconds: WARM_SECONDS, connections: 32 })
      for (const [part, of] of Object.entries({ few: FEW, any: count })) {
        const window = await load(server, { next: anyOf(of, round + 2), seconds, connections: 32 })
        if (window.calls > 0) throw new Error(`asked the handler ${window.calls} times for what should be stored`)
        if (round >= 0) windows[part].push(window)
      }
    }
  }
  for (const { server } of processes) await server.stop()
  return processes
}

function tableOf(sets) {
  // Against the first, the smallest, of those with the same flags.
  const baseOf = flags => sets[0].findIndex(one => one.flags.join() === flags.join())
  const windowsOf = (i, part) => sets.flatMap(set => set[i].windows[part])
  const costOf = (i, part) => {
    const windows = windowsOf(i, part)
    const among = windowsOf(baseOf(sets[0][i].flags), part)
    return [
      amount(median(windows.map(({ cpu }) => cpu))),
      ratio(median(windows.map(({ cpu }, round) => cpu / among[round].cpu))),
      amount(median(windows.map(({ rate }) => rate))),
    ]
  }
  const rows = sets[0].map(({ entries, bytes, resident, routes, flags }, i) => [
    [amount(entries), ...flags].join(' '),
    amount(BASIC_ROUTES + routes),
    ...costOf(i, 'few'),
    ...costOf(i, 'any'),
    megabytes(bytes),
    megabytes(resident),
  ])
  const head = [
    'entries',
    'routes',
    ...[`CPU µs/hit, the same ${FEW}`, `÷ among ${FEW}`, 'hits/s'],
    ...['CPU µs/hit, any', `÷ among ${FEW}`, 'hits/s'],
    'counted, MB',
    'rise of resident memory, MB',
  ]
  return table(head, rows)
}

/** A server that holds so many answers. */
async function filled(variant, { count, routes = 0, flags = [] }, core) {
  const server = await start(variant, { core, entries: count + routes, routes, maxBytes: 16_000_000_000, flags })
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
  return { variant, server, count, routes, flags, entries, bytes, resident, windows: { few: [], any: [] } }
}

function anyOf(count, seed) {
  const random = seeded(seed)
  return () => ({ path: moviePath(Math.floor(random() * count), 1) })
}
