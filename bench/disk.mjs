import { performance } from 'node:perf_hooks'
import { ask } from './answers.mjs'
import { fetchRight } from './client.mjs'
import { start } from './process.mjs'
import { amount, median, table } from './table.mjs'
import { temporaryDirectory } from './temporary.mjs'

/** Speech is made, the server restarted, and everything asked for twice: first from disk, then from memory. */
export async function disk(entrants, settings) {
  const lines = Array.from({ length: settings.quick ? 10 : 50 }, (_, i) => ask.speech(`Line ${i}`))
  const left = []
  const rows = []
  for (const { name } of entrants.filter(({ kind }) => kind === 'cache')) {
    let server
    try {
      const kept = { ...settings, directory: temporaryDirectory() }
      server = await start(name, kept)
      await inTurn(server, lines)
      await server.stop()
      server = await start(name, kept)
      const first = await inTurn(server, lines)
      const { calls } = await server.sample()
      if (calls > 0) throw new Error(`asked the handler for ${calls} of ${lines.length} answers after the restart`)
      rows.push([name, amount(median(first)), amount(Math.max(...first)), amount(median(await inTurn(server, lines)))])
    } catch ({ message }) {
      left.push(`${name} (${message})`)
    }
    await server?.stop()
  }
  return [
    `### First hit after a restart, ${lines.length} times 200 KB of audio`,
    ...(rows.length > 0 ? [table(['variant', 'first hit, median ms', 'at most', 'second hit, median ms'], rows)] : []),
    ...(left.length > 0 ? [`Left out: ${left.join('; ')}.`] : []),
  ].join('\n\n')
}

async function inTurn(server, requests) {
  const times = []
  for (const request of requests) {
    const begun = performance.now()
    await fetchRight(server.port, request)
    times.push(performance.now() - begun)
  }
  return times
}
