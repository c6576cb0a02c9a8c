import { parseCacheControl } from '../../lib/http/cache-control.js'
import { entryTimes, freshnessOf, type Freshness } from '../../lib/http/freshness.js'
import type { Fields } from '../../lib/http/headers.js'

const NOW = Date.UTC(2026, 4, 17, 20, 15)
const TTL = 300_000
const dateIn = (seconds: number): string => new Date(NOW + seconds * 1000).toUTCString()

const freshnessBy = (fields: Fields, ttl = TTL): Freshness | undefined => {
  const field = fields['cache-control']
  const directives = parseCacheControl(typeof field === 'string' ? field : '')!
  return freshnessOf(fields, directives, ttl, { staleWhileRevalidate: 30_000, staleIfError: 90_000 }, NOW)
}
const freshFor = (fields: Fields, ttl = TTL): number | undefined => {
  const freshness = freshnessBy(fields, ttl)
  return freshness && (freshness.staleAt - NOW) / 1000
}

describe('the seconds an answer stays fresh', () => {
  it.each<[string, Fields, number]>([
    ['the route says so', {}, 300],
    ['max-age', { 'cache-control': 'max-age=60' }, 60],
    ['s-maxage before max-age', { 'cache-control': 'max-age=60, s-maxage=5' }, 5],
    ['max-age before Expires', { 'cache-control': 'max-age=60', expires: dateIn(5) }, 60],
    ['max-age=0 before the route', { 'cache-control': 'max-age=0' }, 0],
    ['Expires', { expires: dateIn(60) }, 60],
    ['Expires less Date', { expires: dateIn(60), date: dateIn(-10) }, 60],
    ['Expires less a Date to come', { expires: dateIn(60), date: dateIn(20) }, 40],
    ['max-age less Age', { 'cache-control': 'max-age=60', age: '20' }, 40],
    ['max-age less the age that Date tells', { 'cache-control': 'max-age=60', date: dateIn(-20) }, 40],
    ['the greater of two ages, Age', { 'cache-control': 'max-age=60', date: dateIn(-20), age: '30' }, 30],
    ['the greater of two ages, that of Date', { 'cache-control': 'max-age=60', date: dateIn(-40), age: '30' }, 20],
    ['the first Age of a list', { 'cache-control': 'max-age=60', age: '20, 50' }, 40],
    ['no Age that is no number', { 'cache-control': 'max-age=60', age: '-5' }, 60],
    ['the route less Age', { age: '100' }, 200],
    ['an Age beyond it', { 'cache-control': 'max-age=60', age: '61' }, -1],
  ])('by %s', (_, fields, seconds) => {
    expect(freshFor(fields)).toBe(seconds)
  })

  it.each<[string, Fields]>([
    ['Expires: 0', { expires: '0' }],
    ['Expires: -1', { expires: '-1' }],
    ['two Expires', { expires: [dateIn(60), dateIn(60)] }],
    ['max-age without a number', { 'cache-control': 'max-age=soon' }],
  ])('are none with %s: what makes no sense is stale already', (_, fields) => {
    expect(freshFor(fields)).toBe(0)
  })

  it('are not known where nobody says them', () => {
    expect(freshFor({}, 0)).toBeUndefined()
    expect(freshFor({ 'cache-control': 'max-age=60' }, 0)).toBe(60)
  })

  it('are called explicit where the handler said them', () => {
    const all: Fields[] = [{}, { 'cache-control': 'max-age=5' }, { expires: '0' }]
    expect(all.map(fields => freshnessBy(fields)?.explicit)).toEqual([false, true, true])
  })
})

describe('the seconds an answer may be served stale, while it is refreshed and when the handler fails', () => {
  it.each<[string, string, number, number]>([
    ['the route says so', '', 30, 90],
    ['the handler says so', 'max-age=5, stale-while-revalidate=7, stale-if-error=8', 7, 8],
    ['the handler says it of one', 'stale-if-error=8', 30, 8],
    ['the handler says 0', 'stale-while-revalidate=0, stale-if-error="0"', 0, 0],
    ['what the handler says makes no sense', 'stale-while-revalidate=soon, stale-if-error', 0, 0],
    ['must-revalidate forbids it', 'max-age=5, must-revalidate, stale-while-revalidate=7, stale-if-error=8', 0, 0],
    ['proxy-revalidate forbids it', 'max-age=5, proxy-revalidate', 0, 0],
    ['s-maxage forbids it', 's-maxage=5, stale-while-revalidate=7', 0, 0],
  ])('where %s', (_, field, refresh, cover) => {
    const { staleAt, refreshUntil, coverUntil } = freshnessBy({ 'cache-control': field })!
    expect([(refreshUntil - staleAt) / 1000, (coverUntil - staleAt) / 1000]).toEqual([refresh, cover])
  })
})

describe('the times of an entry', () => {
  it('count from when it is stored, which may be long after its head, in whole milliseconds', () => {
    const freshness = freshnessBy({ age: '20' }, TTL - 0.4)!
    expect(entryTimes(freshness, NOW + 5_000)).toEqual({
      storedAt: NOW + 5_000,
      initialAge: 25_000,
      freshSpan: 275_000,
      refreshSpan: 305_000,
      coverSpan: 365_000,
      explicit: false,
    })
  })
})
