/** How long an answer may be reused: RFC 9111 section 4.2, RFC 9110 section 5.6.7. */
import { cacheStatus } from '../../support/cache.js'
import { isHit, origin, type At, type Fields } from './origin.js'

type Row = readonly [title: string, fields: Fields | ((at: At) => Fields)]

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** The two obsolete forms that recipients still have to read. */
function obsoleteForms(date: string): { rfc850: string; asctime: string } {
  const [weekday, day, month, year, time] = date.replace(',', '').split(' ') as [string, string, string, string, string]
  return {
    rfc850: `${weekdays.find(name => name.startsWith(weekday))!}, ${day}-${month}-${year.slice(2)} ${time} GMT`,
    asctime: `${weekday} ${month} ${day.replace(/^0/, ' ')} ${time} ${year}`,
  }
}

describe('is reused for sixty seconds and not a moment longer', () => {
  const rows: readonly Row[] = [
    ['max-age', { 'Cache-Control': 'max-age=60' }],
    ['s-maxage', { 'Cache-Control': 's-maxage=60' }],
    ['s-maxage beside a longer max-age', { 'Cache-Control': 'max-age=3600, s-maxage=60' }],
    ['s-maxage in front of a shorter max-age', { 'Cache-Control': 's-maxage=60, max-age=0' }],
    ['s-maxage on a line of its own', { 'Cache-Control': ['max-age=3600', 's-maxage=60'] }],
    ['s-maxage beside an Expires in the past', at => ({ 'Cache-Control': 's-maxage=60', Expires: at(-10) })],
    ['max-age beside an earlier Expires', at => ({ 'Cache-Control': 'max-age=60', Expires: at(-7200) })],
    ['max-age beside a later Expires', at => ({ 'Cache-Control': 'max-age=60', Expires: at(7200) })],
    ['max-age beside an Expires nobody can read', { 'Cache-Control': 'max-age=60', Expires: '0' }],
    ['max-age in capitals', { 'Cache-Control': 'MAX-AGE=60' }],
    ['max-age as a quoted string', { 'Cache-Control': 'max-age="60"' }],
    ['max-age with leading zeros', { 'Cache-Control': 'max-age=0060' }],
    ['max-age after an unknown directive', { 'Cache-Control': 'fast, max-age=60' }],
    ['max-age between empty list members', { 'Cache-Control': ' , max-age=60,, ' }],
    ['max-age after tabs and spaces', { 'Cache-Control': 'public \t,\t max-age=60 ' }],
    ['max-age after a quoted comma', { 'Cache-Control': 'note="a, b", max-age=60' }],
    ['max-age after a quoted max-age', { 'Cache-Control': 'note="max-age=3600", max-age=60' }],
    ['max-age in front of a quoted max-age', { 'Cache-Control': 'max-age=60, note="max-age=3600"' }],
    ['max-age after an escaped quote', { 'Cache-Control': String.raw`note="a\", max-age=1", max-age=60` }],
    ['Expires, without a Date', at => ({ Expires: at(60) })],
    ['Expires, counted from Date', at => ({ Date: at(0), Expires: at(60) })],
    ['Expires and Date of a clock that is fast', at => ({ Date: at(1000), Expires: at(1060) })],
    ['Expires beside a Date nobody can read', at => ({ Date: 'foo', Expires: at(60) })],
    ['Expires in the form of RFC 850', at => ({ Expires: obsoleteForms(at(60)).rfc850 })],
    ['Expires in the form of asctime', at => ({ Expires: obsoleteForms(at(60)).asctime })],
    ['Expires in capitals', at => ({ Expires: at(60).toUpperCase() })],
    ['Expires in small letters', at => ({ Expires: at(60).toLowerCase() })],
    ['max-age from a Date of now', at => ({ Date: at(0), 'Cache-Control': 'max-age=60' })],
    ['max-age from a Date that is fast', at => ({ Date: at(1000), 'Cache-Control': 'max-age=60' })],
    ['max-age beside an Age that is no number', { 'Cache-Control': 'max-age=60', Age: 'abc' }],
    ['max-age beside a negative Age', { 'Cache-Control': 'max-age=60', Age: '-7200' }],
    ['max-age beside a fractional Age', { 'Cache-Control': 'max-age=60', Age: '7200.0' }],
    ['max-age beside an Age with a parameter', { 'Cache-Control': 'max-age=60', Age: '7200;foo=bar' }],
    ['max-age beside a list of Ages, of which the first counts', { 'Cache-Control': 'max-age=60', Age: '0, 7200' }],
    ['max-age beside lines of Age, of which the first counts', { 'Cache-Control': 'max-age=60', Age: ['0', '7200'] }],
    ['what is left of max-age after the first of two Ages', { 'Cache-Control': 'max-age=90', Age: '30, 30' }],
    ['what is left of max-age after Age', { 'Cache-Control': 'max-age=90', Age: '30' }],
    ['what is left of max-age after Date', at => ({ Date: at(-30), 'Cache-Control': 'max-age=90' })],
    ['max-age less the greater of Age and Date', at => ({ Date: at(-20), Age: '30', 'Cache-Control': 'max-age=90' })],
    ['max-age less the greater of Date and Age', at => ({ Date: at(-30), Age: '20', 'Cache-Control': 'max-age=90' })],
    ['what is left of Expires after Age', at => ({ Date: at(0), Age: '30', Expires: at(90) })],
    ['what is left of Expires after Date', at => ({ Date: at(-30), Expires: at(60) })],
  ]

  it.each(rows)('%s', async (_, fields) => {
    const { get, after } = await origin([{ fields }])
    expect(isHit(await get())).toBe(false)
    after(59.9)
    expect(isHit(await get())).toBe(true)
    after(0.2)
    expect(isHit(await get())).toBe(false)
  })
})

