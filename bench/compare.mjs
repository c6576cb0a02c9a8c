import { faultAfterLoad, faultUnderLoad, prepare } from './check.mjs'
import { load } from './load.mjs'
import { start } from './process.mjs'
import { amount, median, percent, ratio, table } from './table.mjs'

/**
 * Loads the variants in turn, round by round, and sets each round's values against the baseline's of the same round: what disturbs the
 * machine for a while disturbs both. Then all over again in other processes: two of one variant differ by more than two of its rounds.
 */
export async function compare(workload, entrants, settings) {
  /** Why somebody is left out, by name. */
  const left = new Map()
  const windows = new Map()
  const remaining = () => entrants.filter(({ name, kind }) => workload.kinds.includes(kind) && !left.has(name))
  for (let set = 0; set < settings.sets; set++) {
    const runners = await admitted(workload, remaining(), settings, left)
    await measure(workload, runners, settings, left)
    for (const runner of runners) windows.set(runner.name, [...(windows.get(runner.name) ?? []), ...runner.windows])
  }
  const measured = remaining().map(({ name }) => ({ name, windows: windows.get(name) }))
  const reasons = [...left].map(([name, reason]) => `${name} (${reason})`)
  return report(workload, measured, reasons, workload.baseline ?? settings.baseline)
}

/** Starts the variants, each with what it is to be loaded with; who does not answer rightly is left out. */
async function admitted(workload, entrants, settings, left) {
  const runners = []
  for (const { name, kind } of entrants) {
    const server = await start(name, settings)
    try {
      const request = await prepare(server, kind, workload)
      runners.push({ name, kind, server, request, next: workload.next?.(), windows: [] })
    } catch ({ message }) {
      left.set(name, message)
      await server.stop()
    }
  }
  return runners
}

/** Gives each runner the windows of its rounds; who answers wrongly meanwhile goes. */
async function measure(workload, runners, settings, left) {
  // The round before the first warms up.
  for (let round = -1; round < settings.rounds; round++) {
    // Nobody always comes first, or always after the same one.
    const turn = Math.max(0, round) % runners.length
    for (const runner of [...runners.slice(turn), ...runners.slice(0, turn)]) {
      if (workload.misses) await runner.server.reset()
      const window = await load(runner.server, { ...settings, ...runner })
      const fault =
        faultUnderLoad(runner.kind, workload, runner.request, window) ??
        (await faultAfterLoad(runner.server, workload, runner.request))
      if (fault !== undefined) {
        left.set(runner.name, fault)
        runners.splice(runners.indexOf(runner), 1)
        await runner.server.stop()
      } else if (round >= 0) runner.windows.push(window)
    }
  }
  for (const { server } of runners) await server.stop()
}

function report({ title }, runners, left, baseline) {
  const base = runners.find(({ name }) => name === baseline)
  if (base === undefined)
    return [`### ${title}`, `No table: the baseline was left out. Left out: ${left.join('; ')}.`].join('\n\n')
  const overBase = (windows, field) =>
    median(windows.map((window, round) => window[field] / base.windows[round][field]))
  const rows = runners.map(({ name, windows }) => [
    name === baseline ? `**${name}**` : name,
    ratio(overBase(windows, 'cpu')),
    amount(median(windows.map(({ cpu }) => cpu))),
    ratio(overBase(windows, 'rate')),
    amount(median(windows.map(({ rate }) => rate))) + (windows.some(isLoadTheLimit) ? ' †' : ''),
  ])
  const head = ['variant', `CPU ÷ ${baseline}`, 'CPU µs/request', `throughput ÷ ${baseline}`, 'requests/s']
  const limited = runners.some(({ windows }) => windows.some(isLoadTheLimit))
  return [
    `### ${title}`,
    table(head, rows),
    noise(base),
    ...(limited ? ['† the load generator was busier than the server: the server could do more.'] : []),
    ...(left.length > 0 ? [`Left out: ${left.join('; ')}.`] : []),
  ].join('\n\n')
}

const isLoadTheLimit = window => window.isLoadTheLimit

function noise({ name, windows }) {
  const spread = field => {
    const values = windows.map(window => window[field])
    return percent((Math.max(...values) - Math.min(...values)) / median(values))
  }
  return `Noise: between its ${windows.length} rounds ${name} itself spread by ${spread('cpu')} in CPU and ${spread('rate')} in throughput.`
}
