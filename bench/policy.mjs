// Replays the trace through the real memory tier and through what others do, and says what each of them saves.
import { pathToFileURL } from 'node:url'
import { LRUCache } from 'lru-cache'
import { entrySize } from '../dist/esm/core/entry.js'
import { MemoryTier } from '../dist/esm/tiers/memory.js'
import { amount, megabytes, percent, table } from './table.mjs'
import { trace } from './trace.mjs'

const BUDGETS = [27_000_000, 64_000_000]
/** What the four profiles hold by default, where only entries are limited. */
const DEFAULT_ENTRIES = { api: 100, enhanced: 200, ai: 50, tts: 50 }
const UNLIMITED = { api: 1_000_000, enhanced: 1_000_000, ai: 1_000_000, tts: 1_000_000 }
/** Milliseconds between two requests. */
const PACE = 50

const bytesOfZeros = Buffer.alloc(1_000_000)

/** Policies by name: each makes something with `get(key)` and `set(entry)` that keeps to a budget. */
const policies = {
  'entries only': (budget, means) => {
    const counts = countsFor(budget, means)
    const rooms = Object.fromEntries(Object.entries(counts).map(([profile, max]) => [profile, new LRUCache({ max })]))
    return {
      get: key => rooms[key.slice(0, key.indexOf(' '))].get(key),
      set: ({ profile, key }) => rooms[profile].set(key, true),
    }
  },
  'one shared LRU': budget => {
    const lru = new LRUCache({ maxSize: budget, maxEntrySize: budget / 8 })
    return { get: key => lru.get(key), set: entry => lru.set(entry.key, true, { size: entrySize(entry) }) }
  },
  'memory tier': tierPolicy(MemoryTier),
}

/** A memory tier as a policy. Its own limits by entries are out of the way: the budget is what is compared. */
function tierPolicy(Tier) {
  return (budget, means, clock) => new Tier({ maxBytes: budget, maxEntries: UNLIMITED, clock })
}

/** As many entries of each profile as fill the budget on average, in the proportions of the defaults. */
function countsFor(budget, means) {
  const filled = Object.entries(DEFAULT_ENTRIES).reduce((sum, [profile, count]) => sum + count * means[profile], 0)
  return Object.fromEntries(
    Object.entries(DEFAULT_ENTRIES).map(([profile, count]) => [profile, Math.round((count * budget) / filled)]),
  )
}

/** @param {{ tiers: string[], quick: boolean }} options `tiers`: NAME=FILE, each another build of tiers/memory.js to compare */
export async function policy({ tiers, quick }) {
  const compared = { ...policies }
  for (const [name, file] of tiers.map(text => text.split('='))) {
    compared[name] = tierPolicy((await import(pathToFileURL(file).href)).MemoryTier)
  }
  const part = quick ? 0.05 : 1
  const means = meanBytes(part)
  return BUDGETS.map(budget => {
    const results = Object.entries(compared).map(([name, make]) => [name, replay(make, budget, means, part)])
    return report(budget, means, results)
  }).join('\n\n')
}

function meanBytes(part) {
  const sums = {}
  for (const { profile, bytes } of trace({ part })) {
    const sum = (sums[profile] ??= { bytes: 0, count: 0 })
    sum.bytes += bytes
    sum.count++
  }
  return Object.fromEntries(Object.entries(sums).map(([profile, { bytes, count }]) => [profile, bytes / count]))
}

function replay(make, budget, means, part) {
  let now = 0
  const cache = make(budget, means, { now: () => now })
  const total = { requests: 0, hits: 0, bytes: 0, bytesHit: 0, cost: 0, costSaved: 0, phases: {} }
  for (const request of trace({ part })) {
    now += PACE
    const isHit = cache.get(request.key) !== undefined
    if (!isHit) cache.set(entryOf(request, now))
    count(total, request, isHit)
  }
  return total
}

function count(total, { phase, bytes, cost }, isHit) {
  const ofPhase = (total.phases[phase] ??= { requests: 0, hits: 0 })
  ofPhase.requests++
  total.requests++
  total.bytes += bytes
  total.cost += cost
  if (!isHit) return
  ofPhase.hits++
  total.hits++
  total.bytesHit += bytes
  total.costSaved += cost
}

/** @returns {import('../dist/esm/core/types.js').CacheEntry} */
function entryOf({ profile, key, film, bytes, cost }, now) {
  const never = now + 1e12
  return {
    key,
    profile,
    status: 200,
    headers: { 'content-type': 'application/octet-stream' },
    removed: [],
    body: bytesOfZeros.subarray(0, bytes),
    etag: '"0"',
    tags: [`movie:${film}`],
    generatedAt: now,
    storedAt: now,
    staleAt: never,
    explicit: false,
    refreshUntil: never,
    coverUntil: never,
    deleteAt: never,
    handlerTime: cost,
  }
}

function report(budget, means, results) {
  const phases = Object.keys(results[0][1].phases)
  const head = ['policy', 'object hits', 'bytes hit', 'cost saved', ...phases.map(phase => `hits, ${phase}`)]
  const rows = results.map(([name, { requests, hits, bytes, bytesHit, cost, costSaved, phases: byPhase }]) => [
    name,
    percent(hits / requests),
    percent(bytesHit / bytes),
    percent(costSaved / cost),
    ...phases.map(phase => percent(byPhase[phase].hits / byPhase[phase].requests)),
  ])
  const counts = Object.entries(countsFor(budget, means)).map(([profile, number]) => `${profile} ${amount(number)}`)
  return [
    `### Policy, budget ${megabytes(budget)} MB, ${amount(results[0][1].requests)} requests`,
    table(head, rows),
    `Entries only: ${counts.join(', ')}. The trace is described in bench/trace.mjs.`,
  ].join('\n\n')
}