describe('is reused for a very long time', () => {
  it.each([['2147483647'], ['2147483648'], ['99999999999'], ['9'.repeat(30)]])('max-age=%s', async seconds => {
    const { get, after } = await origin([{ fields: { 'Cache-Control': `max-age=${seconds}` } }])
    await get()
    after(365 * 24 * 3600)
    expect(isHit(await get())).toBe(true)
  })

  it.each([
    ['past 32 bits', 'Tue, 19 Jan 2038 14:14:08 GMT'],
    ['centuries ahead', 'Sun, 21 Nov 2286 04:46:39 GMT'],
    ['in this century by two digits', 'Thursday, 18-Aug-50 02:01:18 GMT'],
  ])('Expires %s', async (_, date) => {
    const { get, after } = await origin([{ fields: { Expires: date } }])
    await get()
    after(365 * 24 * 3600)
    expect(isHit(await get())).toBe(true)
  })
})

// A route with a lifetime of its own shows that these are read as "stale", not as "nothing said".
describe.each([
  ['on a route without a lifetime', 0],
  ['on a route with a lifetime', 60_000],
])('is never reused %s', (_, ttl) => {
  const rows: readonly Row[] = [
    ['max-age=0', { 'Cache-Control': 'max-age=0' }],
    ['max-age=0 beside a later Expires', at => ({ 'Cache-Control': 'max-age=0', Expires: at(3600) })],
    ['s-maxage=0 beside max-age', { 'Cache-Control': 's-maxage=0, max-age=60' }],
    ['max-age that Age has used up', { 'Cache-Control': 'max-age=3600', Age: '7200' }],
    ['max-age that Age has just used up', { 'Cache-Control': 'max-age=60', Age: '60' }],
    ['max-age that Date has used up', at => ({ 'Cache-Control': 'max-age=3600', Date: at(-7200) })],
    ['max-age that the first of two Ages has used up', { 'Cache-Control': 'max-age=60', Age: '7200, 0' }],
    ['max-age that the first line of Age has used up', { 'Cache-Control': 'max-age=60', Age: ['7200', '0'] }],
    ['max-age beside an Age of 2^31 - 1', { 'Cache-Control': 'max-age=60', Age: '2147483647' }],
    ['max-age beside an Age of 2^31', { 'Cache-Control': 'max-age=60', Age: '2147483648' }],
    ['max-age beside an Age past all bounds', { 'Cache-Control': 'max-age=60', Age: '9'.repeat(30) }],
    ['Expires of now', at => ({ Date: at(0), Expires: at(0) })],
    ['Expires in the past', at => ({ Date: at(0), Expires: at(-30) })],
    ['Expires before a Date that is fast', at => ({ Date: at(400), Expires: at(300) })],
    ['Expires used up by Age and a slow Date', at => ({ Date: at(-10), Expires: at(10), Age: '25' })],
    ['Expires used up by Age and a fast Date', at => ({ Date: at(10), Expires: at(20), Age: '15' })],
    ['Expires of 1994 by two digits', { Expires: 'Sunday, 06-Nov-94 08:49:37 GMT' }],
    ['Expires more than fifty years ahead by two digits', { Expires: 'Friday, 18-Aug-78 02:01:18 GMT' }],
  ]

  it.each(rows)('%s', async (_title, fields) => {
    const { get } = await origin([{ fields }], { ttl })
    const first = await get()
    expect(cacheStatus(first)).toMatchObject({ fwd: 'miss', detail: 'no-freshness' })
    expect(isHit(await get())).toBe(false)
  })

  it.each([
    ['a number', '0'],
    ['a negative number', '-1'],
    ['a number of seconds', '3600'],
    ['nothing', ''],
    ['a word', 'never'],
    ['another zone', 'Thu, 18 Aug 2050 02:01:18 UTC'],
    ['a far zone', 'Thu, 18 Aug 2050 02:01:18 AEST'],
    ['a zone by number', 'Thu, 18 Aug 2050 02:01:18 +0000'],
    ['no zone', 'Thu, 18 Aug 2050 02:01:18'],
    ['two digits of the year', 'Thu, 18 Aug 50 02:01:18 GMT'],
    ['no comma', 'Thu 18 Aug 2050 02:01:18 GMT'],
    ['no weekday', '18 Aug 2050 02:01:18 GMT'],
    ['more spaces than allowed', 'Thu, 18  Aug  2050 02:01:18 GMT'],
    ['dashes', 'Thu, 18-Aug-2050 02:01:18 GMT'],
    ['full stops', 'Thu, 18 Aug 2050 02.01.18 GMT'],
    ['one digit of the hour', 'Thu, 18 Aug 2050 2:01:18 GMT'],
    ['one digit of the day', 'Thu, 8 Aug 2050 02:01:18 GMT'],
    ['an hour too many', 'Thu, 18 Aug 2050 24:01:18 GMT'],
    ['a day the month does not have', 'Wed, 31 Feb 2050 02:01:18 GMT'],
    ['an unknown month', 'Thu, 18 Agu 2050 02:01:18 GMT'],
    ['the ISO form', '2050-08-18T02:01:18.000Z'],
    ['text behind the date', 'Thu, 18 Aug 2050 02:01:18 GMT or so'],
    ['two dates on one line', 'Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:19 GMT'],
    ['two lines', ['Thu, 18 Aug 2050 02:01:18 GMT', 'Thu, 18 Aug 2050 02:01:19 GMT']],
  ])('Expires with %s', async (_title, date) => {
    const { get } = await origin([{ fields: { Expires: date } }], { ttl })
    await get()
    expect(isHit(await get())).toBe(false)
  })

  it.each([
    ['max-age'],
    ['max-age='],
    ['max-age=""'],
    ['max-age=a60'],
    ['max-age=60a'],
    ['max-age=-60'],
    ['max-age=+60'],
    ['max-age=60.0'],
    ['max-age=60.5'],
    ['max-age=1e3'],
    ['max-age=0x3c'],
    ["max-age='60'"],
    ['max-age="60'],
    ['max-age= 60'],
    ['max-age =60'],
    ['max-age=6 0'],
    ['max-age=60; public'],
    ['s-maxage=abc, max-age=60'],
    ['s-maxage, max-age=60'],
  ])('Cache-Control: %s', async value => {
    const { get } = await origin([{ fields: { 'Cache-Control': value } }], { ttl })
    await get()
    expect(isHit(await get())).toBe(false)
  })
})

