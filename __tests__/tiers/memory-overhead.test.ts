import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/**
 * Bytes in V8's heap and in Buffers that each of 50,000 small entries takes, and the bytes it counts for. A process of its own measures it:
 * here, the garbage of other test files would be collected meanwhile.
 */
const script = `
const { MemoryTier } = require('./dist/cjs/tiers/memory.js')
const { handlerFields } = require('./dist/cjs/http/handler-fields.js')
const { makeEntry } = require('./dist/cjs/core/entry.js')
const { strongEtag } = require('./dist/cjs/http/etag.js')

const count = 50_000
const now = Date.now()
const maxEntries = { api: count, enhanced: 1, ai: 1, tts: 1 }
const memory = new MemoryTier({ maxBytes: 2 ** 31, maxEntries, clock: { now: () => now } })

// Texts of its own for each entry, and a header of its own: what is shared would not be measured.
const own = text => Buffer.from(text).toString()
const header = n => handlerFields({}, { 'content-type': own('text/plain; charset=utf-8; n=' + n) })
const validators = body => {
  const etag = own(strongEtag(body))
  return { etag, handlerEtag: own('W/' + etag) }
}
const entry = (n, isBare) => {
  const body = Buffer.alloc(100, n)
  return makeEntry({
    key: isBare ? 'api ' + n : own('api ' + n + ' GET http://localhost /api/movies/' + n),
    profile: 'api',
    status: 200,
    ...(isBare ? { headers: {}, removed: [], initialAge: n } : { ...header(n), ...validators(body), initialAge: 0 }),
    body,
    ...{ storedAt: now, freshSpan: 1, refreshSpan: 1, coverSpan: 1 },
    explicit: false,
    handlerTime: 12.5,
  })
}
const used = () => {
  for (let round = 0; round < 3; round++) gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
const empty = used()
for (let n = 0; n < count; n++) memory.set(entry(n, process.argv[1] === 'bare'))
console.log(JSON.stringify({ entries: memory.entries, taken: (used() - empty) / count, counted: memory.bytes / count }))
`

describe('the overhead that an entry counts for', () => {
  it.each([
    ['an entry with a header and validators', 'whole'],
    ['one without', 'bare'],
  ])('is not less than what %s takes beside its texts and bytes, and not twice as much', (_, what) => {
    const cwd = join(__dirname, '../..')
    const measured = execFileSync(process.execPath, ['--expose-gc', '-e', script, what], { cwd, encoding: 'utf8' })
    const { entries, taken, counted } = JSON.parse(measured) as Record<'entries' | 'taken' | 'counted', number>
    expect(entries).toBe(50_000)
    expect(taken).toBeLessThanOrEqual(counted)
    expect(taken).toBeGreaterThan(counted / 2)
  })
})
