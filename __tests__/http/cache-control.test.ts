import fc from 'fast-check'
import { deltaSeconds, parseCacheControl } from '../../lib/http/cache-control.js'

const anything = fc
  .array(
    fc.oneof(fc.constantFrom(...'no-store private max-age = " \\ , ; 60 é'.split(' '), ' ', '\t', '\0'), fc.string()),
    { maxLength: 12 },
  )
  .map(parts => parts.join(''))

describe('Cache-Control', () => {
  it.each<[string, [string, (string | undefined)[]][]]>([
    ['', []],
    ['no-store', [['no-store', [undefined]]]],
    [
      'No-Store, PRIVATE',
      [
        ['no-store', [undefined]],
        ['private', [undefined]],
      ],
    ],
    [' ,, max-age=60 ,\t', [['max-age', ['60']]]],
    ['max-age="60"', [['max-age', ['60']]]],
    ['max-age=1, max-age=2', [['max-age', ['1', '2']]]],
    [
      'private="set-cookie, x-a", max-age=5',
      [
        ['private', ['set-cookie, x-a']],
        ['max-age', ['5']],
      ],
    ],
    ['ext="a\\"b\\\\c"', [['ext', ['a"b\\c']]]],
    ['ext=""', [['ext', ['']]]],
    ['ext="no-store"', [['ext', ['no-store']]]],
    ['__proto__=1', [['__proto__', ['1']]]],
  ])('%j is read as %j', (field, directives) => {
    expect([...parseCacheControl(field)!]).toEqual(directives)
  })

  it.each(['max-age = 60', 'max-age=', '"no-store"', 'a b', 'max-age=60;', 'private="a', 'é', '=', 'a=b=c', 'a="b"c'])(
    '%j cannot be read, and that is said',
    field => {
      expect(parseCacheControl(field)).toBeUndefined()
    },
  )

  it('of any text is read or not, without an error and within a bounded time', () => {
    fc.assert(
      fc.property(anything, field => void parseCacheControl(field)),
      { numRuns: 2_000 },
    )
    const begun = performance.now()
    for (const part of [' ', ',', '"', '\\', 'a=', 'a,', '\t ', '"\\"']) parseCacheControl(part.repeat(8_000) + '\0')
    expect(performance.now() - begun).toBeLessThan(2_000)
  })

  it('keeps every directive of a well-formed list, whatever stands between', () => {
    const name = fc.stringMatching(/^[a-z-]{1,8}$/)
    const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}$/)
    const directive = fc.tuple(name, fc.option(fc.oneof(token, fc.string()), { nil: undefined }), fc.boolean())
    const gap = fc.constantFrom(',', ', ', ' ,\t', ', ,,')
    fc.assert(
      fc.property(fc.array(fc.tuple(directive, gap)), list => {
        const field = list.map(([member, between]) => written(member) + between).join('')
        const expected = new Map<string, (string | undefined)[]>()
        for (const [[key, value]] of list) expected.set(key, [...(expected.get(key) ?? []), value])
        expect(parseCacheControl(field)).toEqual(expected)
      }),
    )
  })
})

function written([name, value, isQuoted]: [string, string | undefined, boolean]): string {
  if (value === undefined) return name
  const isToken = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value)
  return `${name}=${isQuoted || !isToken ? `"${value.replace(/["\\]/g, '\\$&')}"` : value}`
}

describe('a number of seconds', () => {
  it.each<[string, number | undefined]>([
    ['max-age=60', 60],
    ['max-age="60"', 60],
    ['max-age=007', 7],
    ['max-age=0', 0],
    ['max-age=60, max-age=5', 5],
    ['max-age=99999999999999999999', 2_147_483_648],
    ['max-age', NaN],
    ['max-age=""', NaN],
    ['max-age=-1', NaN],
    ['max-age=1.5', NaN],
    ['max-age=6O', NaN],
    ['max-age=60, max-age=x', NaN],
    ['s-maxage=60', undefined],
  ])('in %j is %p', (field, seconds) => {
    expect(deltaSeconds(parseCacheControl(field)!, 'max-age')).toBe(seconds)
  })
})
