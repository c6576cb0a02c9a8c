// What more entries cost: the same answer, looked up among few and among many.
import { moviePath } from './answers.mjs'
import { load } from './load.mjs'
import { machine } from './machine.mjs'
import { start } from './process.mjs'
import { seeded } from './random.mjs'
import { amount, median, megabytes, ratio, table } from './table.mjs'

const ROUNDS = 5

export async function growth({ core, words, seconds, quick }) {
  const counts = quick ? [100, 1_000] : [100, 10_000, 1_000_000]
  const servers = []
  for (const count of counts) servers.push(await filled(count, core))
  const windows = counts.map(() => [])
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, { server, count }] of servers.entries()) {
      const window = await load(server, { next: anyOf(count, round + 2), seconds, connections: 32 })
      if (window.calls > 0) throw new Error(`asked the handler ${window.calls} times for what should be stored`)
      if (round >= 0) windows[i].push(window)
    }
  }
  const rows = servers.map(({ entries, bytes, resident }, i) => [
    amount(entries),
    amount(median(windows[i].map(({ cpu }) => cpu))),
    ratio(median(windows[i].map(({ cpu }, round) => cpu / windows[0][round].cpu))),
    amount(median(windows[i].map(({ rate }) => rate))),
    megabytes(bytes),
    megabytes(resident),
  ])
  for (const { server } of servers) await server.stop()
  const head = ['entries', 'CPU µs/hit', `÷ with ${counts[0]}`, 'hits/s', 'counted, MB', 'rise of resident memory, MB']
  return [
    machine(),
    `### Growth: hits on random keys, 2 KB JSON, ${ROUNDS} rounds of ${seconds} s, ${words}`,
    table(head, rows),
  ].join('\n\n')
}

/** A server that holds so many answers. */
async function filled(count, core) {
  const server = await start('reelcache', { core, entries: count, maxBytes: 16_000_000_000 })
  const fill = to => {
    let id = 0
    return load(server, { next: () => ({ path: moviePath(id++ % to, 1) }), amount: to + 64, connections: 32 })
  }
  // What the process needs to serve at all is not the entries'.
  await fill(100)
  await server.reset()
  const before = await server.tell('resident')
  await fill(count)
  const resident = (await server.tell('resident')) - before
  const { entries, bytes } = await server.tell('stats')
  return { server, count, entries, bytes, resident }
}

function anyOf(count, seed) {
  const random = seeded(seed)
  return () => ({ path: moviePath(Math.floor(random() * count), 1) })
}
