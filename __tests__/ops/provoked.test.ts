import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import perf_hooks from 'node:perf_hooks'
import { promisify } from 'node:util'
import express from 'express'
import type { AlertCode, CacheEvent } from '../../lib/index.js'
import { testCache, type Cache, type CacheOptions } from '../support/cache.js'
import { ask, type Answer } from '../support/client.js'
import { fakeClock, type FakeClock } from '../support/clock.js'
import { serve } from '../support/server.js'
import { temporaryDirectory } from '../tiers/file/support.js'

const MiB = 1024 * 1024
const directory = temporaryDirectory()

interface Watched {
  readonly cache: Cache
  readonly clock: FakeClock
  readonly get: (path: string) => Promise<Answer>
  /** Resolves when the alert has come, or gone, as an event. */
  readonly heard: (code: AlertCode, raised: boolean) => Promise<void>
  readonly codes: () => AlertCode[]
  fails: boolean
}

/** A cache whose alerts are looked at all the time, and an app whose handlers fail on demand. */
async function watched(options: CacheOptions = {}): Promise<Watched> {
  const clock = fakeClock()
  const cache = testCache({ clock, ...options, alerts: { interval: 5, eventLoopDelay: 60_000, ...options.alerts } })
  const events: CacheEvent[] = []
  const waiting = new Set<() => void>()
  cache.on('event', event => {
    events.push(event)
    for (const wake of waiting) wake()
  })
  const it: Watched = {
    ...{ cache, clock, fails: false },
    get: path => ask(server, path),
    codes: () => cache.stats().alerts.map(({ code }) => code),
    heard: (code, raised) =>
      new Promise(resolve => {
        const wake = (): void => {
          if (!events.some(event => event.type === 'alert' && event.code === code && event.raised === raised)) return
          waiting.delete(wake)
          resolve()
        }
        waiting.add(wake)
        wake()
      }),
  }
  const app = express()
  for (const [path, route] of [
    ['/api', cache.cacheApi({ staleIfError: 3_600_000 })],
    ['/tts', cache.cacheTts()],
  ] as const) {
    app.get(`${path}/:movieId`, route, (_req, res) => {
      if (it.fails) res.sendStatus(503)
      else res.type('audio/ogg').send(Buffer.from('OggS'.padEnd(1_000)))
    })
  }
  const server = await serve(app)
  return it
}

const stored = (cache: Cache): Promise<void> =>
  new Promise(resolve => cache.on('event', event => event.type === 'stored' && resolve()))

