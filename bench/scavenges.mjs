// What V8 pays for entries whenever its young generation is full: the part of a hit that grows with their number.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { machine } from './machine.mjs'
import { amount, median, ratio, table } from './table.mjs'

const processFile = fileURLToPath(new URL('scavenges-process.mjs', import.meta.url))

/** How much the machine's memory is asked for by others changes from minute to minute: they take turns. */
const SETS = 3
const SIZES = [100, 10_000, 1_000_000]
const QUICK_SIZES = [100, 1_000]
const KEEPERS = ['memory tier', 'map']

export async function scavenges({ quick }) {
  const sizes = quick ? QUICK_SIZES : SIZES
  const measured = new Map()
  for (let set = 0; set < (quick ? 1 : SETS); set++) {
    for (const count of sizes) {
      for (const keeper of KEEPERS) {
        const name = `${keeper}, ${amount(count)} entries`
        measured.set(name, [...(measured.get(name) ?? []), await measure({ keeper, count, quick })])
      }
    }
  }
  const rows = [...measured].map(([name, sets]) => [
    name,
    ratio(median(sets.flatMap(({ pauses }) => pauses))),
    sets.map(({ pauses }) => ratio(median(pauses))).join(', '),
    amount(median(sets.map(({ heap }) => heap))),
  ])
  const head = ['what is kept, 2 KB each', 'a scavenge, ms', 'by process', 'heap per entry, bytes']
  return [machine(), '### Scavenges, one for some thousand hits', table(head, rows)].join('\n\n')
}

async function measure(settings) {
  const child = fork(processFile, [JSON.stringify(settings)], {
    execArgv: ['--expose-gc', '--max-old-space-size=8192'],
  })
  const [result] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`its process ended with code ${code}`))),
  ])
  return result
}
