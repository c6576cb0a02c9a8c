import { mkdirSync } from 'node:fs'
import express, { type RequestHandler } from 'express'
import { PROFILES, type CacheEntry, type ProfileName } from '../../lib/core/types.js'
import type { CacheEvent, CacheStats } from '../../lib/index.js'
import { FileTier } from '../../lib/tiers/file/tier.js'
import { cacheStatus, onlyIfCached, testCache, type Cache } from '../support/cache.js'
import { ask, type Answer } from '../support/client.js'
import { fakeClock, type FakeClock } from '../support/clock.js'
import { counted } from '../support/express.js'
import { seeded, type Random } from '../support/random.js'
import { serve, type Served } from '../support/server.js'
import { temporaryDirectory } from '../tiers/file/support.js'

const LONG = process.env['REELCACHE_LONG'] !== undefined
const REQUESTS = LONG ? 20_000 : 2_000
const MINUTE = 60_000
const MOVIES = 14
const MAX_ENTRIES: Record<ProfileName, number> = { api: 8, enhanced: 6, ai: 5, tts: 4 }
const TTL: Record<ProfileName, number> = { api: 30 * MINUTE, enhanced: 60 * MINUTE, ai: 90 * MINUTE, tts: 45 * MINUTE }
const COST: Record<ProfileName, number> = { api: 1, enhanced: 2, ai: 5, tts: 16 }

/** What a handler takes, in whole milliseconds: sums of them are exact. */
const handlerTimeOf = (profile: ProfileName, movie: number): number => 10 * movie + PROFILES.indexOf(profile)

const directory = temporaryDirectory()

/** Counts beside the cache: from what clients see, and from a plain model of what must be where. */
class Count {
  readonly profiles = Object.fromEntries(PROFILES.map(name => [name, newCount()])) as Record<
    ProfileName,
    ReturnType<typeof newCount>
  >
  /** What memory holds, the least recently used first, and until when. */
  readonly memory = Object.fromEntries(PROFILES.map(name => [name, new Map<number, number>()])) as Record<
    ProfileName,
    Map<number, number>
  >
  readonly files = new Set<number>()
  readonly lookUps: { profile: ProfileName; at: number; isAnswered: boolean }[] = []

  constructor(private readonly clock: FakeClock) {}

  answer(profile: ProfileName, movie: number, method: string, answer: Answer): void {
    const status = cacheStatus(answer)
    const count = this.profiles[profile]
    if (status['detail'] === 'only-if-cached') return increment(count.bypasses, 'only-if-cached')
    if (status['fwd'] === 'bypass') return increment(count.bypasses, String(status['detail']))
    const isCollapsed = status['collapsed'] === true
    const isHit = status['hit'] === true || isCollapsed
    this.lookUps.push({ profile, at: this.clock.now(), isAnswered: isHit })
    if (isHit) return this.#hit(profile, movie, isCollapsed, isSaving(method, answer))
    count.misses++
    if (status['stored'] !== true) return increment(count.refusals, String(status['detail']))
    count.stored++
    this.#toMemory(profile, movie)
    if (profile === 'tts') this.files.add(movie)
  }

  purge(movie: number): void {
    for (const profile of PROFILES) this.memory[profile].delete(movie)
    this.files.delete(movie)
  }

  /** What is too old now goes out of memory. */
  expire(): void {
    for (const profile of PROFILES) {
      for (const [movie, until] of this.memory[profile]) {
        if (until > this.clock.now()) continue
        this.memory[profile].delete(movie)
        this.profiles[profile].expired++
      }
    }
  }

