import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FileTier } from '../../../lib/tiers/file/tier.js'
import { FaultyFileSystem, filesIn, pathsOf, speech, speechByGet, tiers } from './support.js'

const { clock, directory, open, ready } = tiers()

const heard = speechByGet('a')
const neighbour = speech({ text: 'neighbour' })
const stranger = speech({ movie: '6030', text: 'stranger' })

const purges: [string, (tier: FileTier) => Promise<unknown>][] = [
  ['its key', tier => tier.delete(heard.key)],
  ['its movie', tier => tier.deleteTag('movie:603')],
  ['its URL', tier => tier.deleteTag('url:tts http://localhost /speak?text=a')],
  ['its profile', tier => tier.deleteTag('profile:tts')],
  ['all', tier => tier.clear()],
]

describe.each(purges)('a purge of %s', (_, purge) => {
  it('removes what an earlier run has stored', async () => {
    const dir = directory()
    const before = open(dir)
    await before.tier.set(heard)
    await before.tier.close()
    const { tier } = open(dir)
    await purge(tier)
    expect(await tier.get(heard.key)).toBeUndefined()
    await tier.sweep()
    expect([...filesIn(dir).keys()]).toEqual(['CACHEDIR.TAG'])
    expect(tier.usage()).toMatchObject({ entries: 0, bytes: 0 })
  })

  it('wins over a write, at whichever call of it the purge arrives', async () => {
    let reached = 0
    for (let n = 1; ; n++) {
      const dir = directory()
      const faulty = new FaultyFileSystem()
      const { tier, errors } = await ready(dir, { fs: faulty.fs })
      let purged: Promise<unknown> | undefined
      faulty.calls = []
      faulty.judge = (_what, nth) => {
        if (nth === n) purged = purge(tier)
        return undefined
      }
      const stored = tier.set(heard)
      await stored
      if (purged === undefined) break
      reached++
      await purged
      expect(await tier.get(heard.key)).toBeUndefined()
      expect([...filesIn(dir).keys()].filter(path => /\.(mp3|meta)$/.test(path))).toEqual([])
      expect(errors).toEqual([])
      await tier.close()
    }
    expect(reached).toBeGreaterThan(10)
  })

  it('that the file system refuses is owed: nothing of it is served, and the next sweep carries it out', async () => {
    const dir = directory()
    const faulty = new FaultyFileSystem()
    const { tier, errors } = await ready(dir, { fs: faulty.fs })
    await tier.set(heard)
    faulty.judge = what => (what === 'unlink' ? 'EROFS' : undefined)
    await purge(tier)
    expect(errors.length).toBeGreaterThan(0)
    expect(tier.usage().failing).toMatch(/EROFS/)
    expect(existsSync(pathsOf(dir, heard).meta)).toBe(true)
    expect(await tier.get(heard.key)).toBeUndefined()
    faulty.heal()
    clock.advance(1_000)
    await tier.sweep()
    expect(existsSync(pathsOf(dir, heard).meta)).toBe(false)
    expect(tier.usage().failing).toBeUndefined()
    expect(await tier.set(heard)).toBe(true)
    expect((await tier.get(heard.key))?.body).toEqual(heard.body)
  })
})

it('a purge by movie takes that movie and no other, and says how many went', async () => {
  const dir = directory()
  const { tier } = open(dir)
  for (const entry of [heard, neighbour, stranger]) await tier.set(entry)
  expect(await tier.deleteTag('movie:603')).toBe(2)
  expect(await tier.get(stranger.key)).toEqual(stranger)
})

it('a purge by URL takes the answers to that URL and leaves the others of the movie', async () => {
  const { tier } = open(directory())
  for (const entry of [heard, neighbour]) await tier.set(entry)
  expect(await tier.deleteTag('url:tts http://localhost /speak')).toBe(0)
  expect(await tier.deleteTag('url:tts http://localhost /speak?text=a')).toBe(1)
  expect(await tier.get(neighbour.key)).toEqual(neighbour)
})

it('a purge by a URL that was never stored costs no more than a look, however much lies there', async () => {
  const faulty = new FaultyFileSystem()
  const { tier } = await ready(directory(), { fs: faulty.fs })
  for (let n = 0; n < 20; n++) await tier.set(speech({ text: String(n) }))
  faulty.calls = []
  await tier.deleteTag('url:tts http://localhost /api/movies/603/tts')
  expect(faulty.calls.length).toBeLessThanOrEqual(3)
})

it('the marks of tags go with their entries, and verify removes those that were left over', async () => {
  const dir = directory()
  const { tier } = await ready(dir)
  const tags = join(dir, 'v1/.tags')
  await tier.set(heard)
  expect(filesIn(tags).size).toBe(1)
  const [mark] = filesIn(tags).keys()
  await tier.delete(heard.key)
  expect(filesIn(tags).size).toBe(0)
  await tier.set(heard)
  rmSync(pathsOf(dir, heard).meta)
  writeFileSync(join(tags, mark!.replace(/[0-9a-f]{64}$/, 'e'.repeat(64))), '')
  await tier.verify()
  expect(filesIn(tags).size).toBe(0)
})

it('a purge while a sweep runs leaves nothing behind, and the numbers right', async () => {
  const dir = directory()
  const { tier } = await ready(dir)
  for (let n = 0; n < 50; n++) await tier.set(speech({ text: String(n) }))
  const [, removed] = await Promise.all([tier.sweep(), tier.clear()])
  expect(removed).toBe(50)
  await tier.sweep()
  expect(tier.usage()).toMatchObject({ entries: 0, bytes: 0 })
  expect([...filesIn(dir).keys()]).toEqual(['CACHEDIR.TAG'])
})

it('a purge by movie while the tier starts is not undone by the scan', async () => {
  const dir = directory()
  const before = open(dir)
  for (let n = 0; n < 30; n++) await before.tier.set(speech({ text: String(n) }))
  await before.tier.close()
  const { tier } = open(dir)
  expect(await tier.deleteTag('movie:603')).toBe(30)
  expect(await tier.sweep()).toMatchObject({ entries: 0, bytes: 0 })
})

it('what is stored while one movie is purged is stored, if it is about another', async () => {
  const dir = directory()
  const { tier } = open(dir)
  await tier.set(heard)
  const [stored] = await Promise.all([tier.set(stranger), tier.deleteTag('movie:603')])
  expect(stored).toBe(true)
  expect(await tier.get(stranger.key)).toEqual(stranger)
  expect(readFileSync(pathsOf(dir, stranger).body)).toEqual(stranger.body)
})
