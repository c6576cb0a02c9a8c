import type { Fields } from '../../lib/http/headers.js'
import { Policy } from '../../lib/http/policy.js'
import { resolveOptions, resolveRoute, type RouteOptions } from '../../lib/options.js'

const NOW = Date.UTC(2026, 4, 17, 20, 15)
const { profiles } = resolveOptions()
const policyOf = (options?: RouteOptions): Policy => new Policy(resolveRoute(profiles.api, options))

/** The reason, or the seconds that the answer is fresh. */
function judged(status: number, fields: Fields, { options, method = 'GET' }: Judged = {}): string | number {
  const verdict = policyOf(options).judgeHead(method, status, fields, NOW)
  return typeof verdict === 'string' ? verdict : (verdict.staleAt - NOW) / 1000
}
interface Judged {
  options?: RouteOptions
  method?: string
}
const control = (field: string): Fields => ({ 'cache-control': field })

describe('a status', () => {
  it.each([200])('%d is stored for the ttl of the route', status => {
    expect(judged(status, {})).toBe(300)
  })

  it.each([201, 203, 204, 300, 301, 302, 307, 308, 400, 401, 403, 405, 418, 451])(
    '%d is stored only where the handler asks for it',
    status => {
      expect(judged(status, {})).toBe('status')
      expect(judged(status, control('max-age=60'))).toBe(60)
    },
  )

  it.each([100, 103, 206, 304, 412, 416, 500, 502, 503, 599])('%d is never stored', status => {
    expect(judged(status, control('public, max-age=60'))).toBe('status')
  })

  it.each([404, 410])('%d is stored for negativeTtl', status => {
    expect(judged(status, {})).toBe('status')
    expect(judged(status, {}, { options: { negativeTtl: 5_000 } })).toBe(5)
    expect(judged(status, control('max-age=60'), { options: { negativeTtl: 5_000 } })).toBe(60)
  })

  it('whose meaning is not known is not stored where the handler says that it must be', () => {
    expect(judged(299, control('must-understand, max-age=60'))).toBe('status')
    expect(judged(200, control('must-understand, max-age=60'))).toBe(60)
  })
})

describe('a header', () => {
  it.each<[Fields, string | number]>([
    [{}, 300],
    [control('public'), 300],
    [control('private'), 'private'],
    [control('PRIVATE, max-age=60'), 'private'],
    [control('private="x-a"'), 'private'],
    [control('no-store'), 'no-store'],
    [control('no-cache'), 'no-cache'],
    [control('no-cache="set-cookie"'), 'no-cache'],
    [{ 'cache-control': ['max-age=60', 'No-Store'] }, 'no-store'],
    [control('x-private, nostore'), 300],
    [control('ext="private, no-store"'), 300],
    [control('max-age = 60'), 'cache-control'],
    [{ 'set-cookie': ['a=1'] }, 'set-cookie'],
    [{ vary: '*' }, 'vary'],
    [{ vary: 'accept, *' }, 'vary'],
    [{ vary: 'accept' }, 300],
    [{ trailer: 'x-checksum' }, 'trailer'],
    [{ expires: '0' }, 'no-freshness'],
    [control('max-age=0'), 'no-freshness'],
    [{ ...control('max-age=60'), age: '60' }, 'no-freshness'],
  ])('%j makes it %p', (fields, outcome) => {
    expect(judged(200, fields)).toBe(outcome)
  })

  it('of a stale 200 is kept where a validator can renew it', () => {
    expect(judged(200, { ...control('max-age=0'), etag: '"a"' })).toBe(0)
    expect(judged(404, { ...control('max-age=0'), etag: '"a"' })).toBe('no-freshness')
    expect(judged(200, { ...control('max-age=0'), etag: '"a"' }, { method: 'POST' })).toBe('no-freshness')
  })

  it('with ttl 0 counts only where it says how long', () => {
    expect(judged(200, {}, { options: { ttl: 0 } })).toBe('no-freshness')
    expect(judged(200, control('max-age=60'), { options: { ttl: 0 } })).toBe(60)
  })

  it('of an answer to HEAD is never enough', () => {
    expect(judged(200, control('max-age=60'), { method: 'HEAD' })).toBe('head')
  })
})

describe('a header that the handler read', () => {
  const unkeyed = (reads: string[], headers: Record<string, string> = {}, options?: RouteOptions): string | undefined =>
    policyOf(options).unkeyedHeader(
      reads,
      headers,
      { origin: 'http://movies.example', isIdentified: options?.key !== undefined },
      ['accept-language'],
    )

  it.each<[string, string[], Record<string, string>, RouteOptions, string | undefined]>([
    ['is named when the key does not cover it', ['x-theme'], {}, {}, 'x-theme'],
    ['is named when another is covered', ['accept', 'x-theme'], {}, { vary: ['accept'] }, 'x-theme'],
    ['is covered by vary', ['x-theme'], {}, { vary: ['X-Theme'] }, undefined],
    ['is covered by the Vary of the answer', ['accept-language'], {}, {}, undefined],
    ['may be Authorization that is absent', ['authorization'], {}, {}, undefined],
    [
      'may be Authorization that key(req) covers',
      ['authorization'],
      { authorization: 'a' },
      { key: () => 7 },
      undefined,
    ],
    ['may not be Authorization otherwise', ['authorization'], { authorization: 'a' }, {}, 'authorization'],
    ['may be Cookie that is absent', ['cookie'], {}, {}, undefined],
    ['may be Cookie of declared names', ['cookie'], { cookie: 'theme=1' }, { ignoreCookies: ['theme'] }, undefined],
    ['may not be Cookie of analytics: nobody declared them', ['cookie'], { cookie: '_ga=1' }, {}, 'cookie'],
    [
      'may be X-Forwarded-Host that is in the key',
      ['x-forwarded-host'],
      { 'x-forwarded-host': 'movies.example' },
      {},
      undefined,
    ],
    [
      'may not be another X-Forwarded-Host',
      ['x-forwarded-host'],
      { 'x-forwarded-host': 'evil.example' },
      {},
      'x-forwarded-host',
    ],
    [
      'may be X-Forwarded-Proto that is in the key',
      ['x-forwarded-proto'],
      { 'x-forwarded-proto': 'http' },
      {},
      undefined,
    ],
    [
      'may not be another X-Forwarded-Proto',
      ['x-forwarded-proto'],
      { 'x-forwarded-proto': 'https' },
      {},
      'x-forwarded-proto',
    ],
  ])('%s', (_, reads, headers, options, name) => {
    expect(unkeyed(reads, headers, options)).toBe(name)
  })
})
