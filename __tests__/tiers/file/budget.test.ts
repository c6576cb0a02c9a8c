import { readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CacheEntry } from '../../../lib/core/types.js'
import { nodeFileSystem } from '../../../lib/tiers/file/fs.js'
import { fakeClock } from '../../support/clock.js'
import { filesIn, KiB, MiB, pathsOf, speech, temporaries, tiers, weight } from './support.js'

const { clock, directory, open, ready } = tiers()

const sized = (text: string, bytes: number, movie = '603'): CacheEntry =>
  speech({ text, movie, body: Buffer.alloc(bytes, `ID3 ${text}`) }, clock)

const isThere = (dir: string, entry: CacheEntry): boolean =>
  filesIn(dir).has(pathsOf(dir, entry).meta.slice(dir.length + 1))

describe('the budget', () => {
  it('holds by weight, whatever is written, and the tier knows what it holds', async () => {
    const dir = directory()
    const maxBytes = 512 * KiB
    const { tier } = await ready(dir, { maxBytes })
    for (let n = 0; n < 200; n++) {
      clock.advance(1_000)
      await tier.set(sized(String(n), 8 * KiB, String(n % 7)))
      expect(weight(dir)).toBeLessThanOrEqual(maxBytes * 1.1 + 10 * KiB)
    }
    const report = await tier.sweep()
    expect(weight(dir)).toBeLessThanOrEqual(maxBytes)
    expect(weight(dir)).toBeGreaterThan(maxBytes / 2)
    expect(report).toMatchObject({ bytes: weight(dir), complete: true })
    expect(tier.usage()).toMatchObject({ bytes: weight(dir), maxBytes, failing: undefined })
    expect(tier.usage().entries * 2 + 1).toBe(filesIn(dir).size)
    expect(tier.usage().evicted).toBeGreaterThan(0)
  })

  it('is not passed by many writes at once', async () => {
    const dir = directory()
    const maxBytes = 256 * KiB
    const { tier } = await ready(dir, { maxBytes })
    const stored = await Promise.all(Array.from({ length: 100 }, (_, n) => tier.set(sized(String(n), 16 * KiB))))
    expect(stored).toContain(true)
    expect(stored).toContain(false)
    expect(weight(dir)).toBeLessThanOrEqual(maxBytes * 1.2)
  })

  it('of which others use a part is made free of the least recently used', async () => {
    const dir = directory()
    const first = await ready(dir)
    const entries = Array.from({ length: 20 }, (_, n) => sized(String(n), 10 * KiB))
    for (const entry of entries) {
      clock.advance(1_000)
      await first.tier.set(entry)
    }
    clock.advance(120_000)
    await first.tier.get(entries[0]!.key)
    clock.advance(1_000)
    await first.tier.get(entries[5]!.key)
    await first.tier.close()

    const { tier } = open(dir, { maxBytes: 110 * KiB })
    const report = await tier.sweep()
    expect(report.evicted + tier.usage().evicted).toBeGreaterThan(0)
    const left = entries.flatMap((entry, n) => (isThere(dir, entry) ? [n] : []))
    expect(left).toContain(0)
    expect(left).toContain(5)
    const others = left.filter(n => n !== 0 && n !== 5)
    expect(others).toEqual(Array.from({ length: others.length }, (_, at) => 20 - others.length + at))
    expect(weight(dir)).toBeLessThanOrEqual(110 * KiB)
  })

  it('counts a use once a minute, and a read through another process as well', async () => {
    const dir = directory()
    const [one, two] = [await ready(dir), await ready(dir)]
    const [a, b] = [sized('a', KiB), sized('b', KiB)]
    await one.tier.set(a)
    clock.advance(1_000)
    await one.tier.set(b)
    const usedAt = (entry: CacheEntry) => nodeFileSystem.lstat(pathsOf(dir, entry).meta).then(({ mtimeMs }) => mtimeMs)
    const before = await usedAt(a)
    clock.advance(30_000)
    await two.tier.get(a.key)
    expect(await usedAt(a)).toBe(before)
    clock.advance(30_000)
    await two.tier.get(a.key)
    expect(Math.round(await usedAt(a))).toBe(clock.now())
  })

  it('smaller than what lies there already is reached in one sweep', async () => {
    const dir = directory()
    const first = await ready(dir)
    for (let n = 0; n < 60; n++) await first.tier.set(sized(String(n), 4 * KiB, String(n)))
    await first.tier.close()
    const { tier } = open(dir, { maxBytes: 8 * KiB })
    await tier.sweep()
    expect(weight(dir)).toBeLessThanOrEqual(8 * KiB)
    expect(readdirSync(join(dir, 'v1'))).toHaveLength(tier.usage().entries)
  })

  it('takes no entry that is larger than itself', async () => {
    const { tier } = open(directory(), { maxBytes: 20 * KiB, maxEntryBytes: MiB })
    expect(tier.maxEntryBytes).toBe(20 * KiB)
    expect(await tier.set(sized('a', 21 * KiB))).toBe(false)
    expect(await tier.set(sized('b', KiB))).toBe(true)
  })
})

