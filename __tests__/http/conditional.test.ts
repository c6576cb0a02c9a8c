import fc from 'fast-check'
import {
  conditionsOf,
  etagMatches,
  formOf,
  isConditional,
  type Conditions,
  type Form,
} from '../../lib/http/conditional.js'

const NOW = Date.UTC(2026, 4, 17, 20, 15)
const MODIFIED = 'Sun, 17 May 2026 10:00:00 GMT'
const BEFORE = 'Sun, 17 May 2026 09:59:59 GMT'
const none = conditionsOf({})
const stored = { etag: '"a"', headers: { 'last-modified': MODIFIED }, storedAt: NOW, body: { length: 10 } }

const formFor = (conditions: Partial<Conditions>, given = {}): Form =>
  formOf({ ...none, ...conditions }, { ...stored, ...given })
const part = (start: number, end: number): Form => ({ is: 'part', start, end })
const whole: Form = { is: 'whole' }
const unchanged: Form = { is: 'not-modified' }

const failed: Form = { is: 'failed' }

describe('If-Match', () => {
  it.each([
    ['"a"', '"a"', whole],
    ['"b", "a"', '"a"', whole],
    ['"b","a"', '"a"', whole],
    ['"a,b"', '"a,b"', whole],
    [' * ', '"a"', whole],
    ['*', undefined, whole],
    ['"b"', '"a"', failed],
    ['"a,b"', '"b"', failed],
    ['"A"', '"a"', failed],
    ['W/"a"', '"a"', failed],
    ['W/"a"', 'W/"a"', failed],
    // VLC gives a weak validator back without its mark.
    ['"a"', 'W/"a"', whole],
    ['"b"', 'W/"a"', failed],
    ['a', '"a"', failed],
    ['', '"a"', failed],
    ['"a"', undefined, failed],
  ])('%s for an answer whose validator is %s', (ifMatch, etag, form) => {
    expect(formFor({ ifMatch }, { etag })).toEqual(form)
  })

  it('counts before If-Unmodified-Since, If-None-Match and Range (RFC 9110 section 13.2.2)', () => {
    expect(formFor({ ifMatch: '"b"', ifNoneMatch: '"a"', range: 'bytes=0-1' })).toEqual(failed)
    expect(formFor({ ifMatch: '"a"', ifUnmodifiedSince: BEFORE })).toEqual(whole)
    expect(formFor({ ifMatch: '"a"', ifNoneMatch: '"a"' })).toEqual(unchanged)
    expect(formFor({ ifMatch: '"a"', range: 'bytes=0-1' })).toEqual(part(0, 1))
    expect(formFor({ ifMatch: '"b"', range: 'bytes=99-' })).toEqual(failed)
  })
})

describe('If-Unmodified-Since', () => {
  it.each([
    [MODIFIED, {}, whole],
    [BEFORE, {}, failed],
    ['rubbish', {}, whole],
    ['', {}, whole],
    [BEFORE, { headers: {} }, whole],
    [BEFORE, { headers: { date: MODIFIED } }, whole],
  ])('%s for an answer with %o', (ifUnmodifiedSince, given, form) => {
    expect(formFor({ ifUnmodifiedSince }, given)).toEqual(form)
  })

  it('counts before If-None-Match and Range', () => {
    expect(formFor({ ifUnmodifiedSince: BEFORE, ifNoneMatch: '"a"' })).toEqual(failed)
    expect(formFor({ ifUnmodifiedSince: MODIFIED, range: 'bytes=0-1' })).toEqual(part(0, 1))
  })
})

describe('If-None-Match', () => {
  it.each([
    ['"a"', '"a"', true],
    ['W/"a"', '"a"', true],
    ['"a"', 'W/"a"', true],
    ['"b", W/"c" , "a"', '"a"', true],
    ['"b","a"', '"a"', true],
    ['"x, "a""', '"a"', false],
    ['"a,b"', '"a,b"', true],
    ['"a,b"', '"b"', false],
    [' * ', '"a"', true],
    ['*', undefined, true],
    ['"*"', '"a"', false],
    ['"A"', '"a"', false],
    ['a', '"a"', false],
    ['a', 'a', true],
    ['', '"a"', false],
    ['"a"', undefined, false],
  ])('%j and the validator %j: %p', (field, etag, matches) => {
    expect(etagMatches(field, etag)).toBe(matches)
  })
})

