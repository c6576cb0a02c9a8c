/** Which of several answers is chosen: RFC 9111 section 4.1. */
import { cacheStatus } from '../../support/cache.js'
import { isHit, origin, type Fields } from './origin.js'

const vary = (value: string | string[]): Fields => ({ 'Cache-Control': 'max-age=60', Vary: value })

describe('a stored answer with Vary is reused', () => {
  it.each<[string, string | string[], Fields, Fields]>([
    ['when the field is the same', 'Foo', { Foo: '1' }, { Foo: '1' }],
    ['when both requests lack the field', 'Foo', {}, {}],
    ['whatever an unnamed field says', 'Foo', { Foo: '1', Other: '2' }, { Foo: '1', Other: '3' }],
    ['when the name is written in other letters', 'FOO', { foo: '1' }, { Foo: '1' }],
    ['when two fields are the same', 'Foo, Bar', { Foo: '1', Bar: 'a' }, { Bar: 'a', Foo: '1' }],
    ['when three fields are the same, one missing', 'Foo, Bar, Baz', { Foo: '1', Baz: 'b' }, { Foo: '1', Baz: 'b' }],
    ['when Vary has several lines', ['Foo', 'Bar'], { Foo: '1', Bar: 'a' }, { Foo: '1', Bar: 'a' }],
    ['when Vary names a field twice', 'Foo, foo', { Foo: '1' }, { Foo: '1' }],
    ['when Vary has empty members', ', Foo,,', { Foo: '1' }, { Foo: '1' }],
    ['when Vary is empty', '', { Foo: '1' }, { Foo: '2' }],
    ['when two lines say what one line said', 'Foo', { Foo: '1, 2' }, { Foo: ['1', '2'] }],
  ])('%s', async (_, value, first, second) => {
    const { get } = await origin([{ fields: vary(value) }])
    expect(cacheStatus(await get(first))).toMatchObject({ fwd: 'miss', stored: true })
    const hit = await get(second)
    expect(isHit(hit)).toBe(true)
    expect(hit.body.toString()).toBe('run 1')
  })
})

describe('a stored answer with Vary is not reused', () => {
  it.each<[string, string | string[], Fields, Fields]>([
    ['when the field differs', 'Foo', { Foo: '1' }, { Foo: '2' }],
    ['when the field is missing now', 'Foo', { Foo: '1' }, {}],
    ['when the field was missing then', 'Foo', {}, { Foo: '1' }],
    ['when the field is empty now and was missing then', 'Foo', {}, { Foo: '' }],
    ['when the field differs in case', 'Foo', { Foo: 'a' }, { Foo: 'A' }],
    ['when the first of two differs', 'Foo, Bar', { Foo: '1', Bar: 'a' }, { Foo: '2', Bar: 'a' }],
    ['when the second of two differs', 'Foo, Bar', { Foo: '1', Bar: 'a' }, { Foo: '1', Bar: 'b' }],
    ['when the second of two is missing', 'Foo, Bar', { Foo: '1', Bar: 'a' }, { Foo: '1' }],
    ['when two values have changed places', 'Foo, Bar', { Foo: '1', Bar: '2' }, { Foo: '2', Bar: '1' }],
    ['when values would read the same put together', 'Foo, Bar', { Foo: 'a', Bar: 'bc' }, { Foo: 'ab', Bar: 'c' }],
    ['when the last of three differs', 'Foo, Bar, Baz', { Foo: '1', Baz: 'b' }, { Foo: '1', Baz: 'c' }],
    ['when the second line of Vary names what differs', ['Foo', 'Bar'], { Bar: 'a' }, { Bar: 'b' }],
  ])('%s', async (_, value, first, second) => {
    const { get } = await origin([{ fields: vary(value) }])
    await get(first)
    expect((await get(second)).body.toString()).toBe('run 2')
    expect((await get(first)).body.toString()).toBe('run 1')
  })

  it.each<[string, string | string[]]>([
    ['*', '*'],
    ['*, *', '*, *'],
    ['* on two lines', ['*', '*']],
    [', *', ', *'],
    ['an empty line and *', ['', '*']],
    ['*, Foo', '*, Foo'],
    ['Foo, *', 'Foo, *'],
    ['Foo and * on two lines', ['Foo', '*']],
    ['a name that is none', 'Foo Bar'],
  ])('when Vary is %s', async (_, value) => {
    const { get } = await origin([{ fields: vary(value) }])
    expect(cacheStatus(await get({ Foo: '1' }))).toMatchObject({ fwd: 'miss', detail: 'vary' })
    expect(isHit(await get({ Foo: '1' }))).toBe(false)
  })
})

describe('variants of one URL', () => {
  it('are kept side by side, each with its own lifetime', async () => {
    const { get, after } = await origin([{ fields: vary('Foo') }])
    await get({ Foo: '1' })
    after(30)
    await get({ Foo: '2' })
    after(29)
    expect((await get({ Foo: '1' })).body.toString()).toBe('run 1')
    after(2)
    expect((await get({ Foo: '2' })).body.toString()).toBe('run 2')
    expect((await get({ Foo: '1' })).body.toString()).toBe('run 3')
    expect((await get({ Foo: '2' })).body.toString()).toBe('run 2')
  })

  it('may each name other fields: an answer goes only to requests that match all it names', async () => {
    const { get } = await origin([{ fields: vary('Foo') }, { fields: vary('Foo, Bar') }])
    await get({ Foo: '1' })
    await get({ Foo: '2', Bar: 'a' })
    expect((await get({ Foo: '2', Bar: 'a' })).body.toString()).toBe('run 2')
    expect((await get({ Foo: '2', Bar: 'b' })).body.toString()).toBe('run 3')
    expect((await get({ Foo: '1', Bar: 'b' })).body.toString()).not.toBe('run 2')
  })

  it('that is newer and names nothing is not sent in place of a newer variant', async () => {
    const { get, after } = await origin([{ fields: { 'Cache-Control': 'max-age=10' } }, { fields: vary('Foo') }])
    await get({ Foo: '1' })
    after(11)
    await get({ Foo: '1' })
    expect((await get({ Foo: '1' })).body.toString()).toBe('run 2')
    expect((await get({ Foo: '2' })).body.toString()).toBe('run 3')
  })

  it('are validated with the validator of the variant that matches, and of no other', async () => {
    const etag = (value: string): Fields => ({ ...vary('Foo'), ETag: value })
    const { get, after, runs } = await origin([{ fields: etag('"one"') }, { fields: etag('"two"') }])
    await get({ Foo: '1' })
    await get({ Foo: '2' })
    after(61)
    await get({ Foo: '1' })
    await get({ Foo: '3' })
    expect(runs.map(run => run['if-none-match'])).toEqual([undefined, undefined, '"one"', undefined])
  })
})