describe('raised and cleared, as events and in health:', () => {
  it('heap-high and heap-critical, in a process with a small heap', async () => {
    const flags = ['--expose-gc', '--max-old-space-size=64', '--max-semi-space-size=1']
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, join(__dirname, 'small-heap.mjs')], {
      timeout: 50_000,
    })
    const { heard, health } = JSON.parse(stdout) as { heard: [string, boolean][]; health: string[] }
    expect(heard.slice(0, 2)).toEqual([
      ['heap-high', true],
      ['heap-critical', true],
    ])
    expect(heard.slice(2).sort()).toEqual([
      ['heap-critical', false],
      ['heap-high', false],
    ])
    expect(health.slice(0, 2)).toEqual(['degraded', 'failing'])
    expect(health.at(-1)).toBe('ok')
  }, 60_000)

  it('thrashing, by a crawl through a memory that is too small', async () => {
    const it = await watched({ api: { maxSize: 2 } })
    for (let movie = 0; movie < 52; movie++) await it.get(`/api/${movie}`)
    await it.heard('thrashing', true)
    expect(it.cache.health()).toMatchObject({
      status: 'degraded',
      alerts: [{ code: 'thrashing', since: it.clock.now() }],
    })
    it.clock.advance(300_000)
    await it.heard('thrashing', false)
    expect(it.cache.health()).toMatchObject({ status: 'ok', alerts: [] })
  })

  it('but not thrashing, by a crawl that pushes out what has had its time', async () => {
    const it = await watched({ api: { maxSize: 60 } })
    for (let movie = 0; movie < 60; movie++) await it.get(`/api/${movie}`)
    it.clock.advance(60_000)
    for (let movie = 60; movie < 120; movie++) await it.get(`/api/${movie}`)
    expect(it.cache.stats()).toMatchObject({ evictions: 60, alerts: [] })
  })

  it('hit-rate-fell, by keys that nobody has asked for before', async () => {
    const it = await watched({ api: { maxSize: 1_000 } })
    for (let n = 0; n < 300; n++) await it.get('/api/603')
    it.clock.advance(600_000)
    for (let movie = 0; movie < 100; movie++) await it.get(`/api/${movie}`)
    await it.heard('hit-rate-fell', true)
    expect(it.codes()).toEqual(['hit-rate-fell'])
    for (let n = 0; n < 100; n++) await it.get('/api/99')
    await it.heard('hit-rate-fell', false)
    expect(it.codes()).toEqual([])
  }, 20_000)

  it('handler-errors-covered, by a handler that fails behind stale answers', async () => {
    const it = await watched({ alerts: { coveredErrors: 3 } })
    await it.get('/api/603')
    it.clock.advance(400_000)
    it.fails = true
    for (let n = 0; n < 3; n++) {
      expect(await it.get('/api/603')).toMatchObject({ status: 200, headers: { 'x-cache': 'STALE' } })
      it.clock.advance(20_000)
    }
    await it.heard('handler-errors-covered', true)
    expect(it.codes()).toEqual(['handler-errors-covered'])
    it.clock.advance(300_000)
    await it.heard('handler-errors-covered', false)
  })

  it('event-loop-delayed, by work that holds the event loop', async () => {
    const it = await watched({ alerts: { eventLoopDelay: 200, interval: 400 } })
    const hold = setInterval(() => {
      const end = performance.now() + 500
      while (performance.now() < end);
    }, 1)
    await it.heard('event-loop-delayed', true)
    clearInterval(hold)
    await it.heard('event-loop-delayed', false)
  }, 30_000)

  it('files-failing, by a directory that is no directory any more', async () => {
    const dir = directory()
    const it = await watched({ tts: { cacheDir: dir } })
    writeFileSync(dir, 'not a directory')
    expect((await it.get('/tts/1')).status).toBe(200)
    await it.heard('files-failing', true)
    expect(it.cache.health()).toMatchObject({ status: 'degraded', alerts: [{ code: 'files-failing' }] })
    rmSync(dir)
    for (let movie = 2; it.codes().length > 0; movie++) {
      const written = stored(it.cache)
      it.clock.advance(10_000)
      await it.get(`/tts/${movie}`)
      await written
      // Sweeps recover by themselves too, at their next turn.
      await it.cache.verify()
    }
    await it.heard('files-failing', false)
    expect(it.codes()).toEqual([])
  })

  it('files-damaged, by a byte that has changed, for an hour', async () => {
    const dir = directory()
    const it = await watched({ tts: { cacheDir: dir } })
    const written = stored(it.cache)
    await it.get('/tts/603')
    await written
    const [name] = readdirSync(join(dir, 'v1', '603')).filter(file => file.endsWith('.ogg'))
    writeFileSync(join(dir, 'v1', '603', name!), 'OggX')
    await it.cache.verify()
    await it.heard('files-damaged', true)
    expect(it.cache.health()).toMatchObject({ status: 'degraded', alerts: [{ code: 'files-damaged' }] })
    it.clock.advance(3_600_000)
    await it.heard('files-damaged', false)
    expect(it.cache.stats()).toMatchObject({ alerts: [], files: { damaged: 1 } })
  })

  it('files-full, which is no fault, by much speech in a small budget', async () => {
    const it = await watched({ tts: { cacheDir: directory(), fileMaxBytes: 65_536 } })
    for (let movie = 0; !it.codes().includes('files-full'); movie++) {
      const written = stored(it.cache)
      await it.get(`/tts/${movie}`)
      await written
    }
    await it.heard('files-full', true)
    expect(it.cache.health().status).toBe('ok')
    await it.cache.purge({ all: true })
    await it.heard('files-full', false)
  })

  const mount = (dir: string): boolean =>
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', dir]).status === 0
  // Lazily: what the cache was about to write there may still be under way.
  const unmount = (dir: string): boolean => spawnSync('umount', ['-l', dir]).status === 0
  const disk = mkdtempSync(join(tmpdir(), 'reelcache-'))
  const isMounted = mount(disk)
  afterAll(() => {
    if (isMounted) unmount(disk)
    rmSync(disk, { recursive: true })
  })

  ;(isMounted ? it : it.skip)('disk-low, by a tmpfs that is nearly full', async () => {
    const it = await watched({ tts: { cacheDir: join(disk, 'tts'), fileMinFreeBytes: MiB } })
    mkdirSync(join(disk, 'tts'))
    writeFileSync(join(disk, 'film'), Buffer.alloc(6.5 * MiB))
    await it.heard('disk-low', true)
    expect(it.cache.health()).toMatchObject({ status: 'degraded', alerts: [{ code: 'disk-low' }] })
    renameSync(join(disk, 'film'), join(disk, 'gone'))
    rmSync(join(disk, 'gone'))
    await it.heard('disk-low', false)
    expect(it.codes()).toEqual([])
  })
})

describe('health', () => {
  it('is ok in a cache that is well, and says what it holds', async () => {
    const it = await watched()
    await it.get('/api/603')
    await it.get('/api/603')
    const health = it.cache.health()
    expect(health).toEqual({
      status: 'ok',
      memory: {
        used: expect.any(Number),
        total: expect.any(Number),
        percentage: expect.any(Number),
        rss: expect.any(Number),
      },
      cache: {
        ...{ entries: 1, bytes: it.cache.stats().bytes, maxBytes: 64 * MiB, hitRate: 0.5 },
        ...{ hitRates: { lastMinute: 0.5, last5Minutes: 0.5, lastHour: 0.5 }, files: undefined },
      },
      alerts: [],
    })
    const { used, total, percentage, rss } = health.memory
    expect(percentage).toBeCloseTo((used / total) * 100, 0)
    expect(rss).toBeGreaterThan(used)
  })

  it('of a closed cache can be asked, and nothing is measured for it any more', async () => {
    const it = await watched()
    const measured = jest.spyOn(perf_hooks, 'monitorEventLoopDelay')
    await it.cache.close()
    expect(it.cache.health().status).toBe('ok')
    expect(measured).not.toHaveBeenCalled()
    measured.mockRestore()
  })
})