describe.each([
  ['shorter', 10_000],
  ['longer', 600_000],
])("the handler's lifetime holds where the route's is %s", (_, ttl) => {
  const rows: readonly Row[] = [
    ['max-age', { 'Cache-Control': 'max-age=60' }],
    ['s-maxage', { 'Cache-Control': 's-maxage=60' }],
    ['Expires', at => ({ Expires: at(60) })],
  ]

  it.each(rows)('%s', async (_title, fields) => {
    const { get, after } = await origin([{ fields }], { ttl })
    await get()
    after(59.9)
    expect(isHit(await get())).toBe(true)
    after(0.2)
    expect(isHit(await get())).toBe(false)
  })
})

describe('two lifetimes that disagree', () => {
  it.each([
    ['on one line', 'max-age=1, max-age=3600'],
    ['on two lines', ['max-age=1', 'max-age=3600']],
    ['of s-maxage', 's-maxage=1, s-maxage=3600'],
  ])('%s: the first, or none', async (_, value) => {
    const { get, after } = await origin([{ fields: { 'Cache-Control': value } }])
    await get()
    after(2)
    expect(isHit(await get())).toBe(false)
  })
})

describe('without a lifetime', () => {
  const rows: readonly Row[] = [
    ['nothing said', {}],
    ['a Date alone', at => ({ Date: at(0) })],
    ['a Last-Modified long ago (no guessing by age)', at => ({ Date: at(0), 'Last-Modified': at(-864_000) })],
    ['an ETag alone', { ETag: '"v1"' }],
    ['public alone', { 'Cache-Control': 'public' }],
    ['must-revalidate alone', { 'Cache-Control': 'must-revalidate' }],
    ['an unknown directive alone', { 'Cache-Control': 'maxage=60' }],
  ]

  it.each(rows)('%s is not stored where only explicit freshness counts', async (_, fields) => {
    const { get } = await origin([{ fields }])
    expect(cacheStatus(await get())).toMatchObject({ fwd: 'miss', detail: 'no-freshness' })
    expect(isHit(await get())).toBe(false)
  })

  it.each(rows)("%s leaves the lifetime to the route's ttl", async (_, fields) => {
    const { get, after } = await origin([{ fields }], { ttl: 60_000 })
    await get()
    after(59.9)
    expect(isHit(await get())).toBe(true)
    after(0.2)
    expect(isHit(await get())).toBe(false)
  })
})

