import { entrySize } from '../../lib/core/entry.js'
import type { EvictionCause } from '../../lib/core/outcomes.js'
import { PROFILES, type CacheEntry, type ProfileName } from '../../lib/core/types.js'
import { MemoryTier } from '../../lib/tiers/memory.js'
import { fakeClock } from '../support/clock.js'
import { entryOf, tierContract } from './tier-contract.js'

const MiB = 1024 * 1024
const everyProfile = (most: number): Record<ProfileName, number> => ({ api: most, enhanced: most, ai: most, tts: most })

tierContract('memory', clock => new MemoryTier({ maxBytes: MiB, maxEntries: everyProfile(1_000), clock }))

/** A memory whose losses are written down. */
function setup(maxEntries = everyProfile(10_000)) {
  const clock = fakeClock()
  const evicted: [string, EvictionCause][] = []
  const expired: string[] = []
  const memory = new MemoryTier({
    maxBytes: MiB,
    maxEntries,
    clock,
    onEvict: ({ key }, cause) => evicted.push([key, cause]),
    onExpire: ({ key }) => expired.push(key),
  })
  /** `size` is what the entry counts for, so that tests speak in parts of the budget. */
  const sized = (profile: ProfileName, path: string, size: number): CacheEntry => {
    const empty = entryOf({ profile, path, body: Buffer.alloc(0) }, clock)
    return entryOf({ profile, path, body: Buffer.alloc(size - entrySize(empty)) }, clock)
  }
  const put = (profile: ProfileName, path: string, size = 4_000): CacheEntry => {
    const entry = sized(profile, path, size)
    memory.set(entry)
    return entry
  }
  return { clock, memory, evicted, expired, sized, put }
}

describe('entries', () => {
  it('go least recently used first, and a read counts as a use', () => {
    const { memory, put, evicted } = setup({ ...everyProfile(9), api: 3 })
    const [a, b, c] = ['/a', '/b', '/c'].map(path => put('api', path)) as [CacheEntry, CacheEntry, CacheEntry]
    memory.get(a.key)
    const d = put('api', '/d')
    put('api', '/c')
    put('api', '/e')
    expect(evicted).toEqual([
      [b.key, 'entries'],
      [a.key, 'entries'],
    ])
    expect([c, d].map(({ key }) => memory.get(key)?.key)).toEqual([c.key, d.key])
  })

  it('are bounded in each profile by itself', () => {
    const { memory, put } = setup({ api: 1, enhanced: 2, ai: 3, tts: 4 })
    for (let n = 0; n < 10; n++) for (const profile of PROFILES) put(profile, `/${n}`)
    expect(PROFILES.map(profile => memory.usage(profile).entries)).toEqual([1, 2, 3, 4])
    expect(memory.entries).toBe(10)
  })

  it('are counted once however often they are replaced', () => {
    const { memory, put, evicted } = setup()
    for (let n = 0; n < 100; n++) put('api', '/same', 2_000 + n)
    expect(memory.usage('api')).toEqual({ entries: 1, bytes: 2_099 })
    expect(memory.bytes).toBe(2_099)
    expect(evicted).toEqual([])
  })

  it('may each take an eighth of the budget and no byte more', () => {
    const { memory, sized } = setup()
    expect(memory.maxEntryBytes).toBe(MiB / 8)
    expect(memory.set(sized('tts', '/eighth', MiB / 8))).toBe(true)
    expect(memory.set(sized('tts', '/more', MiB / 8 + 1))).toBe(false)
    expect(memory.bytes).toBe(MiB / 8)
  })

  it('of a purged profile go, and the other profiles stay', () => {
    const { memory, put } = setup()
    for (const profile of PROFILES) put(profile, '/a', 3_000)
    expect(memory.clearProfile('ai')).toBe(1)
    expect(memory.usage('ai')).toEqual({ entries: 0, bytes: 0 })
    expect(memory.bytes).toBe(9_000)
  })
})

describe('the budget of bytes', () => {
  it('holds when ten times as much is stored, measured by walking what is kept', () => {
    const { memory, put } = setup()
    const put10 = Array.from({ length: (10 * MiB) / 2_000 }, (_, n) => put(PROFILES[n % 4]!, `/${n}`, 2_000))
    const kept = put10.flatMap(({ key }) => memory.get(key) ?? [])
    const walked = kept.reduce((sum, entry) => sum + entrySize(entry), 0)
    expect(walked).toBe(memory.bytes)
    expect(kept).toHaveLength(memory.entries)
    expect(walked).toBeLessThanOrEqual(MiB)
    expect(walked).toBeGreaterThan(MiB - 2_000)
  })

  it('names bytes as the cause when it pushes something out', () => {
    const { put, evicted } = setup()
    const entries = Array.from({ length: Math.ceil(MiB / 2_000) }, (_, n) => put('api', `/${n}`, 2_000))
    expect(evicted).toEqual([[entries[0]!.key, 'bytes']])
  })
})

describe('the sweep', () => {
  it('removes exactly what has expired, at the instant itself and not before, in its own profile', () => {
    const { clock, memory, expired } = setup()
    const at = (profile: ProfileName, path: string, inMs: number): CacheEntry => {
      const entry = entryOf({ profile, path, freshSpan: 0, refreshSpan: 0, coverSpan: inMs }, clock)
      memory.set(entry)
      return entry
    }
    const early = at('api', '/early', 999)
    const now = at('api', '/now', 1_000)
    const later = at('api', '/later', 1_001)
    const other = at('ai', '/early', 1)
    clock.advance(1_000)
    memory.sweep('api')
    expect(expired.sort()).toEqual([early.key, now.key].sort())
    expect([early, now, later, other].map(({ key }) => memory.get(key) !== undefined)).toEqual([
      ...[false, false],
      ...[true, true],
    ])
    expect(memory.bytes).toBe(entrySize(later) + entrySize(other))
    memory.sweep('ai')
    expect(expired).toContain(other.key)
  })

  it('does not count as a use of what it leaves', () => {
    const { memory, put, evicted } = setup(everyProfile(2))
    const first = put('api', '/1')
    put('api', '/2')
    memory.sweep('api')
    put('api', '/3')
    expect(evicted).toEqual([[first.key, 'entries']])
  })
})
