import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FaultyFileSystem, filesIn, InjectedError, speech, speechByGet, temporaries, tiers } from './support.js'

const { clock, directory, open, ready } = tiers()

const entry = speech()

describe.each(['ENOSPC', 'EACCES', 'EMFILE', 'EIO', 'EROFS'])('%s while writing', code => {
  it('is said, rests the writes for a second, leaves nothing behind, and passes by itself', async () => {
    const dir = directory()
    const faulty = new FaultyFileSystem()
    const { tier, errors } = await ready(dir, { fs: faulty.fs })
    await tier.set(entry)
    faulty.judge = what => (what === 'writeFile' ? code : undefined)
    const late = speech({ text: 'late' })
    expect(await tier.set(late)).toBe(false)
    expect(errors).toEqual([expect.any(InjectedError)])
    expect(tier.usage()).toMatchObject({ failing: `${code}: injected, writeFile`, failures: 1 })
    expect(temporaries(dir)).toEqual([])

    // What is there can be read all the while.
    expect(await tier.get(entry.key)).toEqual(entry)
    faulty.calls = []
    for (let n = 0; n < 50; n++) expect(await tier.set(speech({ text: String(n) }))).toBe(false)
    expect(faulty.calls).not.toContain('writeFile')
    expect(errors).toHaveLength(1)

    clock.advance(999)
    faulty.heal()
    expect(await tier.set(late)).toBe(false)
    clock.advance(1)
    expect(await tier.set(late)).toBe(true)
    expect(await tier.get(late.key)).toEqual(expect.objectContaining({ body: late.body }))
    expect(tier.usage().failing).toBeUndefined()
  })
})

it('a clock that is set back does not make the rest longer', async () => {
  const faulty = new FaultyFileSystem()
  const { tier } = await ready(directory(), { fs: faulty.fs })
  faulty.judge = what => (what === 'writeFile' ? 'ENOSPC' : undefined)
  await tier.set(entry)
  faulty.heal()
  clock.advance(-3_600_000)
  expect(await tier.set(entry)).toBe(true)
})

it('a write that fails makes the older answer go: it was out of date', async () => {
  const faulty = new FaultyFileSystem()
  const { tier } = await ready(directory(), { fs: faulty.fs })
  await tier.set(entry)
  faulty.judge = what => (what === 'writeFile' ? 'ENOSPC' : undefined)
  expect(await tier.set({ ...entry, body: Buffer.from('ID3 new') })).toBe(false)
  expect(await tier.get(entry.key)).toBeUndefined()
})

it('a read that fails is a miss, is said, and leaves the entry where it is', async () => {
  const faulty = new FaultyFileSystem()
  const { tier, errors } = await ready(directory(), { fs: faulty.fs })
  await tier.set(entry)
  faulty.judge = what => (what === 'open' ? 'EMFILE' : undefined)
  expect(await tier.get(entry.key)).toBeUndefined()
  expect(tier.usage().failing).toBe('EMFILE: injected, open')
  expect(errors).toHaveLength(1)
  faulty.heal()
  expect((await tier.get(entry.key))?.body).toEqual(entry.body)
  expect(tier.usage()).toMatchObject({ failing: undefined, damaged: 0 })
})

it('a use that cannot be written down costs no answer', async () => {
  const faulty = new FaultyFileSystem()
  const { tier, errors } = await ready(directory(), { fs: faulty.fs })
  await tier.set(entry)
  clock.advance(120_000)
  faulty.judge = what => (what === 'utimes' ? 'EROFS' : undefined)
  expect((await tier.get(entry.key))?.body).toEqual(entry.body)
  expect(errors).toEqual([])
})

it.each([10_000, 9_900])(
  'a file of %d bytes that cannot be removed does not keep the sweep from the others',
  async size => {
    const dir = directory()
    const first = await ready(dir)
    for (let n = 0; n < 20; n++) {
      clock.advance(1_000)
      await first.tier.set(speech({ text: String(n), body: Buffer.alloc(size, n) }))
    }
    await first.tier.close()
    const faulty = new FaultyFileSystem()
    let held = ''
    faulty.judge = (what, _, path) => {
      if (what === 'unlink' && held === '') held = path
      return what === 'unlink' && path === held ? 'EPERM' : undefined
    }
    const { tier, errors } = open(dir, { fs: faulty.fs, maxBytes: 100_000 })
    await tier.sweep()
    expect(errors).toEqual(expect.arrayContaining([expect.objectContaining({ code: 'EPERM' })]))
    expect(tier.usage().bytes).toBeLessThanOrEqual(100_000)
    expect(filesIn(dir).has(held.slice(dir.length + 1))).toBe(true)
  },
)

