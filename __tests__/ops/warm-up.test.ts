import { writeFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import express from 'express'
import type { CacheEntry } from '../../lib/core/types.js'
import type { CacheEvent } from '../../lib/index.js'
import { filesIn, temporaryDirectory } from '../tiers/file/support.js'
import { MemoryTier } from '../../lib/tiers/memory.js'
import { warmUp } from '../../lib/tiers/warm-up.js'
import type { FileTier } from '../../lib/tiers/file/tier.js'
import { testCache, type Cache, type CacheOptions } from '../support/cache.js'
import { ask, type Answer } from '../support/client.js'
import { fakeClock } from '../support/clock.js'
import { counted, type CountedHandler } from '../support/express.js'
import { serve } from '../support/server.js'
import { entryOf } from '../tiers/tier-contract.js'

const BODY = 4_000
/** Body and meta. */
const ENTRY = 5_000
const MINUTE = 60_000
const directory = temporaryDirectory()
const clock = fakeClock()

interface Player {
  readonly cache: Cache
  readonly handler: CountedHandler
  readonly events: CacheEvent[]
  readonly play: (movie: number) => Promise<Answer>
}

async function player(cacheDir: string, tts: CacheOptions['tts'] = {}): Promise<Player> {
  const cache = testCache({ clock, tts: { cacheDir, fileMinFreeBytes: 0, ...tts } })
  const events: CacheEvent[] = []
  cache.on('event', event => void events.push(event))
  const handler = counted((req, res) => res.type('audio/mpeg').send(Buffer.from(`ID3 ${req.url}`.padEnd(BODY))))
  const app = express()
  app.get('/tts/:movieId', cache.cacheTts(), handler)
  const served = await serve(app)
  return { cache, handler, events, play: movie => ask(served, `/tts/${movie}`) }
}

/** A directory with the speech of movies 1 to 6, used in this order, by a process that has ended. */
async function played(): Promise<string> {
  const dir = directory()
  const { cache, play } = await player(dir)
  for (let movie = 1; movie <= 6; movie++) {
    const written = new Promise<void>(done => {
      cache.on('event', ({ type }) => {
        if (type === 'stored') done()
      })
    })
    await play(movie)
    await written
    clock.advance(2 * MINUTE)
  }
  await cache.close()
  return dir
}

const hitTiers = (events: readonly CacheEvent[]): unknown[] =>
  events.flatMap(event => (event.type === 'hit' ? [event.tier] : []))

describe('a cache with warmUpBytes', () => {
  it('answers from memory right after its start, without its handlers', async () => {
    const dir = await played()
    const { cache, handler, events, play } = await player(dir, { warmUpBytes: 1_000_000 })
    expect(await cache.warmedUp()).toEqual({
      entries: 6,
      bytes: expect.any(Number),
      milliseconds: expect.any(Number),
    })
    for (let movie = 1; movie <= 6; movie++) {
      expect((await play(movie)).body.toString()).toBe(`ID3 /tts/${movie}`.padEnd(BODY))
    }
    expect(hitTiers(events)).toEqual(Array.from({ length: 6 }, () => 'memory'))
    expect(handler.calls).toBe(0)
  })

  it.each<[what: string, options: CacheOptions['tts'], inMemory: number[]]>([
    ['no more than so many bytes', { warmUpBytes: 2 * ENTRY }, [5, 6]],
    ['no more than memory has room for', { warmUpBytes: 1_000_000, maxMemorySize: 3 }, [4, 5, 6]],
    ['nothing where it does not want any', { warmUpBytes: 0 }, []],
    ['nothing by default', {}, []],
  ])('reads what was used last, and %s', async (_, options, inMemory) => {
    const dir = await played()
    const { cache, events, play } = await player(dir, options)
    await cache.warmedUp()
    expect(events.map(({ type }) => type)).not.toContain('evicted')
    expect(cache.stats().profiles.tts.entries).toBe(inMemory.length)
    for (const movie of inMemory) await play(movie)
    expect(hitTiers(events)).toEqual(inMemory.map(() => 'memory'))
  })

  it('keeps the order of use: what was used longest ago goes first', async () => {
    const dir = await played()
    const { cache, events, play } = await player(dir, { warmUpBytes: 1_000_000, maxMemorySize: 3 })
    await cache.warmedUp()
    for (const movie of [7, 8]) await play(movie)
    const gone = events.flatMap(event => (event.type === 'evicted' ? [event.key.split(' ')[1]] : []))
    expect(gone).toEqual(['4', '5'])
  })

  it('checks what it reads: damage is removed, and made anew', async () => {
    const dir = await played()
    const newest = [...filesIn(dir).keys()].find(path => /\/6\/[^/]*\.mp3$/.test(`/${path}`))!
    writeFileSync(`${dir}/${newest}`, 'ID3 of another movie'.padEnd(BODY))
    const { cache, handler, play } = await player(dir, { warmUpBytes: 1_000_000 })
    expect(await cache.warmedUp()).toMatchObject({ entries: 5 })
    expect(cache.stats().files).toMatchObject({ damaged: 1 })
    expect((await play(6)).headers['x-cache']).toBe('MISS')
    expect(handler.calls).toBe(1)
  })

  it.each(Array.from({ length: 12 }, (_, n) => n * 4))('brings nothing back that is purged after %i turns', async n => {
    const dir = await played()
    const { cache, play } = await player(dir, { warmUpBytes: 1_000_000 })
    for (let at = 0; at < n; at++) await turn()
    await cache.purge({ movie: 6 })
    await cache.warmedUp()
    expect((await play(6)).headers['x-cache']).toBe('MISS')
    expect((await play(5)).headers['x-cache']).toBe('HIT')
  })

  it('stops when it is closed', async () => {
    const dir = await played()
    const { cache } = await player(dir, { warmUpBytes: 1_000_000 })
    await cache.close()
    expect(await cache.warmedUp()).toMatchObject({ entries: 0 })
    expect(cache.stats().entries).toBe(0)
  })

  it('finds nothing in a directory that is not there, and none where there are no files', async () => {
    const { cache } = await player(directory(), { warmUpBytes: 1_000_000 })
    expect(await cache.warmedUp()).toMatchObject({ entries: 0, bytes: 0 })
    const without = testCache({ tts: { fileCache: false, warmUpBytes: 1_000_000 } })
    expect(await without.warmedUp()).toBeUndefined()
  })

  it.each([
    ['warmUpBytes', -1],
    ['warmUpBytes', 0.5],
    ['warmUpTime', 0],
    ['warmUpTime', '5s'],
  ])('refuses %s: %p', (name, value) => {
    expect(() => testCache({ tts: { [name]: value } })).toThrow(`tts.${name} is`)
  })
})

describe('the time of a warm-up', () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }))
  afterEach(() => jest.useRealTimers())

  it('ends it with what was read by then, the last used first', async () => {
    const entries = Array.from({ length: 6 }, (_, n): CacheEntry =>
      entryOf({ profile: 'tts', path: `/${6 - n}` }, clock),
    )
    const memory = new MemoryTier({
      maxBytes: 1_000_000,
      maxEntries: { api: 10, enhanced: 10, ai: 10, tts: 10 },
      clock,
    })
    async function* recent(): AsyncGenerator<{ key: string; bytes: number }> {
      for (const { key } of entries) yield { key, bytes: 1_000 }
    }
    const stored = {
      get: async (key: string): Promise<CacheEntry> => {
        // Every read takes so long.
        jest.advanceTimersByTime(1_000)
        const entry = entries.find(one => one.key === key)!
        memory.set(entry)
        return entry
      },
    }
    const report = await warmUp(
      memory,
      { recent } as unknown as FileTier,
      stored as unknown as FileTier,
      { maxBytes: 1_000_000, maxTime: 2_500, memoryBytes: 1_000_000, memoryEntries: 10 },
      new AbortController().signal,
    )
    expect(report).toEqual({ entries: 3, bytes: 3_000, milliseconds: 3_000 })
    expect(entries.map(({ key }) => memory.get(key) !== undefined)).toEqual([true, true, true, false, false, false])
  })
})