  #hit(profile: ProfileName, movie: number, isCollapsed: boolean, isSaved: boolean): void {
    const count = this.profiles[profile]
    count.hits++
    if (isSaved) {
      count.saved.runs++
      count.saved.time += handlerTimeOf(profile, movie)
      count.saved.cost += COST[profile]
    }
    const until = this.memory[profile].get(movie)
    if (isCollapsed) count.collapsed++
    else increment(count.hitsByTier, until === undefined ? 'file' : 'memory')
    if (until === undefined) this.#toMemory(profile, movie)
    else this.#touch(profile, movie, until)
  }

  #toMemory(profile: ProfileName, movie: number): void {
    const held = this.memory[profile]
    this.#touch(profile, movie, this.clock.now() + TTL[profile])
    if (held.size <= MAX_ENTRIES[profile]) return
    held.delete([...held.keys()][0]!)
    this.profiles[profile].evictions++
  }

  #touch(profile: ProfileName, movie: number, until: number): void {
    this.memory[profile].delete(movie)
    this.memory[profile].set(movie, until)
  }

  rate(profiles: readonly ProfileName[], span = Infinity): number {
    const bucket = (at: number): number => Math.floor(at / 5_000)
    const all = this.lookUps.filter(
      ({ profile, at }) => profiles.includes(profile) && bucket(at) > bucket(this.clock.now()) - span / 5_000,
    )
    return all.length === 0 ? 0 : all.filter(({ isAnswered }) => isAnswered).length / all.length
  }
}

const newCount = () => ({
  ...{ hits: 0, collapsed: 0, misses: 0, stored: 0, evictions: 0, expired: 0 },
  hitsByTier: {} as Record<string, number>,
  bypasses: {} as Record<string, number>,
  refusals: {} as Record<string, number>,
  saved: { runs: 0, time: 0, cost: 0 },
})

const increment = (counts: Record<string, number>, word: string): void => {
  counts[word] = (counts[word] ?? 0) + 1
}

function isSaving(method: string, { status, headers }: Answer): boolean {
  if (method === 'HEAD') return false
  return status === 200 || status === 304 || (status === 206 && headers['content-range']!.startsWith('bytes 0-'))
}

interface World {
  readonly cache: Cache
  /** Resolves when no file is being read any more, for whomever. */
  readonly filesRead: () => Promise<unknown>
  readonly clock: FakeClock
  readonly server: Served
  readonly stored: () => number
  readonly expired: () => number
  /** Resolves when one more event of the type was heard. */
  readonly heard: (type: CacheEvent['type']) => Promise<void>
  readonly bytesOf: (profile: ProfileName, movie: number) => number
  expectRequests: (count: number) => void
}