describe('free space', () => {
  it('is kept: what is least recently used goes, and nothing is written until there is room', async () => {
    const dir = directory()
    let free = 1_000_000
    const statfs = () => Promise.resolve({ bavail: free, blocks: 10_000_000, bsize: 1 })
    const { tier, errors } = await ready(dir, { fs: { ...nodeFileSystem, statfs }, minFreeBytes: 500_000 })
    const entries = Array.from({ length: 10 }, (_, n) => sized(String(n), 10_000))
    for (const entry of entries) {
      clock.advance(1_000)
      expect(await tier.set(entry)).toBe(true)
    }
    free = 475_000
    clock.advance(1_000)
    const late = sized('late', 10_000)
    expect(await tier.set(late)).toBe(false)
    expect(tier.usage().failing).toMatch(/^ENOSPC: 25000 bytes are missing/)
    expect(errors).toHaveLength(1)
    await tier.sweep()
    expect(isThere(dir, entries[0]!)).toBe(false)
    expect(isThere(dir, entries[9]!)).toBe(true)
    free = 500_000
    clock.advance(1_000)
    expect(await tier.set(late)).toBe(true)
    expect(tier.usage().failing).toBeUndefined()
  })

  it('is 64 MiB, or 5 % of a small file system, unless the user says otherwise', async () => {
    const space = { bavail: 0, blocks: 0, bsize: 4_096 }
    const statfs = () => Promise.resolve({ ...space })
    const stores = async (size: number, free: number): Promise<boolean> => {
      Object.assign(space, { blocks: size / 4_096, bavail: free / 4_096 })
      const { tier } = await ready(directory(), { fs: { ...nodeFileSystem, statfs }, minFreeBytes: undefined! })
      return tier.set(sized('a', KiB))
    }
    expect(await stores(100_000 * MiB, 63 * MiB)).toBe(false)
    expect(await stores(100_000 * MiB, 65 * MiB)).toBe(true)
    expect(await stores(100 * MiB, 4 * MiB)).toBe(false)
    expect(await stores(100 * MiB, 6 * MiB)).toBe(true)
  })
})

