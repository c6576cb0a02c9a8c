import fc from 'fast-check'
import type { CacheEntry, Clock, MaybePromise, ProfileName, Tier } from '../../lib/core/types.js'
import { fakeClock } from '../support/clock.js'

/** An entry as a route stores it; its key begins with its profile, as all keys do. */
export function entryOf(
  given: Partial<CacheEntry> & { movie?: string | undefined; path?: string } = {},
  clock: Clock = fakeClock(),
): CacheEntry {
  const { movie = '603', path = '/api/movies/603', profile = 'api', ...others } = given
  const now = clock.now()
  return Object.freeze({
    key: `${profile} ${movie} GET http://localhost:3000 ${path}`,
    profile,
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    removed: [],
    body: Buffer.from('{"title":"The Matrix"}'),
    etag: '"16-abc"',
    handlerEtag: 'W/"16-abc"',
    storedAt: now,
    initialAge: 0,
    freshSpan: 300_000,
    explicit: false,
    refreshSpan: 400_000,
    coverSpan: 500_000,
    handlerTime: 12.5,
    ...others,
  })
}

/**
 * What every tier promises, sync or async: each implementation runs these same cases. A store that others share need not know how many
 * entries a purge concerns, and may still hold the bytes of what it no longer gives.
 */
export function tierContract(
  name: string,
  makeTier: (clock: Clock) => MaybePromise<Tier>,
  { countsPurges = true } = {},
): void {
  describe(`${name} as a tier`, () => {
    const clock = fakeClock()
    let tier: Tier
    const purged = (count: number): unknown => (countsPurges ? count : expect.any(Number))

    beforeEach(async () => {
      tier = await makeTier(clock)
    })
    afterEach(() => tier.close?.())

    const sample = (given?: Parameters<typeof entryOf>[0]): CacheEntry => entryOf({ profile: 'tts', ...given }, clock)

    it('says what it is called and how large a body it takes', () => {
      expect(tier.name).toMatch(/^[a-z]+$/)
      expect(tier.maxEntryBytes).toBeGreaterThan(0)
    })

    it('has nothing under a key that was never set', async () => {
      expect(await tier.get(sample().key)).toBeUndefined()
      expect(await tier.delete(sample().key)).toBe(false)
    })

    it.each<[string, Partial<CacheEntry>]>([
      ['of every byte', { body: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)) }],
      ['of no byte', { body: Buffer.alloc(0) }],
      ['with several lines of a field', { headers: { link: ['<a>; rel=next', '<b>; rel=prev'], 'x-one': 'é' } }],
      ['with fields that it takes away', { removed: ['x-powered-by'] }],
      ['without a validator', { status: 404, etag: undefined, handlerEtag: undefined }],
      ['with a validator of ours alone', { handlerEtag: undefined }],
      ['with the validator of its handler', { handlerEtag: '"16-abc"' }],
      ['with the weak validator of its handler', { etag: 'W/"1"', handlerEtag: 'W/"1"' }],
      ['that names no movie', { key: 'tts - POST http://localhost:3000 /speak body:none' }],
      ['whose handler said how long it is fresh', { explicit: true }],
      ['with an age', { initialAge: 90_000 }],
      ['that is an index of variants', { variants: [{ names: ['accept'], key: 'tts - GET vary:accept=a' }] }],
    ])('gives back an answer %s as it was set', async (_, given) => {
      const entry = sample(given)
      expect(await tier.set(entry)).toBe(true)
      const kept = (await tier.get(entry.key))!
      expect(kept).toEqual(entry)
      expect(Buffer.compare(kept.body, entry.body)).toBe(0)
    })

    it('keeps what is stale: freshness is for the cache to judge', async () => {
      const entry = sample({ freshSpan: -1 })
      await tier.set(entry)
      expect(await tier.get(entry.key)).toEqual(entry)
    })

    it('tells keys apart that differ in their last character, in case or in what looks like a path', async () => {
      const long = `/speak?text=${'a'.repeat(4_000)}`
      const paths = [long, `${long}b`, `${long}c`, '/A', '/a', '/../a', '/a%2F..', '/%00', '/a vary:accept=x']
      const entries = paths.map(path => sample({ path, body: Buffer.from(path) }))
      for (const entry of entries) await tier.set(entry)
      for (const entry of entries) expect((await tier.get(entry.key))?.body.toString()).toBe(entry.body.toString())
      expect(await tier.get(sample({ path: `${long}d` }).key)).toBeUndefined()
    })

    it('replaces an entry as a whole, and finds the new one by the same tags', async () => {
      const old = sample({ headers: { 'x-old': '1' } })
      const young = sample({ headers: { 'x-young': '1' }, body: Buffer.from('new') })
      await tier.set(old)
      await tier.set(young)
      expect(await tier.get(old.key)).toEqual(young)
      expect(await tier.deleteTag('movie:603')).toEqual(purged(1))
      expect(await tier.get(old.key)).toBeUndefined()
    })

    it('holds the old answer, the new one or none while several are set at once, never a mixture', async () => {
      const versions = Array.from({ length: 12 }, (_, n) =>
        sample({ headers: { 'x-version': String(n) }, body: Buffer.alloc(500 + 300 * n, n) }),
      )
      const reads = versions.flatMap(version => [tier.set(version), tier.get(version.key), tier.get(version.key)])
      const seen = [...(await Promise.all(reads.map(async read => read))), await tier.get(sample().key)]
      const entries = seen.filter(one => typeof one === 'object')
      expect(entries.length).toBeGreaterThan(0)
      for (const entry of entries) expect(entry).toEqual(versions[Number(entry.headers['x-version'])])
    })

    it('takes no body above maxEntryBytes, and has no older answer under that key afterwards', async () => {
      const small = sample()
      await tier.set(small)
      expect(await tier.set(sample({ body: Buffer.alloc(tier.maxEntryBytes + 1) }))).toBe(false)
      expect(await tier.get(small.key)).toBeUndefined()
    })

    it('deletes one key and says whether it was there', async () => {
      const [one, other] = [sample({ path: '/1' }), sample({ path: '/2' })]
      await tier.set(one)
      await tier.set(other)
      expect(await tier.delete(one.key)).toBe(true)
      expect(await tier.delete(one.key)).toBe(false)
      expect(await tier.get(one.key)).toBeUndefined()
      expect(await tier.get(other.key)).toEqual(other)
    })

    it('deletes by tag in every profile, compares tags whole, and says how many went', async () => {
      const profiles: ProfileName[] = ['api', 'enhanced', 'ai', 'tts']
      const tagged = profiles.map(profile => sample({ profile, movie: '60' }))
      const other = sample({ path: '/other' })
      for (const entry of [...tagged, other]) await tier.set(entry)
      expect(await tier.deleteTag('movie:6')).toEqual(purged(0))
      for (const entry of tagged) expect(await tier.get(entry.key)).toEqual(entry)
      expect(await tier.deleteTag('movie:60')).toEqual(purged(4))
      expect(await tier.deleteTag('movie:60')).toEqual(purged(0))
      for (const entry of tagged) expect(await tier.get(entry.key)).toBeUndefined()
      expect(await tier.get(other.key)).toEqual(other)
    })

    it('deletes by URL what answers GET, whatever its movie and whoever it is for', async () => {
      const [one, other] = [sample({ path: '/1' }), sample({ path: '/12' })]
      const personal = sample({ key: `${sample({ movie: '-', path: '/1' }).key} key:text=anna` })
      const posted = sample({ key: one.key.replace(' GET ', ' POST ') })
      for (const entry of [one, other, personal, posted]) await tier.set(entry)
      expect(await tier.deleteTag('url:tts http://localhost:3000 /1')).toEqual(purged(2))
      for (const entry of [one, personal]) expect(await tier.get(entry.key)).toBeUndefined()
      for (const entry of [other, posted]) expect(await tier.get(entry.key)).toEqual(entry)
    })

    it('clears everything, says how much it was, and works on', async () => {
      const entries = [1, 2, 3].map(n => sample({ path: `/${n}` }))
      for (const entry of entries) await tier.set(entry)
      expect(await tier.clear()).toEqual(purged(3))
      expect(await tier.clear()).toEqual(purged(0))
      for (const entry of entries) expect(await tier.get(entry.key)).toBeUndefined()
      expect(await tier.set(entries[0]!)).toBe(true)
      expect(await tier.get(entries[0]!.key)).toEqual(entries[0])
    })

    it('agrees with a plain map over any sequence of operations', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 40 }), async operations => {
          await tier.clear()
          const model = new Map<string, CacheEntry>()
          for (const { does, at, size } of operations) {
            const entry = sample({ movie: String(at % 3), path: `/${at}`, body: Buffer.alloc(size, at) })
            if (does === 'set') {
              expect(await tier.set(entry)).toBe(true)
              model.set(entry.key, entry)
            } else if (does === 'delete') {
              const [isGone, wasThere] = [await tier.delete(entry.key), model.delete(entry.key)]
              if (countsPurges || wasThere) expect(isGone).toBe(wasThere)
            } else if (does === 'deleteTag') {
              const gone = [...model.values()].filter(({ key }) => key.startsWith(`tts ${at % 3} `))
              for (const { key } of gone) model.delete(key)
              expect(await tier.deleteTag(`movie:${at % 3}`)).toEqual(purged(gone.length))
            }
            expect(await tier.get(entry.key)).toEqual(model.get(entry.key))
          }
          expect(await tier.clear()).toEqual(purged(model.size))
        }),
        { numRuns: 50 },
      )
    })
  })
}

const operation = fc.record({
  does: fc.constantFrom('set', 'set', 'get', 'delete', 'deleteTag'),
  at: fc.nat(5),
  size: fc.nat(200),
})