async function world(dir: string): Promise<World> {
  const clock = fakeClock()
  let worked = 0
  jest.spyOn(performance, 'now').mockImplementation(() => worked)
  const profile = (name: ProfileName): object => ({ ttl: TTL[name], cost: COST[name], cleanupInterval: 1 })
  const cache = testCache({
    clock,
    api: { ...profile('api'), maxSize: MAX_ENTRIES.api },
    enhanced: { ...profile('enhanced'), maxSize: MAX_ENTRIES.enhanced, staleWhileRevalidate: 0, staleIfError: 0 },
    ai: { ...profile('ai'), maxSize: MAX_ENTRIES.ai, staleIfError: 0 },
    tts: { ...profile('tts'), maxMemorySize: MAX_ENTRIES.tts, cacheDir: dir },
  })
  const counts: Partial<Record<CacheEvent['type'], number>> = {}
  const bytes = new Map<string, number>()
  const waiting = new Set<() => void>()
  cache.on('event', event => {
    counts[event.type] = (counts[event.type] ?? 0) + 1
    if (event.type === 'stored') bytes.set(event.key.split(' ', 2).join(), event.bytes)
    for (const wake of waiting) wake()
  })

  const reads = new Set<Promise<CacheEntry | undefined>>()
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with its tier
  const get = FileTier.prototype.get
  jest.spyOn(FileTier.prototype, 'get').mockImplementation(function (this: FileTier, key) {
    const read = get.call(this, key)
    reads.add(read)
    void read.finally(() => reads.delete(read))
    return read
  })

  let arrived = 0
  let expected = 1
  const everybody = new Set<() => void>()
  const arrive: RequestHandler = (_req, _res, next) => {
    arrived++
    next()
    if (arrived >= expected) for (const go of everybody) setImmediate(go)
  }
  const handler = (name: ProfileName): RequestHandler =>
    counted(async (req, res) => {
      if (arrived < expected) await new Promise<void>(resolve => everybody.add(resolve))
      worked += handlerTimeOf(name, Number(req.params['movieId']))
      const { kind } = req.query
      if (kind === 'failing') return res.sendStatus(503)
      if (kind === 'private') res.set('Cache-Control', 'private')
      if (kind === 'cookie') res.set('Set-Cookie', 'a=1')
      return res.type('audio/ogg').send(Buffer.from(`OggS ${name} ${String(req.params['movieId'])}`.padEnd(100)))
    })
  const app = express().use(arrive)
  const make = { api: cache.cacheApi(), enhanced: cache.cacheEnhanced(), ai: cache.cacheAi(), tts: cache.cacheTts() }
  for (const name of PROFILES) app.get(`/${name}/:movieId`, make[name], handler(name))
  return {
    ...{ cache, clock, server: await serve(app) },
    filesRead: () => Promise.all(reads),
    stored: () => counts.stored ?? 0,
    expired: () => counts.expired ?? 0,
    heard: type =>
      new Promise(resolve => {
        const before = counts[type]
        const wake = (): void => {
          if (counts[type] === before) return
          waiting.delete(wake)
          resolve()
        }
        waiting.add(wake)
      }),
    bytesOf: (name, movie) => bytes.get(`${name},${movie}`)!,
    expectRequests: count => {
      everybody.clear()
      ;[arrived, expected] = [0, count]
    },
  }
}

interface Question {
  readonly profile: ProfileName
  readonly movie: number
  readonly method: string
  readonly kind: string | undefined
  readonly headers: Record<string, string>
  /** So many equal ones at once. */
  readonly times: number
}

function question(random: Random): Question {
  const profile = random.pick(PROFILES)
  const method = random.chance(0.05) ? 'HEAD' : 'GET'
  // A few movies are asked for most.
  const movie = random.chance(0.6) ? random.below(4) + 1 : random.below(MOVIES) + 1
  const kind = random.chance(0.1) ? random.pick(['failing', 'private', 'cookie']) : undefined
  const headers = random.chance(0.6)
    ? {}
    : random.pick<Record<string, string>>([
        { Authorization: 'Bearer x' },
        { Cookie: 'sid=1' },
        { Range: 'bytes=0-' },
        { Range: 'bytes=50-' },
        { 'If-None-Match': '*' },
        onlyIfCached,
      ])
  return { profile, movie, method, kind, headers, times: random.chance(0.15) ? random.below(5) + 2 : 1 }
}

/** Sends one question, and counts its answers once all that they set going is done. */
async function pose(
  { server, expectRequests, stored, heard, filesRead }: World,
  count: Count,
  asked: Question,
): Promise<number> {
  const { profile, movie, method, kind, headers, times } = asked
  const path = `/${profile}/${movie}${kind === undefined ? '' : `?kind=${kind}`}`
  const before = stored()
  expectRequests(times)
  const answers = await Promise.all(Array.from({ length: times }, () => ask(server, path, { method, headers })))
  const made = answers.filter(answer => cacheStatus(answer)['stored'] === true).length
  while (stored() < before + made) await heard('stored')
  // A look-up of somebody who has been answered by another's may still bring an answer up to memory.
  await filesRead()
  // Whoever ran the handler comes first, then those who waited for it, then hits. Where there is a file, whoever found it comes first.
  const order = (answer: Answer): number =>
    Number(cacheStatus(answer)['hit'] === true) * 2 + Number(cacheStatus(answer)['collapsed'] === true)
  const isFiled = profile === 'tts' && count.files.has(movie) && !count.memory.tts.has(movie)
  for (const answer of [...answers].sort((a, b) => (isFiled ? order(b) - order(a) : order(a) - order(b)))) {
    count.answer(profile, movie, method, answer)
  }
  return times
}

