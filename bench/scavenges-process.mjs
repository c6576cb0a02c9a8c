// Keeps so many entries, lets hits fill the young generation again and again, and says how long each scavenge took.
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { makeEntry } from '../dist/esm/core/entry.js'
import { handlerFields } from '../dist/esm/http/handler-fields.js'
import { strongEtag } from '../dist/esm/http/etag.js'
import { MemoryTier } from '../dist/esm/tiers/memory.js'
import { moviePath } from './answers.mjs'

const { keeper, count, quick } = JSON.parse(process.argv[2])

const BODY_BYTES = 2_048
const TYPE = 'application/json; charset=utf-8'
/** Milliseconds. Nothing becomes stale here. */
const LONG = 1e9
/** What is asked for, again and again. */
const FEW = 100
const ROUNDS = quick ? 3 : 60
const HITS = 1_000
/** Objects of 256 bytes that a hit leaves behind: 16 KB, as much as Node does. */
const LEFT_BEHIND = 64
/** Larger than the processor's caches: while requests are served, other things are in them. */
const others = new Uint8Array(64 * 1024 * 1024)

const keepers = {
  'memory tier': keepInTier,
  map: keepInMap,
}

function keepInTier() {
  const now = Date.now()
  const memory = new MemoryTier({
    maxBytes: 2 ** 34,
    maxEntries: { api: count, enhanced: 1, ai: 1, tts: 1 },
    clock: { now: () => now },
  })
  const keyOf = id => `api ${id} GET http://localhost:3000 ${moviePath(id, 1)}`
  for (let id = 0; id < count; id++) {
    const body = bodyOf(id)
    const etag = textOf(strongEtag(body))
    const { headers, removed } = handlerFields({}, { 'content-type': TYPE })
    memory.set(
      makeEntry({
        ...{ key: textOf(keyOf(id)), profile: 'api', status: 200, headers, removed, body },
        ...{ etag, handlerEtag: textOf(`W/${etag}`), explicit: false, handlerTime: 12.5 + id },
        ...{ storedAt: now, initialAge: 0, freshSpan: LONG, refreshSpan: LONG, coverSpan: LONG },
      }),
    )
  }
  return id => memory.get(keyOf(id))
}

/** As the `map` among the variants does. */
function keepInMap() {
  const kept = new Map()
  for (let id = 0; id < count; id++) {
    const body = bodyOf(id)
    const head = ['Content-Type', TYPE, 'Content-Length', textOf(String(body.length))]
    kept.set(textOf(moviePath(id, 1)), { head, body })
  }
  return id => kept.get(moviePath(id, 1))
}

const bodyOf = id => Buffer.allocUnsafeSlow(BODY_BYTES).fill(id)

/** In one piece, and its own, as a text is that has been sent once. */
const textOf = text => Buffer.from(text).toString()

const used = () => {
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage().heapUsed
}

const before = used()
const get = keepers[keeper]()
const heap = (used() - before) / count

const pauses = []
new PerformanceObserver(list => {
  for (const { detail, duration } of list.getEntries()) {
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) pauses.push(duration)
  }
}).observe({ entryTypes: ['gc'] })

// Sent below: what nobody reads, V8 need not make.
let sum = 0
for (let round = 0; round < ROUNDS; round++) {
  for (let at = 0; at < others.length; at += 64) sum += others[at]++
  for (let hit = 0; hit < HITS; hit++) {
    if (get(hit % FEW) === undefined) throw new Error('what should be kept is not')
    for (let left = 0; left < LEFT_BEHIND; left++) sum += new Array(30).length
  }
  await wait(1)
}
await wait(100)
process.send({ heap, pauses, sum })
process.disconnect()
