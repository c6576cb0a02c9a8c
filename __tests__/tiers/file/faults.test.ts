import { existsSync } from 'node:fs'
import type { CacheEntry } from '../../../lib/core/types.js'
import { fakeClock, type FakeClock } from '../../support/clock.js'
import { FaultyFileSystem, speech, speechByGet, temporaries, tiers, type Opened } from './support.js'

const { directory, ready } = tiers()

interface Scene extends Opened {
  readonly dir: string
  readonly faulty: FaultyFileSystem
  readonly clock: FakeClock
}

/** What is done while a call fails. Whatever it answers, no wrong byte may be in it. */
interface Operation {
  readonly prepare: (scene: Scene) => Promise<unknown>
  readonly run: (scene: Scene) => Promise<unknown>
}

const first = speechByGet('first')
const again = speech({
  ...first,
  body: Buffer.from('ID3 the second taking'),
  headers: { 'content-type': 'audio/flac' },
})
const other = speech({ text: 'other', movie: '604' })
const known: readonly CacheEntry[] = [first, again, other]

const whatIsSent = ({ key, headers, body }: CacheEntry) => ({ key, headers, body: body.toString() })

const operations: Record<string, Operation> = {
  'the first store': { prepare: async () => undefined, run: ({ tier }) => tier.set(first) },
  'a store': { prepare: ({ tier }) => tier.set(other), run: ({ tier }) => tier.set(first) },
  'a replacement': { prepare: ({ tier }) => tier.set(first), run: ({ tier }) => tier.set(again) },
  'a read': {
    prepare: async ({ tier, clock }) => {
      await tier.set(first)
      clock.advance(120_000)
    },
    run: ({ tier }) => tier.get(first.key),
  },
  'a purge by key': { prepare: ({ tier }) => tier.set(first), run: ({ tier }) => tier.delete(first.key) },
  'a purge by movie': { prepare: storeBoth, run: ({ tier }) => tier.deleteTag('movie:603') },
  'a purge by URL': {
    prepare: storeBoth,
    run: ({ tier }) => tier.deleteTag('url:tts http://localhost /speak?text=first'),
  },
  'a purge of all': { prepare: storeBoth, run: ({ tier }) => tier.clear() },
  'a sweep': { prepare: storeBoth, run: ({ tier }) => tier.sweep() },
  'a verify': { prepare: storeBoth, run: ({ tier }) => tier.verify() },
}

async function storeBoth({ tier }: Scene): Promise<void> {
  await tier.set(first)
  await tier.set(other)
}

async function setUp(operation: Operation): Promise<Scene> {
  const dir = directory()
  const faulty = new FaultyFileSystem()
  const clock = fakeClock()
  const scene = { dir, faulty, clock, ...(await ready(dir, { fs: faulty.fs, clock })) }
  await operation.prepare(scene)
  scene.errors.length = 0
  return scene
}

describe.each(Object.entries(operations))('%s of which the n-th call fails', (name, operation) => {
  it.each(['EIO', 'EMFILE'])('never rejects and never serves a wrong byte: %s', async code => {
    let failed = 0
    for (let n = 1; ; n++) {
      const scene = await setUp(operation)
      const { tier, faulty, errors, dir, clock } = scene
      faulty.failNth(n, code)
      const answer = await operation.run(scene)
      const wasReached = faulty.calls.length >= n
      faulty.heal()
      if (wasReached) failed++

      for (const entry of [first, other]) {
        const kept = await tier.get(entry.key)
        if (kept !== undefined) expect(known.map(whatIsSent)).toContainEqual(whatIsSent(kept))
      }
      if (!/purge|store|replacement/.test(name)) {
        // What cannot be read now is not damaged.
        expect((await tier.get(first.key))?.body).toEqual(first.body)
        expect(tier.usage().damaged).toBe(0)
      }
      if (name.includes('purge') && wasReached) {
        // Carried out, or owed: what was purged does not come back, in this process or after the sweep.
        expect(await tier.get(first.key)).toBeUndefined()
      }
      if (name.includes('store') || name.includes('replacement')) {
        const stored = name === 'a replacement' ? again : first
        const kept = await tier.get(first.key)
        if (answer === true) expect(kept && whatIsSent(kept)).toEqual(whatIsSent(stored))
        else expect(errors.length).toBeGreaterThan(0)
      }

      clock.advance(120_000)
      await tier.sweep()
      if (existsSync(dir)) expect(temporaries(dir)).toEqual([])
      if (name.includes('purge') && wasReached) expect(await tier.get(first.key)).toBeUndefined()
      expect(tier.usage().failing ?? '').not.toMatch(/sweep/)
      expect(await tier.set(again)).toBe(true)
      expect((await tier.get(again.key))?.body.equals(again.body)).toBe(true)
      expect(tier.usage().failing).toBeUndefined()
      await tier.close()
      if (!wasReached) break
    }
    expect(failed).toBeGreaterThan(3)
  })
})
