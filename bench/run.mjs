// npm run bench -- [workload…] [--sets N] [--rounds N] [--seconds S] [--variants a,b] [--baseline NAME] [--add FILE] [--quick]
// npm run bench -- policy [--tier NAME=FILE]
// npm run bench -- growth [--sets N] [--variants a,b]
// npm run bench -- scavenges
import { parseArgs } from 'node:util'
import { cold } from './cold.mjs'
import { compare } from './compare.mjs'
import { disk } from './disk.mjs'
import { findVariant, findVariants } from './find.mjs'
import { flood } from './flood.mjs'
import { growth } from './growth.mjs'
import { machine } from './machine.mjs'
import { policy } from './policy.mjs'
import { pin } from './pin.mjs'
import { start } from './process.mjs'
import { scavenges } from './scavenges.mjs'
import { startStore } from './store.mjs'
import { everybody, workloads } from './workloads.mjs'

const others = { cold, disk, flood }
const names = [...Object.keys(workloads), ...Object.keys(others)]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sets: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    connections: { type: 'string', default: '32' },
    variants: { type: 'string' },
    baseline: { type: 'string', default: 'express-preset' },
    add: { type: 'string' },
    tier: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
  },
})

// What is cleared away at the end is cleared away then too.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

const print = text => process.stdout.write(`${text}\n\n`)

/** The variants named that have a part in what is wanted, with the baselines they need; without those that cannot be had here. */
async function entrants(wanted, settings) {
  const known = await findVariants(values.add)
  const chosen = values.variants?.split(',') ?? Object.keys(known)
  const compared = wanted.filter(name => name in workloads).map(name => workloads[name])
  const needed = compared.map(({ baseline }) => baseline ?? values.baseline)
  for (const name of [...chosen, ...needed]) await findVariant(name, values.add)
  const kinds = wanted.flatMap(name => workloads[name]?.kinds ?? everybody)
  const found = []
  for (const [name, { kind }] of Object.entries(known)) {
    if (!kinds.includes(kind) || (!chosen.includes(name) && !needed.includes(name))) continue
    try {
      const server = await start(name, settings)
      await server.stop()
      found.push({ name, kind })
    } catch ({ message }) {
      print(`Left out everywhere: ${name} (${message}).`)
    }
  }
  return found
}

/** The port of a store, where somebody needs one and there is one to be had. */
async function storeFor(wanted) {
  if (!wanted.some(name => workloads[name]?.kinds.includes('store'))) return undefined
  try {
    return await startStore()
  } catch ({ message }) {
    print(`Left out: what needs Redis (${message}).`)
    return undefined
  }
}

async function comparison(wanted) {
  const unknown = wanted.find(name => !names.includes(name))
  if (unknown !== undefined) throw new Error(`there is no workload ${unknown}; there are ${names.join(', ')}`)
  const { core, words } = pin()
  const settings = {
    core,
    add: values.add,
    baseline: values.baseline,
    quick: values.quick,
    sets: Number(values.sets ?? (values.quick ? 1 : 3)),
    rounds: Number(values.rounds ?? (values.quick ? 2 : 3)),
    seconds: Number(values.seconds ?? (values.quick ? 0.2 : 1)),
    connections: Number(values.connections),
    store: await storeFor(wanted),
  }
  const { sets, rounds, seconds, connections } = settings
  print(machine())
  print(
    `${sets} sets of processes, ${rounds} rounds of ${seconds} s with each, ${connections} connections, ${words}, NODE_ENV=production. Ratios are medians of the ratios of each round.`,
  )
  const variants = await entrants(wanted, settings)
  for (const name of wanted) {
    if (workloads[name]?.kinds.includes('store') && settings.store === undefined) continue
    const run = others[name] ?? ((...args) => compare(workloads[name], ...args))
    print(await run(variants, { ...settings, workload: name }))
  }
}

const [first] = positionals
if (first === 'policy') print(await policy({ tiers: values.tier, quick: values.quick }))
else if (first === 'scavenges') print(await scavenges({ quick: values.quick }))
else if (first === 'growth')
  print(
    await growth({
      ...pin(),
      seconds: Number(values.seconds ?? 2),
      quick: values.quick,
      variants: values.variants?.split(','),
      ...(values.sets !== undefined && { sets: Number(values.sets) }),
    }),
  )
else await comparison(positionals.length > 0 ? positionals : names)
