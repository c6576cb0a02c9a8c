import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import type { CacheEntry } from '../../../lib/core/types.js'
import { filesIn, pathsOf, speech, tiers, type Opened } from './support.js'

const { directory, ready } = tiers()

/** Harms a stored entry: it must not be served, its files must go, and it can be stored again. */
async function expectRefused({ tier, errors }: Opened, dir: string, entry: CacheEntry, harm: () => void) {
  const before = tier.usage().damaged
  harm()
  expect(await tier.get(entry.key)).toBeUndefined()
  expect([...filesIn(dir).keys()]).toEqual(['CACHEDIR.TAG'])
  expect(tier.usage().damaged).toBe(before + 1)
  expect(errors).toHaveLength(before + 1)
  expect(await tier.set(entry)).toBe(true)
  expect(await tier.get(entry.key)).toEqual(entry)
}

async function stored(): Promise<{ dir: string; entry: CacheEntry; opened: Opened; body: string; meta: string }> {
  const dir = directory()
  const opened = await ready(dir)
  const entry = speech({ headers: { 'content-type': 'audio/mpeg', 'x-voice': ['a', 'b'] } })
  await opened.tier.set(entry)
  return { dir, entry, opened, ...pathsOf(dir, entry) }
}

describe.each(['body', 'meta'] as const)('a stored %s', part => {
  it('with any one byte changed is never served', async () => {
    const { dir, entry, opened, ...paths } = await stored()
    const { length } = readFileSync(paths[part])
    for (let at = 0; at < length; at++) {
      await expectRefused(opened, dir, entry, () => {
        const bytes = readFileSync(paths[part])
        bytes[at]! ^= 1 << (at % 8)
        writeFileSync(paths[part], bytes)
      })
    }
  }, 60_000)

  it('cut off at any length is never served', async () => {
    const { dir, entry, opened, ...paths } = await stored()
    const { length } = readFileSync(paths[part])
    for (let size = 0; size < length; size++) {
      await expectRefused(opened, dir, entry, () => truncateSync(paths[part], size))
    }
  }, 60_000)

  it('with anything behind its end is never served', async () => {
    const { dir, entry, opened, ...paths } = await stored()
    for (const more of ['\n', ' ', '\0', 'x'.repeat(100_000)]) {
      await expectRefused(opened, dir, entry, () => writeFileSync(paths[part], more, { flag: 'a' }))
    }
  })
})

it('an entry whose body is gone is not served', async () => {
  const { dir, entry, opened, body } = await stored()
  await expectRefused(opened, dir, entry, () => rmSync(body))
})

it('a large body is verified as a small one', async () => {
  const dir = directory()
  const opened = await ready(dir)
  const entry = speech({ body: Buffer.alloc(300_000, 'ID3 ') })
  await opened.tier.set(entry)
  expect((await opened.tier.get(entry.key))?.body.equals(entry.body)).toBe(true)
  const { body } = pathsOf(dir, entry)
  await expectRefused(opened, dir, entry, () => {
    const bytes = readFileSync(body)
    bytes[200_000]! ^= 1
    writeFileSync(body, bytes)
  })
})

it('the files of one entry under the name of another are not served', async () => {
  const { dir, entry, opened } = await stored()
  const other = speech({ text: 'other' })
  await opened.tier.set(other)
  const [from, to] = [pathsOf(dir, entry), pathsOf(dir, other)]
  copyFileSync(from.meta, to.meta)
  copyFileSync(from.body, to.body)
  expect(await opened.tier.get(other.key)).toBeUndefined()
  expect(await opened.tier.get(entry.key)).toEqual(entry)
})

it('the body of another entry, of the same size, is not served', async () => {
  const { dir, entry, opened } = await stored()
  const other = speech({ text: 'hullo' })
  await opened.tier.set(other)
  expect(other.body).toHaveLength(entry.body.length)
  copyFileSync(pathsOf(dir, other).body, pathsOf(dir, entry).body)
  expect(await opened.tier.get(entry.key)).toBeUndefined()
})

it('verify finds what is damaged without being asked for it, and keeps the rest', async () => {
  const { dir, opened } = await stored()
  const entries = ['a', 'b', 'c', 'd'].map(text => speech({ text }))
  for (const entry of entries) await opened.tier.set(entry)
  const [a, b, c] = entries.map(entry => pathsOf(dir, entry))
  truncateSync(a!.body, 2)
  truncateSync(b!.meta, 9)
  rmSync(c!.body)
  const report = await opened.tier.verify()
  expect(report).toMatchObject({ damaged: 3, entries: 2, complete: true })
  expect(opened.tier.usage().damaged).toBe(3)
  expect([...filesIn(dir).keys()]).toHaveLength(5)
})