describe('Age and Date on what is reused', () => {
  const ages: readonly (readonly [string, Fields | ((at: At) => Fields), string])[] = [
    ['counts the seconds since it was received', {}, '40'],
    ['adds the Age it came with', { Age: '30' }, '70'],
    ['adds the time since its Date', at => ({ Date: at(-25) }), '65'],
    ['adds the greater of the two', at => ({ Date: at(-25), Age: '30' }), '70'],
    ['does not count an Age nobody can read', { Age: 'old' }, '40'],
    ['counts the first of two Ages', { Age: '10, 30' }, '50'],
    ['does not count a Date in the future', at => ({ Date: at(500) }), '40'],
  ]

  it.each(ages)('Age %s', async (_, fields, age) => {
    const { get, after } = await origin([
      { fields: at => ({ 'Cache-Control': 'max-age=600', ...(typeof fields === 'function' ? fields(at) : fields) }) },
    ])
    await get()
    after(40.9)
    const hit = await get()
    expect(isHit(hit)).toBe(true)
    expect(hit.lines.filter(([name]) => name === 'age')).toEqual([['age', age]])
  })

  it('Age is 0 at once', async () => {
    const { get } = await origin([{ fields: { 'Cache-Control': 'max-age=60' } }])
    await get()
    expect((await get()).headers.age).toBe('0')
  })

  it('Age is never negative, even if the clock goes back', async () => {
    const { get, after } = await origin([{ fields: { 'Cache-Control': 'max-age=60' } }])
    await get()
    after(-30)
    expect((await get()).headers.age).toBe('0')
  })

  it('Date stays the one of the answer', async () => {
    const { get, after, at } = await origin([{ fields: at => ({ Date: at(-5), 'Cache-Control': 'max-age=60' }) }])
    const sent = at(-5)
    expect((await get()).headers.date).toBe(sent)
    after(30)
    expect((await get()).headers.date).toBe(sent)
  })

  it('Expires stays the one of the answer', async () => {
    const { get, after, at } = await origin([{ fields: at => ({ Expires: at(60) }) }])
    const sent = at(60)
    await get()
    after(30)
    expect((await get()).headers.expires).toBe(sent)
  })

  it("the handler's own Age reaches the client that it answers", async () => {
    const { get } = await origin([{ fields: { 'Cache-Control': 'max-age=60', Age: '30' } }])
    expect((await get()).headers.age).toBe('30')
  })
})
