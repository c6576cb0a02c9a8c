import { ask, SLOW } from './answers.mjs'
import { burst } from './client.mjs'
import { start } from './process.mjs'
import { amount, quantile, ratio, table } from './table.mjs'

const TOGETHER = 500
/** Bursts before those that count: a process that has just begun speaks of its compiler. */
const WARM_UP = 10

/** Many at once on a key nobody has asked for yet, again with new keys. */
export async function cold(entrants, settings) {
  const left = []
  const rows = []
  const bursts = settings.sets * settings.rounds
  for (const { name } of entrants.filter(({ kind }) => kind === 'plain' || kind === 'cache')) {
    let server
    try {
      server = await start(name, settings)
      const calls = []
      const times = []
      for (let id = 0; id < WARM_UP + bursts; id++) {
        const before = (await server.sample()).calls
        const took = await burst(server.port, ask.slow(id), TOGETHER)
        if (id < WARM_UP) continue
        times.push(...took)
        calls.push((await server.sample()).calls - before)
      }
      const p99 = quantile(times, 0.99)
      rows.push([name, amount(Math.max(...calls)), amount(quantile(times, 0.5)), amount(p99), ratio(p99 / SLOW)])
    } catch ({ message }) {
      left.push(`${name} (${message})`)
    }
    await server?.stop()
  }
  const head = ['variant', 'handler calls at most', 'median ms', 'p99 ms', `p99 ÷ handler (${SLOW} ms)`]
  return [
    `### ${TOGETHER} at once on a cold key, ${bursts} times`,
    table(head, rows),
    ...(left.length > 0 ? [`Left out: ${left.join('; ')}.`] : []),
  ].join('\n\n')
}
