import { ageOf, entrySize, ENTRY_OVERHEAD, isFresh } from '../../lib/core/entry.js'
import type { CacheEntry } from '../../lib/core/types.js'
import { entryOf } from '../tiers/tier-contract.js'

describe('the size of an entry', () => {
  const bare = entryOf({ key: '', headers: {}, body: Buffer.alloc(0) })
  const more = (given: Partial<CacheEntry>): number => entrySize({ ...bare, ...given }) - entrySize(bare)

  it('is more than the overhead even when nothing is in it', () => {
    expect(entrySize(bare)).toBeGreaterThan(ENTRY_OVERHEAD)
  })

  it.each<[string, Partial<CacheEntry>, number]>([
    ['a body', { body: Buffer.alloc(1_000) }, 1_000],
    ['a key, at two bytes a character', { key: 'k'.repeat(500) }, 1_000],
    ['the names and values of fields', { headers: { ['n'.repeat(300)]: 'v'.repeat(200) } }, 1_000],
    ['every line of a field', { headers: { link: ['l'.repeat(250), 'm'.repeat(250)] } }, 1_000],
    ['variants', { variants: [{ names: ['n'.repeat(100)], key: 'k'.repeat(400) }] }, 1_000],
  ])('counts %s', (_, given, bytes) => {
    expect(more(given)).toBeGreaterThanOrEqual(bytes)
    expect(more(given)).toBeLessThan(bytes + 250)
  })
})

describe('the time of an entry', () => {
  const entry = entryOf({ storedAt: 15_000, initialAge: 5_000, freshSpan: 5_000 })

  it.each([
    [10_000, 0],
    [10_999, 0],
    [11_000, 1],
    [19_999, 9],
    // A clock that was set back.
    [5_000, 0],
  ])('at %d its age is %d whole seconds', (now, age) => {
    expect(ageOf(entry, now)).toBe(age)
  })

  it('is fresh before its instant and stale from it on', () => {
    expect([19_999, 20_000, 20_001].map(now => isFresh(entry, now))).toEqual([true, false, false])
  })
})
