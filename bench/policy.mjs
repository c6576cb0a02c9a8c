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
/** Milliseconds. Nothing becomes stale while the trace runs. */
const LONG = 1e9
/** Milliseconds between two requests. */
const PACE = 50

const bytesOfZeros = Buffer.alloc(1_000_000)

/**
 * Policies by name: each makes something with `get(key)`, `set(entry)` and the `bytes` it holds. Limits of entries keep to a budget only where
 * they reckon with the largest answers; reckoned with the average they hold more now and then.
 */
const policies = {
  'entries only, by the largest': (budget, { largest }) => entriesOnly(countsFor(budget, largest)),
  'entries only, by the average': (budget, { average }) => entriesOnly(countsFor(budget, average)),
  'one shared LRU': budget => {
    const lru = new LRUCache({ maxSize: budget, maxEntrySize: budget / 8 })
    return {
      get: key => lru.get(key),
      set: entry => lru.set(entry.key, true, { size: entrySize(entry) }),
      get bytes() {
        return lru.calculatedSize
      },
    }
  },
  'memory tier': tierPolicy(MemoryTier),
}

function entriesOnly(counts) {
  let bytes = 0
  const dispose = size => void (bytes -= size)
  const rooms = Object.fromEntries(
    Object.entries(counts).map(([profile, max]) => [profile, new LRUCache({ max, dispose })]),
  )
  return {
    get: key => rooms[key.slice(0, key.indexOf(' '))].get(key),
    set(entry) {
      const size = entrySize(entry)
      bytes += size
      rooms[entry.profile].set(entry.key, size)
    },
    get bytes() {
      return bytes
    },
  }
}

/** A memory tier as a policy. Its own limits by entries are out of the way: the budget is what is compared. */
function tierPolicy(Tier) {
  return (budget, sizes, clock) => new Tier({ maxBytes: budget, maxEntries: UNLIMITED, clock })
}

/** As many entries of each profile as fill the budget when they have these sizes, in the proportions of the defaults. */
function countsFor(budget, sizes) {
  const filled = Object.entries(DEFAULT_ENTRIES).reduce((sum, [profile, count]) => sum + count * sizes[profile], 0)
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
  const sizes = sizesOf(part)
  return BUDGETS.map(budget => {
    const results = Object.entries(compared).map(([name, make]) => [name, replay(make, budget, sizes, part)])
    return report(budget, sizes, results)
  }).join('\n\n')
}

/** How many bytes the answers of each profile take: on average, and at most. */
function sizesOf(part) {
  const seen = {}
  for (const request of trace({ part })) {
    const bytes = entrySize(entryOf(request, 0))
    const sizes = (seen[request.profile] ??= { sum: 0, count: 0, largest: 0 })
    sizes.sum += bytes
    sizes.count++
    sizes.largest = Math.max(sizes.largest, bytes)
  }
  const each = pick => Object.fromEntries(Object.entries(seen).map(([profile, sizes]) => [profile, pick(sizes)]))
  return { average: each(({ sum, count }) => sum / count), largest: each(({ largest }) => largest) }
}

function replay(make, budget, sizes, part) {
  let now = 0
  const cache = make(budget, sizes, { now: () => now })
  const total = { requests: 0, hits: 0, bytes: 0, bytesHit: 0, cost: 0, costSaved: 0, mostHeld: 0, phases: {} }
  for (const request of trace({ part })) {
    now += PACE
    const isHit = cache.get(request.key) !== undefined
    if (!isHit) cache.set(entryOf(request, now))
    total.mostHeld = Math.max(total.mostHeld, cache.bytes)
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
function entryOf({ profile, key, bytes, cost }, now) {
  return {
    key,
    profile,
    status: 200,
    headers: { 'content-type': 'application/octet-stream' },
    removed: [],
    body: bytesOfZeros.subarray(0, bytes),
    etag: '"0"',
    storedAt: now,
    initialAge: 0,
    freshSpan: LONG,
    refreshSpan: LONG,
    coverSpan: LONG,
    explicit: false,
    handlerTime: cost,
  }
}

function report(budget, sizes, results) {
  const phases = Object.keys(results[0][1].phases)
  const head = [
    'policy',
    'held at most, MB',
    'object hits',
    'bytes hit',
    'cost saved',
    ...phases.map(phase => `hits, ${phase}`),
  ]
  const rows = results.map(
    ([name, { requests, hits, bytes, bytesHit, cost, costSaved, mostHeld, phases: byPhase }]) => [
      name,
      megabytes(mostHeld),
      percent(hits / requests),
      percent(bytesHit / bytes),
      percent(costSaved / cost),
      ...phases.map(phase => percent(byPhase[phase].hits / byPhase[phase].requests)),
    ],
  )
  const counts = Object.entries(sizes).map(([by, bytes]) => {
    const each = Object.entries(countsFor(budget, bytes)).map(([profile, number]) => `${profile} ${amount(number)}`)
    return `by the ${by} ${each.join(', ')}`
  })
  return [
    `### Policy, budget ${megabytes(budget)} MB, ${amount(results[0][1].requests)} requests`,
    table(head, rows),
    `Entries only: ${counts.join('; ')}. The trace is described in bench/trace.mjs.`,
  ].join('\n\n')
}