function expectAgreement(stats: CacheStats, count: Count, { bytesOf }: World): void {
  for (const name of PROFILES) {
    const { evictions, ...counted } = count.profiles[name]
    const held = [...count.memory[name].keys()]
    expect({ name, ...stats.profiles[name] }).toEqual({
      ...{ name, ...counted, evictions, evictionsByCause: { entries: evictions, bytes: 0 } },
      ...{ stale: 0, covered: 0, refreshes: 0, revalidated: 0 },
      hitRate: count.rate([name]),
      hitRates: ratesOf(count, [name]),
      entries: held.length,
      bytes: held.reduce((sum, movie) => sum + bytesOf(name, movie), 0),
    })
  }
  const sum = (pick: (profile: CacheStats['profiles']['api']) => number): number =>
    PROFILES.reduce((total, name) => total + pick(stats.profiles[name]), 0)
  expect(stats).toMatchObject({
    ...{ hits: sum(one => one.hits), misses: sum(one => one.misses), evictions: sum(one => one.evictions) },
    ...{ entries: sum(one => one.entries), bytes: sum(one => one.bytes), maxBytes: 64 * 1024 * 1024 },
    saved: { runs: sum(one => one.saved.runs), time: sum(one => one.saved.time), cost: sum(one => one.saved.cost) },
    ...{ hitRate: count.rate(PROFILES), hitRates: ratesOf(count, PROFILES) },
    ...{ flights: { running: 0, waiting: 0 }, tierErrors: {} },
    files: {
      entries: count.files.size,
      bytes: count.files.size * ENTRY_ON_DISK,
      evicted: 0,
      expired: 0,
      damaged: 0,
      failures: 0,
    },
  })
}

const ratesOf = (count: Count, profiles: readonly ProfileName[]): CacheStats['hitRates'] => ({
  lastMinute: count.rate(profiles, MINUTE),
  last5Minutes: count.rate(profiles, 5 * MINUTE),
  lastHour: count.rate(profiles, 60 * MINUTE),
})

/** A small entry on disk: a block of 4 KiB for its body, its meta and each of its two folders. */
const ENTRY_ON_DISK = 4 * 4_096

afterEach(() => jest.restoreAllMocks())

test.each([1, 2])(
  `every number of stats agrees with an independent count over ${REQUESTS} random requests (seed %d)`,
  async seed => {
    const random = seeded(seed)
    const dir = directory()
    mkdirSync(dir)
    const it = await world(dir)
    const { cache, clock } = it
    const count = new Count(clock)
    for (let asked = 0, round = 0; asked < REQUESTS; round++) {
      asked += await pose(it, count, question(random))
      if (random.chance(0.02)) {
        const movie = random.below(MOVIES) + 1
        await cache.purge({ movie })
        count.purge(movie)
      }
      if (random.chance(0.2)) clock.advance(random.below(random.chance(0.12) ? 40 * MINUTE : 20_000))
      count.expire()
      const expired = PROFILES.reduce((sum, name) => sum + count.profiles[name].expired, 0)
      while (it.expired() < expired) await it.heard('expired')
      if (round % 100 === 99) expectAgreement(cache.stats(), count, it)
    }
    expectAgreement(cache.stats(), count, it)
    // Each of the numbers has been more than zero: nothing agrees because nothing happened.
    for (const name of PROFILES) {
      const { hits, collapsed, misses, stored, evictions, expired, saved } = cache.stats().profiles[name]
      const least = { hits, collapsed, misses, stored, evictions, expired, runs: saved.runs }
      expect(Object.entries(least).filter(([, number]) => number === 0)).toEqual([])
    }
    expect(Object.keys(cache.stats().profiles.tts.hitsByTier).sort()).toEqual(['file', 'memory'])
  },
  LONG ? 300_000 : 60_000,
)
