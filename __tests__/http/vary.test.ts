import fc from 'fast-check'
import { tagsOf } from '../../lib/core/tags.js'
import type { CacheEntry } from '../../lib/core/types.js'
import { chosenVariant, MAX_VARIANTS, variantKey, variesOn, withVariant } from '../../lib/http/vary.js'
import { entryOf } from '../tiers/tier-contract.js'

const KEY = 'api 603 GET http://localhost /'

describe('Vary', () => {
  it.each<[string | string[] | undefined, string[] | undefined]>([
    [undefined, []],
    ['', []],
    ['Accept', ['accept']],
    ['Origin, Accept-Language,accept', ['accept', 'accept-language', 'origin']],
    [
      ['Accept', 'Origin'],
      ['accept', 'origin'],
    ],
    ['accept, Accept', ['accept']],
    [',, accept ,', ['accept']],
    ['*', undefined],
    ['accept, *', undefined],
    ['accept;q=1', undefined],
    ['accept language', undefined],
    ['"accept"', undefined],
    ['é', undefined],
  ])('%j names %j', (vary, names) => {
    expect(variesOn({ vary })).toEqual(names)
  })

  it('of any text is read without an error', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), vary => void variesOn({ vary })))
  })
})

describe('the key of a variant', () => {
  it.each([
    ['accept-language', 'fr, en;q=0.8', ' FR ,en; Q=0.8 ', true],
    ['accept-language', 'fr,en', 'en,fr', false],
    ['accept-language', 'fr', undefined, false],
    ['accept-language', '', undefined, false],
    ['x-theme', 'dark', 'Dark', false],
    ['x-theme', 'a, b', 'a,b', false],
    ['x-theme', 'dark', 'dark', true],
  ])('for %s: %j and %j are the same: %p', (name, one, other, isSame) => {
    expect(variantKey(KEY, [name], { [name]: one }) === variantKey(KEY, [name], { [name]: other })).toBe(isSame)
  })

  it('is one for each set of values, whatever they hold', () => {
    const value = fc.option(fc.oneof(fc.constantFrom('', 'a', 'a vary:b=a', '=', ' ', '%20'), fc.string()), {
      nil: undefined,
    })
    const key = (a: string | undefined, b: string | undefined): string => variantKey(KEY, ['a', 'b'], { a, b })
    fc.assert(
      fc.property(value, value, value, value, (a, b, c, d) => {
        expect(key(a, b) === key(c, d)).toBe(a === c && b === d)
      }),
    )
  })
})

describe('the index of variants', () => {
  const variantOf = (name: string, value: string, coverSpan = 2_000): CacheEntry =>
    entryOf({ key: variantKey(KEY, [name], { [name]: value }), storedAt: 0, refreshSpan: 0, coverSpan })
  const indexOf = (...entries: [name: string, entry: CacheEntry][]): CacheEntry =>
    entries.reduce<CacheEntry | undefined>(
      (index, [name, entry]) => withVariant(index, KEY, [name], entry).index,
      undefined,
    )!

  const french = variantOf('accept-language', 'fr')
  const dark = variantOf('x-theme', 'dark')

  it('finds the variant that the request chooses, and none for another request', () => {
    const index = indexOf(['accept-language', french], ['x-theme', dark])
    expect(chosenVariant(index, { 'accept-language': 'fr', 'x-theme': 'light' })).toBe(french.key)
    expect(chosenVariant(index, { 'accept-language': 'de', 'x-theme': 'dark' })).toBe(dark.key)
    expect(chosenVariant(index, { 'accept-language': 'de' })).toBeUndefined()
  })

  it('prefers the newest of those that fit', () => {
    const both = { 'accept-language': 'fr', 'x-theme': 'dark' }
    expect(chosenVariant(indexOf(['accept-language', french], ['x-theme', dark]), both)).toBe(dark.key)
    expect(chosenVariant(indexOf(['x-theme', dark], ['accept-language', french]), both)).toBe(french.key)
  })

  it('has the tags of what it leads to, no body, and lives as long as the longest of its variants', () => {
    const index = indexOf(['x-theme', dark], ['x-theme', variantOf('x-theme', 'light', 1_000)])
    expect(index).toMatchObject({ key: KEY, headers: {}, coverSpan: 2_000, freshSpan: 2_000 })
    expect(index.body).toHaveLength(0)
    expect(tagsOf(index)).toEqual(tagsOf(dark))
  })

  it('has a variant once, however often it is stored', () => {
    expect(indexOf(['x-theme', dark], ['x-theme', dark]).variants).toHaveLength(1)
  })

  it('lets the oldest go when there are too many, and says which', () => {
    const all = Array.from({ length: MAX_VARIANTS }, (_, n) => variantOf('x-theme', String(n)))
    const full = indexOf(...all.map((entry): [string, CacheEntry] => ['x-theme', entry]))
    const { index, dropped } = withVariant(full, KEY, ['x-theme'], dark)
    expect(dropped).toEqual([all[0]!.key])
    expect(index.variants).toHaveLength(MAX_VARIANTS)
    expect(index.variants!.at(-1)).toEqual({ names: ['x-theme'], key: dark.key })
  })
})