describe('the form of an answer', () => {
  it.each<[string, Partial<Conditions>, Form]>([
    ['nothing', {}, whole],
    ['its validator', { ifNoneMatch: '"a"' }, unchanged],
    ['another validator', { ifNoneMatch: '"b"' }, whole],
    ['another validator and its date', { ifNoneMatch: '"b"', ifModifiedSince: MODIFIED }, whole],
    ['its date', { ifModifiedSince: MODIFIED }, unchanged],
    ['an earlier date', { ifModifiedSince: BEFORE }, whole],
    ['no date at all', { ifModifiedSince: 'rubbish' }, whole],
    ['its validator and a range', { ifNoneMatch: '"a"', range: 'bytes=0-1' }, unchanged],
    ['another validator and a range', { ifNoneMatch: '"b"', range: 'bytes=0-1' }, part(0, 1)],
    ['a range if nothing changed', { range: 'bytes=0-1', ifRange: '"a"' }, part(0, 1)],
    ['a range if its date holds', { range: 'bytes=0-1', ifRange: MODIFIED }, part(0, 1)],
    ['a range of another version', { range: 'bytes=0-1', ifRange: '"b"' }, whole],
    ['a range of a weak validator', { range: 'bytes=0-1', ifRange: 'W/"a"' }, whole],
    ['a range of another date', { range: 'bytes=0-1', ifRange: BEFORE }, whole],
    ['If-Range alone', { ifRange: '"a"' }, whole],
  ])('asked for with %s', (_, conditions, form) => {
    expect(formFor(conditions)).toEqual(form)
  })

  it('without Last-Modified is compared by Date, and without Date by the time of its arrival', () => {
    const at = new Date(NOW).toUTCString()
    expect(formFor({ ifModifiedSince: MODIFIED }, { headers: { date: MODIFIED } })).toEqual(unchanged)
    expect(formFor({ ifModifiedSince: BEFORE }, { headers: { date: MODIFIED } })).toEqual(whole)
    expect(formFor({ ifModifiedSince: at }, { headers: {} })).toEqual(unchanged)
    expect(formFor({ ifModifiedSince: MODIFIED }, { headers: {} })).toEqual(whole)
  })

  it.each<[string, Form]>([
    ['bytes=0-0', part(0, 0)],
    ['bytes=0-', part(0, 9)],
    ['bytes=9-', part(9, 9)],
    ['bytes=2-99', part(2, 9)],
    ['bytes=-1', part(9, 9)],
    ['bytes=-99', part(0, 9)],
    ['BYTES= 1-2 ', part(1, 2)],
    ['bytes=0-99999999999999999999', part(0, 9)],
    ['bytes=10-', { is: 'unsatisfiable' }],
    ['bytes=99999999999999999999-', { is: 'unsatisfiable' }],
    ['bytes=-0', { is: 'unsatisfiable' }],
    ['bytes=2-1', whole],
    ['bytes=0-1,3-4', whole],
    ['bytes=-', whole],
    ['bytes=--1', whole],
    ['bytes=1', whole],
    ['bytes=0x1-2', whole],
    ['lines=0-1', whole],
    ['', whole],
  ])('of ten bytes for the range %j is %j', (range, form) => {
    expect(formFor({ range })).toEqual(form)
  })

  it('of no bytes has no part', () => {
    expect(formFor({ range: 'bytes=0-' }, { body: { length: 0 } })).toEqual({ is: 'unsatisfiable' })
  })

  it('is found for any conditions without an error, and a part lies within the body', () => {
    const piece = fc.constantFrom(...'bytes= 0 1 99 - , " W/ * a'.split(' '), ' ', MODIFIED)
    const field = fc.option(
      fc.oneof(
        fc.array(piece, { maxLength: 6 }).map(all => all.join('')),
        fc.string(),
      ),
      {
        nil: undefined,
      },
    )
    const conditions = fc.record({
      ifMatch: field,
      ifUnmodifiedSince: field,
      ifNoneMatch: field,
      ifModifiedSince: field,
      range: field,
      ifRange: field,
    })
    fc.assert(
      fc.property(conditions, fc.nat(20), fc.option(fc.string(), { nil: undefined }), (given, length, etag) => {
        const form = formFor(given, { body: { length }, etag })
        if (form.is === 'part') {
          expect(form.start).toBeGreaterThanOrEqual(0)
          expect(form.end).toBeGreaterThanOrEqual(form.start)
          expect(form.end).toBeLessThan(length)
        }
        if (!isConditional(given)) expect(form).toEqual(whole)
      }),
      { numRuns: 2_000 },
    )
  })
})
