import { Stack } from '../../lib/core/stack.js'
import { tagsOf } from '../../lib/core/tags.js'
import type { CacheEntry, MaybePromise, Tier } from '../../lib/core/types.js'
import { fakeClock } from '../support/clock.js'
import { gate } from '../support/gate.js'
import { entryOf, tierContract } from '../tiers/tier-contract.js'

/** A tier on a Map, at once or a turn later, which can be made to fail. */
class MapTier implements Tier {
  readonly maxEntryBytes = 1_000_000
  kept = new Map<string, CacheEntry>()
  readonly calls: string[] = []
  failure: Error | undefined
  /** Runs while a slow answer is on its way. */
  meanwhile: (() => void) | undefined

  constructor(
    readonly name: string,
    private readonly isSlow: boolean,
  ) {}

  get(key: string): MaybePromise<CacheEntry | undefined> {
    return this.#answer('get', () => this.kept.get(key))
  }
  set(entry: CacheEntry): MaybePromise<boolean> {
    return this.#answer('set', () => {
      this.kept.set(entry.key, entry)
      return entry.body.length <= this.maxEntryBytes || !this.kept.delete(entry.key)
    })
  }
  delete(key: string): MaybePromise<boolean> {
    return this.#answer('delete', () => this.kept.delete(key))
  }
  deleteTag(tag: string): MaybePromise<number> {
    return this.#answer('deleteTag', () => {
      const keys = [...this.kept.values()].filter(entry => tagsOf(entry).includes(tag)).map(entry => entry.key)
      return keys.filter(key => this.kept.delete(key)).length
    })
  }
  clear(): MaybePromise<number> {
    return this.#answer('clear', () => {
      const { size } = this.kept
      this.kept.clear()
      return size
    })
  }

  #answer<T>(call: string, work: () => T): MaybePromise<T> {
    this.calls.push(call)
    if (!this.isSlow) {
      if (this.failure !== undefined) throw this.failure
      return work()
    }
    return Promise.resolve().then(() => {
      if (this.failure !== undefined) throw this.failure
      const result = work()
      this.meanwhile?.()
      return result
    })
  }
}

function setup(clock = fakeClock()) {
  const memory = new MapTier('memory', false)
  const file = new MapTier('file', true)
  const errors: [string, unknown][] = []
  const stack = new Stack([memory, file], clock, (tier, error) => errors.push([tier, error]))
  const entry = entryOf({ profile: 'tts' }, clock)
  return { clock, memory, file, errors, stack, entry }
}

tierContract('stack', clock => {
  const stack = new Stack([new MapTier('memory', false), new MapTier('file', true)], clock, () => undefined)
  return Object.assign(stack, { name: 'stack' })
})

const purges: [string, (stack: Stack, entry: CacheEntry) => MaybePromise<unknown>][] = [
  ['the key', (stack, { key }) => stack.delete(key)],
  ['its movie', stack => stack.deleteTag('movie:603')],
  ['everything', stack => stack.clear()],
]

describe('reading', () => {
  it('of what the first tier holds is done at once and asks no other', () => {
    const { stack, memory, file, entry } = setup()
    memory.kept.set(entry.key, entry)
    expect(stack.get(entry.key)).toBe(entry)
    expect(file.calls).toEqual([])
  })

  it('brings up what only a slower tier holds', async () => {
    const { stack, memory, file, entry } = setup()
    file.kept.set(entry.key, entry)
    expect(await stack.get(entry.key)).toEqual(entry)
    expect(memory.kept.get(entry.key)).toEqual(entry)
  })

  it('knows what it found in a slower tier from what lies in the fastest since', async () => {
    const { stack, file, entry } = setup()
    file.kept.set(entry.key, entry)
    const found = [(await stack.get(entry.key))!, (await stack.get(entry.key))!]
    expect(found.map(one => stack.tierOf(one))).toEqual(['file', 'memory'])
  })

  it('prefers a fresh entry of a slower tier to a stale one of a faster', async () => {
    const { stack, memory, file, entry } = setup()
    memory.kept.set(entry.key, { ...entry, freshSpan: -1 })
    file.kept.set(entry.key, entry)
    expect((await stack.get(entry.key))?.freshSpan).toBe(entry.freshSpan)
  })

  it('gives the stale entry when no tier holds a fresh one', async () => {
    const { stack, memory, entry } = setup()
    const stale = { ...entry, freshSpan: -1 }
    memory.kept.set(entry.key, stale)
    expect(await stack.get(entry.key)).toBe(stale)
  })

  it.each(purges)('neither serves nor brings up what a purge of %s threw out meanwhile', async (_, purge) => {
    const { stack, memory, file, entry } = setup()
    file.kept.set(entry.key, entry)
    file.meanwhile = () => {
      file.meanwhile = undefined
      void purge(stack, entry)
    }
    expect(await stack.get(entry.key)).toBeUndefined()
    expect(memory.kept.size).toBe(0)
  })
})

it.each(purges)(
  'a read that begins while a purge of %s is under way finds nothing, and brings nothing up',
  async (_, purge) => {
    const { stack, memory, file, entry } = setup()
    file.kept.set(entry.key, entry)
    const disk = gate()
    const slow = new MapTier('file', true)
    slow.kept = file.kept
    file.delete = key => disk.opened.then(() => slow.delete(key))
    file.deleteTag = tag => disk.opened.then(() => slow.deleteTag(tag))
    file.clear = () => disk.opened.then(() => slow.clear())
    const purging = purge(stack, entry)
    expect(await stack.get(entry.key)).toBeUndefined()
    expect(memory.kept.size).toBe(0)
    disk.open()
    await purging
    await stack.set(entry)
    expect(stack.get(entry.key)).toEqual(entry)
  },
)

it('a purge of something else does not disturb a read', async () => {
  const { stack, memory, file, entry } = setup()
  file.kept.set(entry.key, entry)
  file.meanwhile = () => {
    file.meanwhile = undefined
    void stack.deleteTag('movie:604')
    void stack.delete('tts 604 GET http://localhost /other')
  }
  expect(await stack.get(entry.key)).toEqual(entry)
  expect(memory.kept.size).toBe(1)
})

describe('a tier that fails', () => {
  it.each(['memory', 'file'] as const)('(%s) is passed over and reported, whatever is asked of it', async name => {
    const tiers = setup()
    const { stack, entry, errors } = tiers
    const other = name === 'memory' ? tiers.file : tiers.memory
    tiers[name].failure = new Error('gone')
    expect(await stack.set(entry)).toBe(true)
    expect(await stack.get(entry.key)).toEqual(entry)
    expect(await stack.delete(entry.key)).toBe(true)
    await stack.set(entry)
    expect(await stack.deleteTag('movie:603')).toBe(1)
    await stack.set(entry)
    expect(await stack.clear()).toBe(1)
    expect(other.kept.size).toBe(0)
    expect(new Set(errors.map(([tier, error]) => `${tier} ${String(error)}`))).toEqual(new Set([`${name} Error: gone`]))
  })

  it('that is the only one to hold an entry makes it a miss', async () => {
    const { stack, file, entry } = setup()
    file.kept.set(entry.key, entry)
    file.failure = new Error('gone')
    expect(await stack.get(entry.key)).toBeUndefined()
  })
})