describe('a directory', () => {
  it('that is deleted at run time is made again', async () => {
    const dir = directory()
    const { tier, errors } = await ready(dir)
    const tagged = speechByGet('tagged')
    for (const one of [entry, tagged]) await tier.set(one)
    rmSync(dir, { recursive: true })
    expect(await tier.get(entry.key)).toBeUndefined()
    for (const one of [entry, tagged]) expect(await tier.set(one)).toBe(true)
    for (const one of [entry, tagged]) expect((await tier.get(one.key))?.body).toEqual(one.body)
    rmSync(dirname(dir), { recursive: true })
    expect(await tier.sweep()).toMatchObject({ entries: 0, bytes: 0, complete: true })
    for (const one of [tagged, entry]) expect(await tier.set(one)).toBe(true)
    expect([...filesIn(dir).keys()]).toContain('CACHEDIR.TAG')
    expect(errors).toEqual([])
  })

  it('that cannot be made is said, and is made once it can be', async () => {
    const dir = directory()
    writeFileSync(dir, 'a file is in the way')
    const { tier, errors } = open(dir)
    expect(await tier.get(entry.key)).toBeUndefined()
    expect(await tier.set(entry)).toBe(false)
    expect(tier.usage().failing).toMatch(/ENOTDIR|EEXIST/)
    expect(errors.length).toBeGreaterThan(0)
    rmSync(dir)
    clock.advance(1_000)
    expect(await tier.set(entry)).toBe(true)
    expect((await tier.get(entry.key))?.body).toEqual(entry.body)
    await tier.sweep()
    expect(tier.usage().failing).toBeUndefined()
  })

  it('is not made before there is something to keep', async () => {
    const dir = directory()
    const { tier } = await ready(dir)
    await tier.get(entry.key)
    await tier.verify()
    await tier.clear()
    expect(() => filesIn(dir)).toThrow('ENOENT')
  })
})

describe('what would not be read again is not written', () => {
  it.each([
    ['a server error', { status: 500 }],
    ['a cookie', { headers: { 'set-cookie': 'a=1' } }],
    ['a field of one connection', { headers: { 'transfer-encoding': 'chunked' } }],
    ['a line break in a field', { headers: { 'x-one': 'a\r\nset-cookie: b=1' } }],
    ['a field name that is none', { headers: { 'x one': '1' } }],
    ['a head beyond all measure', { headers: { 'x-long': 'a'.repeat(70_000) } }],
    ['a span that is none', { freshSpan: Infinity }],
  ])('%s', async (_, given) => {
    const dir = directory()
    const { tier, errors } = open(dir)
    expect(await tier.set(speech(given))).toBe(false)
    expect(await tier.set(speech())).toBe(true)
    expect(filesIn(dir).size).toBe(3)
    expect(errors).toEqual([])
  })

  it('but names that mean something to JavaScript are', async () => {
    const { tier } = open(directory())
    const headers = Object.assign(Object.create(null) as Record<string, string>, { constructor: 'a', 10: 'b', 9: 'c' })
    headers['__proto__'] = 'd'
    await tier.set(speech({ headers }))
    const kept = (await tier.get(entry.key))!.headers
    expect(Object.entries(kept).sort()).toEqual(Object.entries(headers).sort())
  })
})

describe('closing', () => {
  it('lets a write come to its end, and stops the rest', async () => {
    const dir = directory()
    const { tier } = await ready(dir)
    const stored = tier.set(entry)
    await tier.close()
    expect(await stored).toBe(true)
    expect(await tier.get(entry.key)).toBeUndefined()
    expect(await tier.set(entry)).toBe(false)
    expect(filesIn(dir).size).toBe(3)
    const again = open(dir)
    expect((await again.tier.get(entry.key))?.body).toEqual(entry.body)
  })
})

it('a file system that does not answer holds no more than 64 MiB of bodies', async () => {
  const faulty = new FaultyFileSystem()
  let release = (): void => undefined
  const held = new Promise<void>(resolve => (release = resolve))
  const fs = { ...faulty.fs, statfs: async (path: string) => held.then(() => faulty.fs.statfs(path)) }
  const { tier } = open(join(directory(), 'deep'), { fs, maxBytes: 2 ** 30, maxEntryBytes: 2 ** 23 })
  const body = Buffer.alloc(2 ** 23, 'ID3 ')
  const writes = Array.from({ length: 12 }, (_, n) => tier.set(speech({ text: String(n), body })))
  release()
  const stored = await Promise.all(writes)
  expect(stored.filter(Boolean)).toHaveLength(8)
})
