import express4 from 'express4'
import express5 from 'express'
import fc from 'fast-check'
import { etagFor, strongEtag } from '../../lib/http/etag.js'

type MakeEtag = (body: Buffer) => string

describe.each([
  ['4', express4().get('etag fn') as MakeEtag],
  ['5', express5().get('etag fn') as MakeEtag],
])('beside Express %s', (_, expressEtag) => {
  it('the validator of any body is the one that Express makes, but strong', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        const body = Buffer.from(bytes)
        expect(`W/${strongEtag(body)}`).toBe(expressEtag(body))
        expect(etagFor(body, expressEtag(body))).toBe(strongEtag(body))
        expect(etagFor(body, undefined)).toBe(strongEtag(body))
      }),
    )
  })
})

describe("the handler's own validator", () => {
  it.each(['"v1"', 'W/"v1"', 'W/""', 'unquoted', ''])('%j is kept', own => {
    expect(etagFor(Buffer.from('a'), own)).toBe(own)
  })

  it('that is weak and of other bytes stays weak', () => {
    const other = `W/${strongEtag(Buffer.from('b'))}`
    expect(etagFor(Buffer.from('a'), other)).toBe(other)
  })
})

describe('a strong validator', () => {
  it('differs for bytes that differ in one bit, and has a form that If-None-Match takes', () => {
    const tags = [Buffer.from([0]), Buffer.from([1]), Buffer.alloc(0), Buffer.alloc(2)].map(strongEtag)
    expect(new Set(tags).size).toBe(4)
    for (const tag of tags) expect(tag).toMatch(/^"[\x21\x23-\x7e]+"$/)
  })
})
