import { entrySize } from '../../lib/core/entry.js'
import { PROFILES, type ProfileName } from '../../lib/core/types.js'
import { MemoryTier } from '../../lib/tiers/memory.js'
import { fakeClock } from '../support/clock.js'
import { entryOf } from './tier-contract.js'

const BUDGET = 2_048_000
const HOUR = 3_600_000
/** Bodies above a 512th of the budget have to be seen twice when it is full. */
const LARGE = BUDGET / 512 + 1

function setup() {
  const clock = fakeClock()
  const maxEntries = { api: 5_000, enhanced: 5_000, ai: 5_000, tts: 5_000 }
  const memory = new MemoryTier({ maxBytes: BUDGET, maxEntries, clock })
  const set = (profile: ProfileName, path: string, body: number, handlerTime = 12.5): boolean =>
    memory.set(entryOf({ profile, path, body: Buffer.alloc(body), handlerTime }, clock))
  /** Fills a part of the budget with small entries, never above it. */
  const fill = (profile: ProfileName, part: number, round = 0, handlerTime?: number): void => {
    const size = entrySize(entryOf({ profile, path: '/0/00000', body: Buffer.alloc(2_000) }, clock))
    for (let n = 0; n < Math.floor((BUDGET * part) / size); n++) {
      set(profile, `/${round}/${String(n).padStart(5, '0')}`, 2_000, handlerTime)
    }
  }
  const share = (profile: ProfileName): number => memory.usage(profile).bytes / BUDGET
  return { clock, memory, set, fill, share }
}

describe('a full budget', () => {
  it.each<[ProfileName, number]>([
    ['api', 0.1],
    ['enhanced', 0.15],
    ['ai', 0.15],
  ])('leaves %s its floor of %d, however much the others store', (profile, floor) => {
    const { fill, share } = setup()
    fill(profile, 1)
    for (let round = 1; round <= 3; round++) for (const other of PROFILES) if (other !== profile) fill(other, 1, round)
    expect(share(profile)).toBeLessThanOrEqual(floor)
    expect(share(profile)).toBeGreaterThan(floor - 0.005)
  })

  it('gives tts no floor', () => {
    const { fill, share } = setup()
    fill('tts', 1)
    for (let round = 1; round <= 3; round++) fill('api', 1, round)
    expect(share('tts')).toBe(0)
  })

  it('takes from tts first while it is above half, even when others were used longer ago', () => {
    const { memory, fill, share } = setup()
    fill('api', 0.3)
    fill('tts', 0.69)
    const before = memory.usage('api').entries
    fill('enhanced', 0.19)
    expect(memory.usage('api').entries).toBe(before)
    expect(share('tts')).toBeGreaterThan(0.495)
    expect(share('tts')).toBeLessThan(0.52)
  })

  it('takes what its handler made quickly before what it made slowly', () => {
    const { memory, fill, share } = setup()
    fill('api', 0.5, 0, 10)
    fill('tts', 0.49, 0, 1_000)
    fill('enhanced', 0.2, 0, 100)
    expect(share('tts')).toBeGreaterThan(0.485)
    expect(share('api')).toBeLessThan(0.32)
    expect(memory.bytes).toBeLessThanOrEqual(BUDGET)
  })

  it('takes what is large before what is small', () => {
    const { set, memory } = setup()
    for (let n = 0; n < 100; n++) set('tts', `/large/${n}`, 9_000)
    for (let n = 0; n < 100; n++) set('api', `/small/${n}`, 2_000)
    const before = memory.usage('api').entries
    for (let n = 0; memory.usage('tts').entries > 20; n++) set('enhanced', `/more/${n}`, 2_000)
    expect(memory.usage('api').entries).toBe(before)
  })

  it('forgets what was dear and often asked for, once nobody asks any more', () => {
    const { memory, fill, share } = setup()
    fill('enhanced', 0.5, 0, 400)
    for (const { entry } of [...memory.list('enhanced')]) for (let use = 0; use < 5; use++) memory.get(entry.key)
    const rounds = (count: number): void => {
      for (let round = 1; round <= count; round++) fill('api', 1, round, 10)
    }
    rounds(1)
    expect(share('enhanced')).toBeGreaterThan(0.49)
    rounds(100)
    expect(share('enhanced')).toBeLessThan(0.16)
  })

  it('takes what was read from least, over all profiles', () => {
    const { memory, fill } = setup()
    fill('api', 0.5)
    fill('enhanced', 0.49)
    const apiKeys = Array.from({ length: memory.usage('api').entries }, (_, n) => `/0/${String(n).padStart(5, '0')}`)
    for (const path of apiKeys) memory.get(entryOf({ path }).key)
    fill('ai', 0.2)
    expect(memory.usage('api').entries).toBe(apiKeys.length)
    expect(memory.usage('enhanced').bytes / BUDGET).toBeLessThan(0.32)
  })
})

describe('a budget with room', () => {
  it.each(PROFILES)('may be taken by %s alone, above every share', profile => {
    const { fill, share } = setup()
    fill(profile, 0.99)
    expect(share(profile)).toBeGreaterThan(0.98)
  })

  it('admits everything at once, whatever its size', () => {
    const { set } = setup()
    expect(set('tts', '/a', BUDGET / 9)).toBe(true)
  })
})

describe('admission to a full budget', () => {
  const fullMemory = (): ReturnType<typeof setup> => {
    const made = setup()
    made.fill('api', 1)
    return made
  }

  it('lets a body of a 512th of the budget in at once, and a larger one on its second sighting', () => {
    const { set } = fullMemory()
    expect(set('tts', '/small', LARGE - 1)).toBe(true)
    expect(set('tts', '/large', LARGE)).toBe(false)
    expect(set('tts', '/large', LARGE)).toBe(true)
  })

  it('forgets a first sighting after an hour', () => {
    const { clock, set } = fullMemory()
    set('tts', '/on-time', LARGE)
    set('tts', '/late', LARGE)
    clock.advance(HOUR - 1)
    expect(set('tts', '/on-time', LARGE)).toBe(true)
    clock.advance(1)
    expect(set('tts', '/late', LARGE)).toBe(false)
  })

  it('lets a new version of what it holds in, without a second sighting', () => {
    const { set } = fullMemory()
    set('tts', '/kept', LARGE)
    set('tts', '/kept', LARGE)
    expect(set('tts', '/kept', 2 * LARGE)).toBe(true)
  })

  it('loses nothing of what it holds to a storm of large bodies that each come once', () => {
    const { memory, set } = fullMemory()
    const before = memory.usage('api')
    for (let n = 0; n < 2_000; n++) expect(set('tts', `/speech/${n}`, 10 * LARGE)).toBe(false)
    expect(memory.usage('api')).toEqual(before)
  })

  it('loses entries to small bodies: the control of the case before', () => {
    const { memory, set } = fullMemory()
    const before = memory.usage('api')
    for (let n = 0; n < 100; n++) expect(set('enhanced', `/small/${n}`, 2_000)).toBe(true)
    expect(memory.usage('api').entries).toBeLessThan(before.entries - 90)
  })
})
