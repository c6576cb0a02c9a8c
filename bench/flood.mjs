import { ask } from './answers.mjs'
import { load } from './load.mjs'
import { start } from './process.mjs'
import { amount, megabytes, table } from './table.mjs'

/** Large answers, each under a key of its own: how much memory does the process take at most? */
export async function flood(entrants, settings) {
  const count = settings.quick ? 300 : 3_000
  const bytes = ask.enriched(1_000).answer.body.length
  const left = []
  const rows = []
  for (const { name } of entrants.filter(({ kind }) => kind === 'plain' || kind === 'cache')) {
    let server
    try {
      server = await start(name, settings)
      const before = (await server.sample()).peak
      let id = 1_000
      // Only the path is needed here: the answers would take longer to make than the flood.
      const next = () => ({ path: `/movies/${++id}/enriched` })
      const { peak, errors } = await load(server, { ...settings, next, amount: count })
      if (errors > 0) throw new Error(`${errors} connections failed under load`)
      rows.push([name, megabytes(before), megabytes(peak), megabytes(peak - before)])
    } catch ({ message }) {
      left.push(`${name} (${message})`)
    }
    await server?.stop()
  }
  return [
    `### Peak memory under a flood of ${amount(count)} answers of ${amount(bytes / 1_000)} KB (${megabytes(count * bytes)} MB)`,
    table(['variant', 'before, MB', 'peak, MB', 'rise, MB'], rows),
    ...(left.length > 0 ? [`Left out: ${left.join('; ')}.`] : []),
  ].join('\n\n')
}
