import fc from 'fast-check'
import { cookieFilter, cookieNames } from '../../lib/http/cookies.js'

describe('the names in a Cookie field', () => {
  it.each([
    ['a=1', ['a']],
    ['a=1; b=2;c=3', ['a', 'b', 'c']],
    ['a=b=c', ['a']],
    ['a', ['a']],
    ['a = 1', ['a']],
    [';; =1; ;', []],
    ['a="x; sid=1"', ['a', 'sid']],
    ['__proto__=1', ['__proto__']],
    ['', []],
  ])('of %j are %j', (field, names) => {
    expect(cookieNames(field)).toEqual(names)
  })

  it('are those that were written, in any field', () => {
    const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,10}$/)
    const value = fc.stringMatching(/^[!#-+\--:<-[\]-~]{0,10}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(token, value)), cookies => {
        const field = cookies.map(([name, text]) => `${name}=${text}`).join('; ')
        expect(cookieNames(field)).toEqual(cookies.map(([name]) => name))
      }),
    )
    fc.assert(fc.property(fc.string({ unit: 'binary' }), field => void cookieNames(field)))
  })
})

describe('a cookie filter', () => {
  it.each([
    ['theme', ['theme'], true],
    ['Theme', ['theme'], false],
    ['theme2', ['theme'], false],
    ['ab_test', ['ab_*'], true],
    ['ab_', ['ab_*'], true],
    ['ab', ['ab_*'], false],
    ['xab_', ['ab_*'], false],
    ['anything', ['*'], true],
    ['a.b', ['a?b', 'a.*'], true],
    ['a', [], false],
  ])('finds that %j is one of %j: %p', (name, patterns, isIgnored) => {
    expect(cookieFilter(patterns)(name)).toBe(isIgnored)
  })

  it('of true ignores every name', () => {
    expect(cookieFilter(true)('sid')).toBe(true)
  })
})
