import type { CacheEntry } from '../../lib/core/types.js'
import { Kinds } from '../../lib/tiers/kinds.js'
import { entryOf } from './tier-contract.js'

describe('Kinds', () => {
  const own: Partial<CacheEntry> = {
    headers: { 'content-type': 'text/plain', link: ['<a>', '<b>'] },
    removed: ['x-powered-by'],
    asOf: '1-1 2-2',
  }
  const nth = (n: number, given: Partial<CacheEntry> = {}): CacheEntry =>
    entryOf({
      ...{ path: `/${n}`, body: Buffer.from(`${n}`), etag: `"${n}"`, handlerEtag: `W/"${n}"` },
      ...{ storedAt: n, freshSpan: n, refreshSpan: n, coverSpan: n, handlerTime: n },
      ...structuredClone(own),
      ...given,
    })

  it('are one for entries that differ in key, body, validators and times', () => {
    const kinds = new Kinds()
    expect(kinds.of(nth(2))).toBe(kinds.of(nth(1)))
  })

  it.each<[string, Partial<CacheEntry>]>([
    ['profile', { profile: 'tts' }],
    ['status', { status: 404 }],
    ['value of a field', { headers: { ...own.headers, 'content-type': 'text/html' } }],
    ['line of a field', { headers: { ...own.headers, link: ['<a>', '<c>'] } }],
    ['number of lines', { headers: { ...own.headers, link: ['<a>'] } }],
    ['one line in place of a list', { headers: { ...own.headers, link: '<a>' } }],
    ['field more', { headers: { ...own.headers, 'x-more': '1' } }],
    ['field less', { headers: { 'content-type': 'text/plain' } }],
    ['order of fields', { headers: Object.fromEntries(Object.entries(own.headers!).reverse()) }],
    ['field taken away', { removed: [] }],
    ['age', { initialAge: 1_000 }],
    ['right of the handler to say how long', { explicit: true }],
    ['last purge', { asOf: '1-1 3-3' }],
    ['list of chunks', { chunkEnds: [1] }],
    ['list of variants', { variants: [] }],
  ])('are two for entries with another %s', (_, given) => {
    const kinds = new Kinds()
    const [one, other] = [kinds.of(nth(1)), kinds.of(nth(1, given))]
    expect(other).not.toBe(one)
    expect({ ...nth(1, given), ...other }).toEqual(nth(1, given))
    expect(kinds.of(nth(2))).toBe(one)
  })

  it('are forgotten when there have been many others since, and then made anew', () => {
    const kinds = new Kinds()
    const first = kinds.of(nth(1))
    for (let age = 1; age < 32; age++) kinds.of(nth(1, { initialAge: age }))
    expect(kinds.of(nth(1))).toBe(first)
    kinds.of(nth(1, { initialAge: 32 }))
    expect(kinds.of(nth(1))).not.toBe(first)
    expect(kinds.of(nth(1))).toEqual(first)
  })
})
