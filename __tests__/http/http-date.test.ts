import fc from 'fast-check'
import { instantOf, parseHttpDate } from '../../lib/http/http-date.js'

const NOW = Date.UTC(2026, 4, 17, 20, 15)
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** The three forms of RFC 9110 section 5.6.7, made from the first, which Date can write. */
const forms: [string, (date: Date) => string][] = [
  ['preferred', date => date.toUTCString()],
  [
    'RFC 850',
    date => {
      const [, day, month, year, time] = date.toUTCString().split(' ')
      return `${DAYS[date.getUTCDay()]!}, ${day!}-${month!}-${year!.slice(2)} ${time!} GMT`
    },
  ],
  [
    'asctime',
    date => {
      const [weekday, day, month, year, time] = date.toUTCString().split(' ')
      return `${weekday!.slice(0, 3)} ${month!} ${day!.replace(/^0/, ' ')} ${time!} ${year!}`
    },
  ],
]

describe.each(forms)('a date in the form %s', (_, write) => {
  it('is read as the second it names, in any year that two digits can mean', () => {
    const second = fc.integer({ min: Date.UTC(1980) / 1000, max: Date.UTC(2070) / 1000 })
    fc.assert(
      fc.property(second, seconds => {
        const text = write(new Date(seconds * 1000))
        expect(parseHttpDate(text, NOW)).toBe(seconds * 1000)
        expect(parseHttpDate(text.toLowerCase(), NOW)).toBe(seconds * 1000)
      }),
    )
  })
})

describe('an HTTP date', () => {
  it.each<[string, number]>([
    ['Sun, 06 Nov 1994 08:49:37 GMT', 784_111_777_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 784_111_777_000],
    ['Sun Nov  6 08:49:37 1994', 784_111_777_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Wed, 31 Dec 1969 23:59:59 GMT', -1_000],
    ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    ['Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 253_402_300_799_000],
  ])('%j is %d', (text, instant) => {
    expect(parseHttpDate(text, NOW)).toBe(instant)
  })

  it.each([
    ['76', 2076],
    ['77', 1977],
    ['26', 2026],
    ['00', 2000],
  ])('of the year %s lies in %d: never more than 50 years ahead', (digits, year) => {
    expect(parseHttpDate(`Friday, 01-May-${digits} 00:00:00 GMT`, NOW)).toBe(Date.UTC(year, 4, 1))
  })

  it.each([
    ...['', '0', '-1', 'garbage', 'tomorrow', '2026-05-17T20:15:00Z', '1779048900'],
    ...['Sun, 06 Nov 1994 08:49:37', 'Sun, 06 Nov 1994 08:49:37 UTC', 'Sun, 06 Nov 1994 08:49:37 +0000'],
    ...['Sun, 6 Nov 1994 08:49:37 GMT', 'Sun, 06 Nov 94 08:49:37 GMT', 'Sun,  06 Nov 1994 08:49:37 GMT'],
    ...['Sun, 06 Nvo 1994 08:49:37 GMT', 'Sun, 31 Jun 2026 08:49:37 GMT', 'Sat, 29 Feb 2025 08:49:37 GMT'],
    ...['Sun, 00 Nov 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 24:00:00 GMT', 'Sun, 06 Nov 1994 08:60:00 GMT'],
    ...['Sun, 06 Nov 1994 08:49:61 GMT', ' Sun, 06 Nov 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 08:49:37 GMT, x'],
  ])('%j is none', text => {
    expect(parseHttpDate(text, NOW)).toBeUndefined()
  })

  it('is looked for in any text without an error, and what is found is a number', () => {
    const part = fc.constantFrom('Sun', ', ', ' ', '06', '99', 'Nov', '1994', '-', ':', '08:49:37', ' GMT', 'é')
    const text = fc.oneof(
      fc.array(part, { maxLength: 10 }).map(parts => parts.join('')),
      fc.string(),
    )
    fc.assert(
      fc.property(text, given => {
        const instant = parseHttpDate(given, NOW)
        expect(instant === undefined || Number.isFinite(instant)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('of a field that is there twice is none', () => {
    const date = 'Sun, 06 Nov 1994 08:49:37 GMT'
    expect(instantOf({ expires: date }, 'expires', NOW)).toBe(784_111_777_000)
    expect(instantOf({ expires: [date, date] }, 'expires', NOW)).toBeUndefined()
  })
})
