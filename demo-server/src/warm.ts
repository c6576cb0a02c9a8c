/**
 * Warms the cache with every film: facts, and percentiles with similar films. With an address it asks a running server,
 * through `reelcache warm`; without one it warms a cache of its own, in this process, and says what that took.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { createCache, type WarmReport } from 'reelcache'
import { makeApp } from './app.js'
import { makeCatalogue } from './catalogue.js'
import { loadMovies, type Movie } from './movies.js'
import { LOCAL_MODELS } from './upstream/local.js'

const MiB = 1024 * 1024

const [address] = process.argv.slice(2)
const movies = loadMovies(fileURLToPath(new URL('../data/movies.json', import.meta.resolve('vega-datasets'))))

process.exitCode = address === undefined ? await warmOwn() : await warmRunning(address)

function* paths(): Generator<string> {
  for (const { id } of movies) yield* pathsOf(id)
}

function pathsOf(id: Movie['id']): string[] {
  return [`/api/movies/${id}`, `/api/movies/${id}/enhanced`]
}

async function warmRunning(base: string): Promise<number> {
  const command = fileURLToPath(new URL('cli.js', import.meta.resolve('reelcache')))
  const child = spawn(process.execPath, [command, 'warm', '--base', base], { stdio: ['pipe', 'inherit', 'inherit'] })
  // Ctrl-C reaches the child as well: its report is worth waiting for.
  process.on('SIGINT', () => undefined)
  const ended = once(child, 'close')
  const lines = Readable.from(paths()).map((path: string) => `${path}\n`)
  await pipeline(lines, child.stdin).catch(() => undefined)
  const [code] = (await ended) as [number | null]
  return code ?? 1
}

async function warmOwn(): Promise<number> {
  const cache = createCache({
    api: { maxSize: movies.length },
    enhanced: { maxSize: movies.length },
    tts: { fileCache: false },
  })
  // Neither route asks a model.
  const upstream = { baseUrl: 'http://127.0.0.1:9/v1', ...LOCAL_MODELS }
  const app = makeApp({ catalogue: makeCatalogue(movies), cache, upstream, publicDirs: [] })
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  const total = 2 * movies.length
  const before = process.resourceUsage().maxRSS * 1024
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const report = await cache.warm(app, paths(), {
    signal: interrupt.signal,
    onProgress: ({ done }) => {
      if (process.stderr.isTTY && done % 50 === 0) process.stderr.write(`\r${bar(done / total)} ${done} of ${total}`)
    },
  })
  delay.disable()
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K')
  print(report, cache.stats())
  const peak = process.resourceUsage().maxRSS * 1024
  console.log(`peak memory        ${mib(peak)} resident, ${mib(peak - before)} more than before`)
  const [half, most, worst] = [delay.percentile(50), delay.percentile(99), delay.max].map(ms)
  console.log(`event loop delay   ${half} median, ${most} 99th percentile, ${worst} worst, looked at every ms`)
  await cache.close()
  return report.failed > 0 || report.aborted ? 1 : 0
}

function print(report: WarmReport, held: { entries: number; bytes: number; evictions: number }): void {
  const { done, warmed, fresh, failed, refused, milliseconds, aborted } = report
  const rate = Math.round(done / (milliseconds / 1000))
  console.log(
    `${done} requests in ${(milliseconds / 1000).toFixed(2)} s, ${rate} a second${aborted ? ', ended early' : ''}`,
  )
  console.log(
    `outcome            ${warmed} warmed, ${fresh} fresh, ${failed} failed, refused ${JSON.stringify(refused)}`,
  )
  console.log(`in the cache       ${held.entries} entries, ${mib(held.bytes)}, ${held.evictions} pushed out`)
}

function bar(share: number): string {
  const full = Math.round(share * 24)
  return `[${'█'.repeat(full)}${'░'.repeat(24 - full)}]`
}

function mib(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`
}

function ms(nanoseconds: number): string {
  return `${(nanoseconds / 1e6).toFixed(1)} ms`
}