describe('time', () => {
  it('does not make audio old: a hit after a year is fresh for its ttl again', async () => {
    const { tier } = open(directory())
    const entry = sized('a', 100)
    await tier.set(entry)
    clock.advance(365 * 86_400_000)
    const age = 365 * 86_400_000
    const spans = { freshSpan: age + 300_000, refreshSpan: age + 400_000, coverSpan: age + 500_000 }
    expect(await tier.get(entry.key)).toEqual({ ...entry, ...spans })
  })

  it('ends what the handler itself has put an end to', async () => {
    const dir = directory()
    const { tier } = open(dir)
    const entry = speech({ explicit: true, freshSpan: 10_000, refreshSpan: 10_000, coverSpan: 10_000 }, clock)
    await tier.set(entry)
    clock.advance(9_999)
    expect(await tier.get(entry.key)).toEqual(entry)
    clock.advance(1)
    expect(await tier.get(entry.key)).toBeUndefined()
    expect([...filesIn(dir).keys()]).toEqual(['CACHEDIR.TAG'])
    expect(tier.usage()).toMatchObject({ expired: 1, damaged: 0, entries: 0, bytes: 0 })
  })

  it('ends all others after fileTtl, on reading or at the next sweep', async () => {
    const dir = directory()
    const { tier } = await ready(dir, { ttl: 600_000 })
    const [read, swept] = [sized('a', 100), sized('b', 100)]
    await tier.set(read)
    await tier.set(swept)
    clock.advance(400_000)
    expect((await tier.get(read.key))?.freshSpan).toBe(600_000)
    clock.advance(199_999)
    expect(await tier.sweep()).toMatchObject({ expired: 0, entries: 2 })
    clock.advance(1)
    expect(await tier.get(read.key)).toBeUndefined()
    expect(await tier.sweep()).toMatchObject({ expired: 1, entries: 0, bytes: 0 })
    expect([...filesIn(dir).keys()]).toEqual(['CACHEDIR.TAG'])
    expect(tier.usage().expired).toBe(2)
  })

  it('may jump: entries of the future are there, count as just used, and writes go on', async () => {
    const dir = directory()
    const later = fakeClock(clock.now() + 86_400_000)
    const future = await ready(dir, { clock: later })
    const entry = sized('a', 10 * KiB)
    await future.tier.set(entry)
    await future.tier.close()
    const { tier } = await ready(dir, { maxBytes: 40 * KiB })
    for (let n = 0; n < 10; n++) {
      await tier.set(sized(String(n), 10 * KiB))
      await tier.sweep()
    }
    expect((await tier.get(entry.key))?.body).toEqual(entry.body)
    expect(weight(dir)).toBeLessThanOrEqual(40 * KiB)
    // Once it is used it stands in line like the others.
    expect(Math.round((await nodeFileSystem.lstat(pathsOf(dir, entry).meta)).mtimeMs)).toBe(clock.now())
  })
})

describe('what a crash leaves behind', () => {
  const digest = 'd'.repeat(64)
  const other = 'a'.repeat(16)

  it('goes with the next sweep: temporary files of the dead, bodies without meta, metas without body', async () => {
    const dir = directory()
    // When a file was changed cannot be set: these two are said to be old.
    const aged = async (path: string) => {
      const stat = await nodeFileSystem.lstat(path)
      const ctimeMs = /-1\.tmp$/.test(path) ? Date.now() - 3_600_000 : performance.timeOrigin - 1_000
      return /-[12]\.tmp$/.test(path) ? Object.assign(stat, { ctimeMs }) : stat
    }
    const { tier } = await ready(dir, { fs: { ...nodeFileSystem, lstat: aged } })
    const entry = sized('a', 100)
    await tier.set(entry)
    const halved = sized('b', 100)
    await tier.set(halved)
    rmSync(pathsOf(dir, halved).body)
    const folder = pathsOf(dir, entry).folder
    const write = (name: string, at = new Date()): void => {
      writeFileSync(join(folder, name), 'half a')
      utimesSync(join(folder, name), at, at)
    }
    write(`.${digest}.999999999.${other}-0.tmp`)
    write(`.${digest}.${process.ppid}.${other}-1.tmp`)
    write(`.${digest}.${process.pid}.${other}-2.tmp`)
    write(`${digest}.mp3`, new Date(clock.now() - 61_000))
    const report = await tier.sweep()
    expect(report).toMatchObject({ temporaries: 3, orphans: 1, damaged: 1, entries: 1 })
    expect(filesIn(dir).size).toBe(3)
    expect(await tier.get(entry.key)).toEqual(entry)
  })

  it('is left alone where it may be the work of a living process', async () => {
    const dir = directory()
    const { tier } = await ready(dir)
    const entry = sized('a', 100)
    await tier.set(entry)
    const folder = pathsOf(dir, entry).folder
    const names = [`.${digest}.${process.ppid}.${other}-0.tmp`, `.${digest}.${process.pid}.${other}-0.tmp`]
    for (const name of names) writeFileSync(join(folder, name), 'half a')
    writeFileSync(join(folder, `${digest}.mp3`), 'whole')
    const justNow = new Date(clock.now() - 59_000)
    utimesSync(join(folder, `${digest}.mp3`), justNow, justNow)
    expect(await tier.sweep()).toMatchObject({ temporaries: 0, orphans: 0 })
    expect(temporaries(dir)).toHaveLength(2)
    expect(filesIn(dir).size).toBe(6)
  })

  it('is told from the body of an entry whose type has changed', async () => {
    const dir = directory()
    const { tier } = await ready(dir)
    const entry = sized('a', 100)
    await tier.set(entry)
    writeFileSync(pathsOf(dir, entry).body.replace(/mp3$/, 'wav'), 'older')
    const long = new Date(clock.now() - 100_000)
    for (const name of readdirSync(pathsOf(dir, entry).folder))
      if (!name.endsWith('.meta')) utimesSync(join(pathsOf(dir, entry).folder, name), long, long)
    expect(await tier.sweep()).toMatchObject({ orphans: 1, damaged: 0 })
    expect(await tier.get(entry.key)).toEqual(entry)
    expect(filesIn(dir).size).toBe(3)
  })

  it.each([1, 2, 7])('leaves one body beside a meta, its own, where %d others have been left there', async count => {
    const dir = directory()
    const { tier } = await ready(dir)
    const entry = sized('a', 100)
    await tier.set(entry)
    const { body } = pathsOf(dir, entry)
    const others = ['wav', 'ogg', 'opus', 'flac', 'aac', 'm4a', 'webm'].slice(0, count)
    for (const extension of others) {
      const path = body.replace(/mp3$/, extension)
      writeFileSync(path, 'of another time')
      utimesSync(path, clock.now() / 1000, clock.now() / 1000)
    }
    await tier.sweep()
    expect(filesIn(dir).size).toBe(3 + count)
    clock.advance(60_001)
    expect(await tier.sweep()).toMatchObject({ orphans: count, damaged: 0 })
    expect(filesIn(dir).size).toBe(3)
    expect(await tier.get(entry.key)).toMatchObject({ key: entry.key, body: entry.body })
  })
})

