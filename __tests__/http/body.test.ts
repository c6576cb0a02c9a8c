import fc from 'fast-check'
import { digestOf } from '../../lib/http/body.js'

/** JSON as text: objects in memory could not be given a field called `__proto__` so simply. */
const { json } = fc.letrec<{ json: string }>(tie => ({
  json: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(
      ...['""', '"a"', '"1"', '1', '0', '-1', '1.5', '1e21', 'true', 'false', 'null', '"null"', '"true"', '[]', '{}'],
      ...['"[]"', '"{}"', '"\\ud800"', '"\\ud801"', '"é"', '"e\\u0301"', '" a"', '"string:1:a"', '"[CIRCULAR:0]"'],
    ),
    fc.array(tie('json'), { maxLength: 3 }).map(items => `[${items.join()}]`),
    fc
      .array(
        fc.tuple(fc.constantFrom('a', 'b', '', '0', '__proto__', 'constructor', 'toJSON', 'length'), tie('json')),
        { maxLength: 3 },
      )
      .map(fields => `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`),
  ),
}))

/** One text for each value, with its fields in their order. */
function spelled(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spelled).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).map(([name, field]) => `${JSON.stringify(name)}:${spelled(field)}`)
  return `{${fields.join()}}`
}

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))

describe('the digest of a value', () => {
  it('is a SHA-256, the same for the same value', () => {
    fc.assert(
      fc.property(json, text => {
        const value: unknown = JSON.parse(text)
        const digest = digestOf(value)
        expect(digest).toMatch(/^[0-9a-f]{64}$/)
        expect(digestOf(JSON.parse(text))).toBe(digest)
      }),
    )
  })

  it('differs for values that differ', () => {
    fc.assert(
      fc.property(fc.array(json, { maxLength: 60 }), texts => {
        const values = texts.map(text => JSON.parse(text) as unknown)
        expect(new Set(values.map(digestOf)).size).toBe(new Set(values.map(spelled)).size)
      }),
      { numRuns: 300 },
    )
  })

  it.each<[unknown, unknown]>([
    ['1', 1],
    ['', null],
    [[null], [undefined]],
    [0, false],
    [[], {}],
    [[['a', 1]], { a: 1 }],
    [
      [1, 23],
      [12, 3],
    ],
    [
      ['ab', 'c'],
      ['a', 'bc'],
    ],
    [{ a: { b: 1 } }, { a: 1, b: 1 }],
    [{ a: '1,b:2' }, { a: '1', b: '2' }],
    ['\ud800', '\ufffd'],
    [{ text: '\ud800' }, { text: '\udfff' }],
    [9007199254740993n, 9007199254740992],
    ['bytes', Buffer.from('bytes')],
    [JSON.parse('{"__proto__":{"a":1}}'), {}],
  ])('tells %p from %p', (one, other) => {
    expect(digestOf(one)).toBeDefined()
    expect(digestOf(one)).not.toBe(digestOf(other))
  })

  it('is the same for what Express 4 and 5 parse, with a prototype or without', () => {
    expect(digestOf(Object.assign(Object.create(null), { a: 1 }))).toBe(digestOf({ a: 1 }))
  })

  it('of bytes is that of their content', () => {
    expect(digestOf(Buffer.from('audio'))).toBe(digestOf(Buffer.from('an audio').subarray(3)))
  })
})

const cyclic: Record<string, unknown> = { a: [] }
;(cyclic['a'] as unknown[]).push(cyclic)
const shared = { a: 1 }

describe('no digest', () => {
  it.each<[string, unknown]>([
    ['a cycle', cyclic],
    ['an object that is there twice', [shared, shared]],
    ['lists in 66 lists', nested(66)],
    ['lists in 100,000 lists', Array.from({ length: 100_000 }).reduce(list => [list], [])],
    ['a list of 3,000', Array.from({ length: 3_000 }, (_, n) => n)],
    ['a list of nothing that is very long', new Array(2 ** 32 - 1)],
    ['an object of 1,000,000 fields', Object.fromEntries(Array.from({ length: 1_000_000 }, (_, n) => [n, n]))],
    ['a million empty objects', Array.from({ length: 1_000_000 }, () => ({}))],
    ['a Map', new Map([['a', 1]])],
    ['a Set', new Set([1])],
    ['a Date', new Date(0)],
    ['a regular expression', /a/],
    ['an Error', new Error('a')],
    [
      'an instance of a class',
      new (class Movie {
        id = 603
      })(),
    ],
    ['an object with a prototype of its own', Object.create({ a: 1 })],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['a boxed text', new String('a')],
    ['a typed array', new Uint16Array(2)],
    ['an ArrayBuffer', new ArrayBuffer(2)],
    ['a promise', Promise.resolve(1)],
    ['any of these deep inside', { a: [{ b: new Map() }] }],
  ])('is made of %s, and that is known soon', (_, value) => {
    const begun = performance.now()
    expect(digestOf(value)).toBeUndefined()
    expect(performance.now() - begun).toBeLessThan(1_000)
  })

  it.each<[string, unknown]>([
    ['lists in 64 lists', nested(64)],
    ['a list of 2,000', Array.from({ length: 2_000 }, (_, n) => n)],
    ['equal objects that are not the same', [{ a: 1 }, { a: 1 }]],
    ['a text of a million characters', 'a'.repeat(1_000_000)],
  ])('is the rule only there: %s have one', (_, value) => {
    expect(digestOf(value)).toMatch(/^[0-9a-f]{64}$/)
  })
})
