import fc from 'fast-check'
import { entrySize } from '../../lib/core/entry.js'
import { otherTagsOf } from '../../lib/core/tags.js'
import { PROFILES, type CacheEntry, type ProfileName } from '../../lib/core/types.js'
import { MemoryTier } from '../../lib/tiers/memory.js'
import { TagIndex } from '../../lib/tiers/tags.js'
import { fakeClock } from '../support/clock.js'
import { entryOf } from './tier-contract.js'

const BUDGET = 64 * 1024
const MAX_ENTRIES = { api: 6, enhanced: 8, ai: 4, tts: 5 }
const movies = ['1', '2', '3']

const operation = fc.record({
  does: fc.constantFrom('set', 'set', 'set', 'set', 'get', 'delete', 'deleteTag', 'sweep', 'advance', 'clear'),
  profile: fc.constantFrom(...PROFILES),
  path: fc.nat(11),
  movie: fc.constantFrom(...movies),
  size: fc.oneof(fc.nat(300), fc.nat(9_000)),
  ttl: fc.nat(5_000),
})
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

/** A memory, and beside it what should be in it: known from the results of its methods and from its events alone. */
class Pair {
  readonly clock = fakeClock()
  readonly model = new Map<string, CacheEntry>()
  readonly memory = new MemoryTier({
    maxBytes: BUDGET,
    maxEntries: MAX_ENTRIES,
    clock: this.clock,
    onEvict: entry => this.#forget(entry),
    onExpire: entry => this.#forget(entry),
  })

  run({ does, profile, path, movie, size, ttl }: Operation): void {
    const { clock, memory, model } = this
    const entry = entryOf(
      { profile, movie, path: `/${path}`, body: Buffer.alloc(size), refreshSpan: 0, coverSpan: ttl },
      clock,
    )
    switch (does) {
      case 'set':
        model.delete(entry.key)
        if (memory.set(entry)) model.set(entry.key, entry)
        break
      case 'get':
        expect(memory.get(entry.key)).toEqual(model.get(entry.key))
        break
      case 'delete':
        expect(memory.delete(entry.key)).toBe(model.delete(entry.key))
        break
      case 'deleteTag': {
        const gone = [...model.values()].filter(({ key }) => key.split(' ')[1] === movie)
        for (const { key } of gone) model.delete(key)
        expect(memory.deleteTag(`movie:${movie}`)).toBe(gone.length)
        break
      }
      case 'sweep':
        memory.sweep(profile)
        expect(this.#of(profile).filter(kept => kept.storedAt + kept.coverSpan <= clock.now())).toEqual([])
        break
      case 'advance':
        clock.advance(ttl)
        break
      case 'clear':
        expect(memory.clear()).toBe(model.size)
        model.clear()
    }
  }

  /** Every count of the memory is what adding up the model gives, and within its bound. */
  check(): void {
    for (const profile of PROFILES) {
      const kept = this.#of(profile)
      const bytes = kept.reduce((sum, entry) => sum + entrySize(entry), 0)
      expect(this.memory.usage(profile)).toEqual({ entries: kept.length, bytes })
      expect(kept.length).toBeLessThanOrEqual(MAX_ENTRIES[profile])
    }
    expect(this.memory.entries).toBe(this.model.size)
    expect(this.memory.bytes).toBe(PROFILES.reduce((sum, profile) => sum + this.memory.usage(profile).bytes, 0))
    expect(this.memory.bytes).toBeLessThanOrEqual(BUDGET)
  }

  #of(profile: ProfileName): CacheEntry[] {
    return [...this.model.values()].filter(entry => entry.profile === profile)
  }

  #forget({ key }: Pick<CacheEntry, 'key'>): void {
    if (!this.model.delete(key)) throw new Error(`${key} left and was not there`)
  }
}

describe('any sequence of operations', () => {
  it('leaves counts that are the sums of what is kept, and finds all of that by its keys', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 150 }), operations => {
        const pair = new Pair()
        for (const one of operations) {
          pair.run(one)
          pair.check()
        }
        for (const [key, entry] of pair.model) expect(pair.memory.get(key)).toEqual(entry)
      }),
      { numRuns: 200 },
    )
  })

  it('leaves the tag index with the tags of what is kept and no others, and empty after a clear', () => {
    const add = jest.spyOn(TagIndex.prototype, 'add')
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 60 }), operations => {
        add.mockClear()
        const { memory, model } = operations.reduce((pair, one) => (pair.run(one), pair), new Pair())
        const index = add.mock.contexts[0] as TagIndex | undefined
        const tagsKept = new Set([...model.values()].flatMap(otherTagsOf))
        expect(index?.size ?? 0).toBe(tagsKept.size)
        for (const tag of tagsKept) {
          const keys = [...model.values()].filter(entry => otherTagsOf(entry).includes(tag)).map(({ key }) => key)
          expect([...(index?.keys(tag, key => model.get(key)!) ?? [])].sort()).toEqual(keys.sort())
        }
        memory.clear()
        expect(index?.size ?? 0).toBe(0)
      }),
      { numRuns: 200 },
    )
    add.mockRestore()
  })
})
