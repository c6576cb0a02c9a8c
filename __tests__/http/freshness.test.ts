import { parseCacheControl } from '../../lib/http/cache-control.js'
import { freshnessOf } from '../../lib/http/freshness.js'
import type { Fields } from '../../lib/http/headers.js'

const NOW = Date.UTC(2026, 4, 17, 20, 15)
const TTL = 300_000
const dateIn = (seconds: number): string => new Date(NOW + seconds * 1000).toUTCString()

const freshFor = (fields: Fields, ttl = TTL): number | undefined => {
  const field = fields['cache-control']
  const freshness = freshnessOf(fields, parseCacheControl(typeof field === 'string' ? field : '')!, ttl, NOW)
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
    const explicit = (fields: Fields, field: string): boolean | undefined =>
      freshnessOf(fields, parseCacheControl(field)!, TTL, NOW)?.explicit
    expect([explicit({}, ''), explicit({}, 'max-age=5'), explicit({ expires: '0' }, '')]).toEqual([false, true, true])
  })
})
