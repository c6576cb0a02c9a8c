import express5 from 'express'
import express4 from 'express4'
import fc from 'fast-check'
import { readQuery, rootName } from '../../lib/http/query.js'
import type { FieldFilter } from '../../lib/options.js'

type Parse = (query: string) => Record<string, unknown>

const parserOf = (express: typeof express5, kind: string): Parse =>
  express().set('query parser', kind).get('query parser fn') as Parse

const parsers: [string, Parse][] = [
  ['simple, as in Express 5', parserOf(express5, 'simple')],
  ['extended, as in Express 4', parserOf(express4, 'extended')],
  ['extended in Express 5', parserOf(express5, 'extended')],
]

const names =
  'a b A [a] a%5Bb%5D%zz a[] a[0] a[1] a[b] a[b][c] b[a] a.b %61 a%5Bb%5D a+ +a a%20 %ff %zz __proto__ a] a[ utm_source utm_ gclid'
const values = '1 2 + %20 %26 %3D %5B %ff %zz a=b a%3D1 1,2'
const piece = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(fc.constantFrom(...names.split(' ')), fc.constantFrom(...values.split(' ')))
      .map(pair => pair.join('=')),
  },
  { weight: 1, arbitrary: fc.constantFrom('', '=', '=1', 'a', '?', '&', '%', 'a=1;b=2') },
)
const query = fc.array(piece, { maxLength: 8 }).map(pieces => pieces.join('&'))

/** What a parser makes of a query, in one text that no order of names changes. */
const parsed = (parse: Parse, text: string): string =>
  JSON.stringify(Object.entries(parse(text)).sort(([a], [b]) => (a < b ? -1 : 1)))

describe.each(parsers)('to the parser %s', (_, parse) => {
  it('the text in the key says the same as what the handler sees', () => {
    fc.assert(
      fc.property(query, text => {
        const { canonical, visible } = readQuery(text, undefined)
        expect(parsed(parse, canonical)).toBe(parsed(parse, visible?.text ?? text))
      }),
      { numRuns: 2_000 },
    )
  })

  it('what is hidden is only what does not belong to the key', () => {
    fc.assert(
      fc.property(query, text => {
        const { visible } = readQuery(text, undefined)
        const hidden = visible?.hidden ?? new Set()
        const shown = Object.entries(parse(text)).filter(([name]) => !hidden.has(rootName(name)))
        expect(parsed(parse, visible?.text ?? text)).toBe(parsed(() => Object.fromEntries(shown), ''))
        for (const name of hidden) expect(name).toMatch(/^utm_|^gclid$/)
      }),
      { numRuns: 500 },
    )
  })
})

describe('the query in the key', () => {
  const pairs = fc.array(
    fc.tuple(fc.constantFrom('a', 'b', 'c', '', 'é'), fc.constantFrom('', '1', '2', '&', '=', 'a=1')),
    {
      maxLength: 5,
    },
  )
  const written = (list: readonly (readonly [string, string])[]): string =>
    list.map(pair => pair.map(encodeURIComponent).join('=')).join('&')
  const byName = (list: readonly (readonly [string, string])[]): string =>
    JSON.stringify([...list].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))

  it('is the same exactly for the same pairs, where equal names keep their order', () => {
    fc.assert(
      fc.property(pairs, pairs, (one, other) => {
        const isSame = readQuery(written(one), undefined).canonical === readQuery(written(other), undefined).canonical
        expect(isSame).toBe(byName(one) === byName(other))
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    ['b=2&a=1', 'a=1&b=2'],
    ['a=2&a=1', 'a=2&a=1'],
    ['b=1&a[x]=1&a=2', 'a[x]=1&a=2&b=1'],
    ['z=1&utm_source=x&fbclid=y&_ga=1', 'z=1'],
    ['utm_source=x', ''],
    ['utm%5Fsource=x&a=1', 'a=1'],
    ['utm_source[]=x&gclid[a]=1&a=1', 'a=1'],
    ['UTM_SOURCE=x', 'UTM_SOURCE=x'],
    ['gclids=1', 'gclids=1'],
    ['', ''],
  ])('of %j is %j', (text, canonical) => {
    expect(readQuery(text, undefined).canonical).toBe(canonical)
  })

  it.each<[FieldFilter, string]>([
    [{ only: ['page', 'a'] }, 'a=1&page=2'],
    [{ ignore: ['x'] }, 'a=1&page=2'],
    [{ only: [] }, ''],
  ])('with %j keeps %j and hides the rest', (filter, canonical) => {
    const read = readQuery('page=2&x=1&a=1', filter)
    expect(read.canonical).toBe(canonical)
    expect(read.visible?.text).toBe(canonical === '' ? '' : 'page=2&a=1')
  })

  it('of more parameters than a parser sorts out is the query as it stands', () => {
    const long = Array.from({ length: 501 }, (_, n) => `p${500 - n}=1`).join('&')
    expect(readQuery(long, undefined)).toEqual({ canonical: long, visible: undefined })
    const sortable = long.slice(0, long.lastIndexOf('&'))
    expect(readQuery(sortable, undefined).canonical).not.toBe(sortable)
  })

  it('is made of any text without an error', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), text => void readQuery(text, { only: [text] })))
  })
})
