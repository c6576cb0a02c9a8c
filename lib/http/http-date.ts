import { lineOf, type Fields } from './headers.js'

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

// RFC 9110 section 5.6.7: the preferred form and the two obsolete ones, all of which a recipient must accept.
const IMF_FIXDATE = /^[a-z]{3}, (\d\d) ([a-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) gmt$/i
const RFC_850 = /^[a-z]{6,9}, (\d\d)-([a-z]{3})-(\d\d) (\d\d):(\d\d):(\d\d) gmt$/i
const ASCTIME = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/i

/** The instant an HTTP date names, in milliseconds, or undefined when it is none. */
export function parseHttpDate(text: string, now: number): number | undefined {
  const imf = IMF_FIXDATE.exec(text)
  if (imf !== null) return instant(imf[3]!, imf[2]!, imf[1]!, imf.slice(4))
  const rfc850 = RFC_850.exec(text)
  if (rfc850 !== null) return instant(fullYear(Number(rfc850[3]), now), rfc850[2]!, rfc850[1]!, rfc850.slice(4))
  const asctime = ASCTIME.exec(text)
  if (asctime !== null) return instant(asctime[6]!, asctime[1]!, asctime[2]!, asctime.slice(3, 6))
  return undefined
}

function instant(year: string | number, month: string, day: string, time: string[]): number | undefined {
  const [hour, minute, second] = time.map(Number) as [number, number, number]
  const monthIndex = MONTHS.indexOf(month.toLowerCase())
  // Date.UTC rolls 31 June over to 1 July; such a date is garbage. A leap second is none: it reads as the next minute.
  const isDay = new Date(Date.UTC(Number(year), monthIndex, Number(day))).getUTCDate() === Number(day)
  if (monthIndex < 0 || !isDay || hour > 23 || minute > 59 || second > 60) return undefined
  return Date.UTC(Number(year), monthIndex, Number(day), hour, minute, second)
}

/** A two-digit year more than 50 years ahead lies in the past (RFC 9110 section 5.6.7). */
function fullYear(twoDigits: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + twoDigits
  return year > thisYear + 50 ? year - 100 : year
}

/** The instant that a field of one line names. */
export function instantOf(fields: Fields, name: string, now: number): number | undefined {
  const text = lineOf(fields, name)
  return text === undefined ? undefined : parseHttpDate(text, now)
}