describe('several tiers on one directory', () => {
  it('see what the others write, replace and purge', async () => {
    const dir = directory()
    const [one, two] = [(await ready(dir)).tier, (await ready(dir)).tier]
    const entry = sized('a', 100)
    await one.set(entry)
    expect(await two.get(entry.key)).toEqual(entry)
    const again = { ...entry, body: Buffer.from('ID3 again'), headers: { 'content-type': 'audio/flac' } }
    await two.set(again)
    expect(await one.get(entry.key)).toEqual(again)
    expect(filesIn(dir).size).toBe(3)
    expect(await one.deleteTag('movie:603')).toBe(1)
    expect(await two.get(entry.key)).toBeUndefined()
  })

  it('never mix what they write at the same time', async () => {
    const dir = directory()
    const all = await Promise.all([ready(dir), ready(dir), ready(dir)])
    const versions = Array.from({ length: 30 }, (_, n) => ({
      ...sized('same', 1_000 + n),
      headers: { 'content-type': n % 2 === 0 ? 'audio/mpeg' : 'audio/wav', 'x-version': String(n) },
      body: Buffer.alloc(1_000 + n, n),
    }))
    const reads = await Promise.all(
      versions.flatMap((version, n) => {
        const [writer, reader] = [all[n % 3]!.tier, all[(n + 1) % 3]!.tier]
        return [writer.set(version), reader.get(version.key), reader.sweep(), reader.get(version.key)]
      }),
    )
    for (const it of reads) {
      if (typeof it !== 'object' || !('headers' in it)) continue
      expect(it).toEqual(versions[Number(it.headers['x-version'])])
    }
    const [key, { tier }] = [versions[0]!.key, all[0]]
    await tier.set(versions[0]!)
    expect(await tier.get(key)).toEqual(versions[0])
    clock.advance(120_000)
    await tier.sweep()
    expect(filesIn(dir).size).toBe(3)
  })

  it('keep one budget', async () => {
    const dir = directory()
    const maxBytes = 400 * KiB
    const all = await Promise.all(Array.from({ length: 4 }, () => ready(dir, { maxBytes })))
    for (let n = 0; n < 400; n++) {
      clock.advance(1_000)
      await all[n % 4]!.tier.set(sized(String(n), 4 * KiB))
    }
    await Promise.all(all.map(({ tier }) => tier.sweep()))
    expect(weight(dir)).toBeLessThanOrEqual(maxBytes * 1.05)
    expect(weight(dir)).toBeGreaterThan(maxBytes / 2)
    expect(all.flatMap(({ errors }) => errors)).toEqual([])
  }, 30_000)
})
