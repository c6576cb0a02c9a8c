import fc from 'fast-check'
import { keyPart } from '../../lib/http/text.js'

/** Texts of UTF-16 units as they come, lone surrogates among them, from an alphabet in which texts meet again. */
const text = fc
  .array(fc.constantFrom(...['a', 'A', ' ', '%', '%3A', ':', '~', '%7E', '\ud83c', '\udfac', 'é', '\0', '7E', '/']), {
    maxLength: 6,
  })
  .map(parts => parts.join(''))
const anyText = fc.array(fc.nat(0xffff), { maxLength: 300 }).map(units => String.fromCharCode(...units))

describe('keyPart', () => {
  it.each([
    ['603', '603'],
    ['tt0133093', 'tt0133093'],
    ['', ''],
    ['localhost:3000', 'localhost:3000'],
    ['fr-CA, fr;q=0.8', 'fr-CA%2C%20fr%3Bq%3D0.8'],
    ['~', '%7E'],
    ['\ud800', '~~00d8'],
  ])('writes %j as %s', (given, part) => {
    expect(keyPart(given)).toBe(part)
  })

  it('writes any text in at most so many printable characters without a space', () => {
    fc.assert(
      fc.property(anyText, given => {
        expect(keyPart(given)).toMatch(/^[!-~]*$/)
        expect(keyPart(given).length).toBeLessThanOrEqual(9 * 200)
      }),
    )
  })

  it('writes no two texts alike', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(text, anyText), { maxLength: 100 }), texts => {
        expect(new Set(texts.map(keyPart)).size).toBe(new Set(texts).size)
      }),
    )
  })

  it('writes long texts as digests, each its own, and texts up to 200 characters in full', () => {
    const long = 'a'.repeat(200)
    expect(keyPart(long)).toBe(long)
    const digests = [`${long}a`, `${long}b`, `${long}\ud800`, `${long}\ud801`, 'a'.repeat(1_000_000)].map(keyPart)
    for (const digest of digests) expect(digest).toMatch(/^~[0-9a-f]{64}$/)
    expect(new Set(digests).size).toBe(5)
  })
})
