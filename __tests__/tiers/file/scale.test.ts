import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { encodeMeta, metaOf } from '../../../lib/tiers/meta.js'
import type { CacheEntry } from '../../../lib/core/types.js'
import { proof } from '../../support/proof.js'
import { residentBytes } from '../../support/gc.js'
import { FaultyFileSystem, MiB, pathsOf, speech, tiers, weight } from './support.js'

const { directory, open } = tiers()

const nth = (n: number, movies: number): CacheEntry => speech({ movie: String(n % movies), text: String(n) })

/** Lays entries down as a tier would have, without its care. */
function layDown(dir: string, count: number, movies: number): void {
  for (let n = 0; n < count; n++) {
    const entry = nth(n, movies)
    const { body, meta } = pathsOf(dir, entry)
    if (n < movies) mkdirSync(dirname(body), { recursive: true })
    const sha256 = createHash('sha256').update(entry.body).digest('hex')
    writeFileSync(body, entry.body)
    writeFileSync(meta, encodeMeta(metaOf(entry, { size: entry.body.length, sha256 }, undefined)!))
  }
}

it('answers from its first moment, while it still counts what lies there', async () => {
  const dir = directory()
  layDown(dir, 2_000, 50)
  const faulty = new FaultyFileSystem()
  const { tier } = open(dir, { fs: faulty.fs })
  const entry = nth(1_234, 50)
  expect((await tier.get(entry.key))?.body).toEqual(entry.body)
  const late = speech({ movie: 'new' })
  expect(await tier.set(late)).toBe(true)
  expect((await tier.get(late.key))?.body).toEqual(late.body)
  expect(faulty.calls.filter(what => what === 'lstat').length).toBeLessThan(1_000)
  await tier.sweep()
  expect(tier.usage()).toMatchObject({ entries: 2_001, bytes: weight(dir) })
})

/** REELCACHE_LONG measures what the README says; without it the same is seen on a tenth. */
const COUNT = process.env['REELCACHE_LONG'] === undefined ? 10_000 : 100_000

describe.each([
  ['in 2,000 folders', 2_000],
  ['in one folder', 1],
])(`a directory of ${COUNT} entries %s`, (where, movies) => {
  proof(
    'is scanned and evicted from, and says how long it held the event loop',
    async () => {
      const dir = directory()
      layDown(dir, COUNT, movies)
      const before = residentBytes()
      const delay = monitorEventLoopDelay({ resolution: 1 })
      const longest = (): string => `${((delay.max - 1e6) / 1e6).toFixed(1)} ms`
      delay.enable()
      const started = performance.now()
      const { tier } = open(dir, { maxBytes: 1024 * MiB })
      const entry = nth(COUNT / 2 + 321, movies)
      expect((await tier.get(entry.key))?.body).toEqual(entry.body)
      const firstHit = performance.now() - started
      let peak = 0
      const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20)
      while (tier.usage().entries < COUNT) await new Promise(resolve => setTimeout(resolve, 5))
      const scan = performance.now() - started
      const lines = [
        `first hit ${firstHit.toFixed(1)} ms`,
        `start scan ${scan.toFixed(0)} ms`,
        `longest pause ${longest()}`,
      ]
      lines.push(`memory at most ${((peak - before) / MiB).toFixed(1)} MiB more during the scan`)
      await tier.close()
      lines.push(`${((residentBytes() - before) / MiB).toFixed(1)} MiB more after it`)

      // The collection above was a pause of the test's own making.
      await new Promise(resolve => setTimeout(resolve, 50))
      delay.reset()
      const again = performance.now()
      const half = open(dir, { maxBytes: Math.floor(tier.usage().bytes / 2) })
      const report = await half.tier.sweep()
      clearInterval(watch)
      lines.push(`${half.tier.usage().evicted} evicted in ${(performance.now() - again).toFixed(0)} ms`)
      lines.push(`longest pause ${longest()}`)
      delay.disable()
      console.info(`${COUNT} entries ${where}: ${lines.join('; ')}`)
      expect(report.complete).toBe(true)
      expect(half.tier.usage().bytes).toBeLessThanOrEqual(Math.floor(tier.usage().bytes / 2))
    },
    600_000,
  )
})
