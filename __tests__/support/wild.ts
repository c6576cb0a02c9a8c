import type { Random } from './random.js'

/** A request as it goes over the wire. Alphabets are small so that requests meet again and differ by little. */
export interface Wild {
  readonly method: string
  readonly path: string
  readonly query: readonly string[]
  readonly headers: Record<string, string>
  readonly body?: Buffer
}

const SEGMENTS =
  'movies 603 604 a b A .. . %2e%2e %2F %5C %zz %c3%a9 a%20b a;b a:b a|b - * GET __proto__ :movieId %ff \\ api %00'.split(
    ' ',
  )
const NAMES =
  'a b a[b] a[] a[0] a[1] a.b b[c][d] a%5Bb%5D %61 A __proto__ __proto__[x] constructor toString hasOwnProperty movieId tmdbId id page %ff %c3%a9 utm_source utm_campaign fbclid gclid'.split(
    ' ',
  )
const VALUES =
  '1 2 01 %31 + %20 a%26b%3D1 a%3D1 %ff %fe %zz null undefined true [object%20Object] a=b %c3%a9 %C3%A9 %00 1,2 %F0%9F%8E%AC %2B'.split(
    ' ',
  )
const WORDS = [
  '',
  'a',
  'b',
  '1',
  'true',
  'null',
  '[object Object]',
  '[CIRCULAR:0]',
  '\ud800',
  '\ud801',
  '\udfff',
  '🎬',
  'é',
  'e\u0301',
  ' a',
  'a ',
  'A',
  '\0',
  '__proto__',
]
const FIELDS = [
  'a',
  'b',
  'text',
  'voice',
  'movieId',
  'tmdbId',
  'imdbId',
  '__proto__',
  'constructor',
  'toJSON',
  'length',
  'hashCode',
  '',
  '0',
  '1',
]
const NUMBERS = ['0', '-0', '1', '1.0', '1e0', '-1', '0.1', '1e400', '9007199254740993', '9007199254740992', '1e21']

export function wildRequest(random: Random, former: readonly Wild[]): Wild {
  if (former.length > 0 && random.chance(0.6)) return sibling(random, random.pick(former))
  const post = random.chance(0.4)
  const method = post
    ? 'POST'
    : random.chance(0.85)
      ? 'GET'
      : random.pick(['HEAD', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
  return { method, path: wildPath(random), query: wildQuery(random), ...wildBody(random, post) }
}

/** The same request again, or one that differs in a single place. */
function sibling(random: Random, former: Wild): Wild {
  switch (random.below(6)) {
    case 0:
      return { ...former, query: random.shuffled(former.query) }
    case 1:
      return { ...former, query: [...former.query, ...wildQuery(random).slice(0, 1)] }
    case 2:
      return { ...former, headers: { ...former.headers, ...wildHeaders(random) } }
    case 3:
      return former.body === undefined
        ? { ...former, path: wildPath(random) }
        : { ...former, ...wildBody(random, true) }
    case 4:
      return former.method === 'GET' ? { ...former, method: 'HEAD' } : former
    default:
      return former
  }
}

function wildPath(random: Random): string {
  if (random.chance(0.3)) return '/movies/603'
  const path = `/${random.some(4, () => random.pick(SEGMENTS)).join('/')}`
  if (random.chance(0.02)) return `http://elsewhere.example${path}`
  return random.chance(0.1) ? `${path}/` : path
}

function wildQuery(random: Random): string[] {
  return random.some(4, () => {
    if (random.chance(0.05)) return random.pick(['', 'a', '=', '=1', '?', 'a=1;b=2', '&', '%'])
    return `${random.pick(NAMES)}=${random.pick(VALUES)}`
  })
}

const HEADERS: readonly (readonly [string, readonly string[]])[] = [
  ['Cookie', ['_ga=1', 'sid=1', '_ga=1; sid=2', ';;', '=']],
  ['Authorization', ['ALICE', '']],
  ['Accept', ['text/html', '*/*']],
  ['Accept-Language', ['fr', 'de']],
  ['Cache-Control', ['no-cache', 'max-age=0', 'no-store', '=,;"']],
  ['Pragma', ['no-cache']],
  ['If-None-Match', ['*', '"x"', 'W/', '"']],
  ['If-Modified-Since', ['Tue, 03 Mar 2026 10:00:00 GMT', 'rubbish']],
  [
    'Range',
    ['bytes=0-3', 'bytes=5-', 'bytes=-2', 'bytes=9-1', 'bytes=999999-', 'bytes=0-0,2-3', 'lines=1', 'bytes=--'],
  ],
  ['If-Range', ['"x"', 'rubbish']],
  ['X-Forwarded-Host', ['evil.example']],
  ['X-Original-URL', ['/admin']],
  ['X-HTTP-Method-Override', ['DELETE']],
  ['Host', ['a.example', 'A.example', 'a.example:80', 'b.example', '[::1]', 'a"b']],
]

function wildHeaders(random: Random): Record<string, string> {
  return Object.fromEntries(
    random.some(2, () => {
      const [name, values] = random.pick(HEADERS)
      return [name, random.pick(values)]
    }),
  )
}

function wildBody(random: Random, wanted: boolean): Pick<Wild, 'headers' | 'body'> {
  const headers = random.chance(0.3) ? wildHeaders(random) : {}
  if (!wanted) return { headers }
  const [type, text] = random.pick<[string, () => string]>([
    ['application/json', () => wildJson(random, 3)],
    ['application/json', () => wildJson(random, 3)],
    ['application/json', () => `{"text":${wildJson(random, 0)},"movieId":${wildJson(random, 1)}}`],
    ['application/json; charset=utf-16le', () => wildJson(random, 1)],
    ['application/json', () => '{"torn":'],
    ['application/x-www-form-urlencoded', () => wildQuery(random).join('&')],
    ['text/plain', () => random.pick(WORDS)],
    ['application/octet-stream', () => random.pick(WORDS)],
    ['application/x-unknown', () => random.pick(WORDS)],
  ])
  const written = Buffer.from(text(), type.includes('utf-16le') ? 'utf16le' : 'utf8')
  const body = random.chance(0.05) ? Buffer.concat([written, Buffer.from([0xff, 0xc3, random.below(256)])]) : written
  return { headers: { ...headers, 'Content-Type': type }, body }
}

/** JSON as text, because objects in memory cannot hold a number's spelling or the same field twice. */
export function wildJson(random: Random, depth: number): string {
  const kind = depth === 0 ? random.below(3) : random.below(5)
  if (kind === 0) return JSON.stringify(random.pick(WORDS))
  if (kind === 1) return random.pick(NUMBERS)
  if (kind === 2) return random.pick(['true', 'false', 'null', '""', '[]', '{}'])
  if (kind === 3) return `[${random.some(3, () => wildJson(random, depth - 1)).join(',')}]`
  return `{${random.some(3, () => `${JSON.stringify(random.pick(FIELDS))}:${wildJson(random, depth - 1)}`).join(',')}}`
}
