import type { Request } from 'express'
import fc from 'fast-check'
import { keyOf, outdatedTags, tagOfMovie, type RequestKey } from '../../lib/http/key.js'
import { profileTag, tagsOf } from '../../lib/core/tags.js'
import { askedBy } from '../../lib/http/asked.js'
import { resolveOptions, resolveRoute, type RouteOptions } from '../../lib/options.js'

/** As much of a request as a key is made of. */
interface Asked {
  method?: string
  url?: string
  params?: Record<string, string>
  headers?: Record<string, string>
  body?: unknown
}

const requestOf = ({ method = 'GET', url = '/api/movies/603', params = {}, headers = {}, body }: Asked): Request => {
  const all = { host: 'localhost:3000', ...headers }
  const request = {
    method,
    originalUrl: url,
    url,
    baseUrl: '',
    params,
    headers: all,
    body,
    socket: {},
    protocol: 'http',
  }
  return { ...request, app: { get: () => undefined } } as unknown as Request
}

const { profiles } = resolveOptions()
const routeOf = (options?: RouteOptions): ReturnType<typeof resolveRoute> => resolveRoute(profiles.api, options)
const keyed = (asked: Asked, options?: RouteOptions): RequestKey | string =>
  keyOf(askedBy(requestOf(asked)), 'api', routeOf(options))
const textOf = (asked: Asked, options?: RouteOptions): string => {
  const key = keyed(asked, options)
  return typeof key === 'string' ? key : key.text
}
const post = (body: unknown, headers = {}): Asked => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body,
})

describe('the text of a key', () => {
  it('can be read', () => {
    expect(textOf({ url: '/api/movies/603?page=2&lang=fr', params: { movieId: '603' } })).toBe(
      'api 603 GET http://localhost /api/movies/603?lang=fr&page=2',
    )
  })

  it('names every part that only some routes have', () => {
    const text = textOf(post({ a: 1 }, { 'accept-language': 'fr' }), { vary: ['Accept-Language'], key: () => 'user 7' })
    expect(text).toMatch(
      /^api - POST http:\/\/localhost \/api\/movies\/603 header:accept-language=fr key:text=user%207 body:application\/json=[0-9a-f]{64}$/,
    )
  })

  it('is the same for HEAD and GET', () => {
    expect(textOf({ method: 'HEAD' })).toBe(textOf({}))
  })

  it.each<[string, Asked, Asked, RouteOptions]>([
    ['path', { url: '/a' }, { url: '/A' }, {}],
    ['path and query', { url: '/a?b' }, { url: '/a%3Fb' }, {}],
    ['encoded spelling of a path', { url: '/a%20b' }, { url: '/a+b' }, {}],
    ['host', { headers: { host: 'a.example' } }, { headers: { host: 'b.example' } }, {}],
    ['method', {}, { method: 'POST' }, {}],
    ['body', post({ a: 1 }), post({ a: 2 }), {}],
    ['spelling of a value', post({ a: '1' }), post({ a: 1 }), {}],
    ['content type', post('a=1'), post('a=1', { 'content-type': 'text/plain' }), {}],
    ['parameters of the content type', post('a'), post('a', { 'content-type': 'application/json; version=2' }), {}],
    ['letters of the content type', post('a'), post('a', { 'content-type': 'Application/JSON' }), {}],
    ['zero and negative zero', post({ a: [0] }), post({ a: [-0] }), {}],
    ['body that is absent and one that is empty', post({}), { method: 'POST' }, {}],
    ['case of what is to be spoken', post({ text: 'Polish' }), post({ text: 'polish' }), {}],
    ['space around what is to be spoken', post({ text: 'a' }), post({ text: 'a ' }), {}],
    ['header in vary', { headers: { accept: 'a' } }, { headers: { accept: 'b' } }, { vary: ['accept'] }],
    ['header that is absent and one that is empty', {}, { headers: { accept: '' } }, { vary: ['accept'] }],
    ['movie', { params: { movieId: '603' } }, { params: { movieId: '604' } }, {}],
    ['movie that is called - and none', { params: { movieId: '-' } }, {}, {}],
    ['the order of body fields', post({ a: 1, b: 2 }), post({ b: 2, a: 1 }), {}],
    ['the order of fields further down', post({ a: [{ c: 1, d: 2 }] }), post({ a: [{ d: 2, c: 1 }] }), {}],
    ['what is not the default', post({ b: 1 }), post({}), { body: { ignore: [], defaults: { b: 2 } } }],
    ['key(req)', { headers: { u: '7' } }, { headers: { u: '8' } }, { key: req => req.headers['u'] }],
    ['key(req) of another type', { headers: { u: '7' } }, {}, { key: req => req.headers['u'] ?? 7 }],
  ])('differs by %s', (_, one, other, options) => {
    expect(textOf(one, options)).not.toBe(textOf(other, options))
  })

  it.each<[string, Asked, Asked, RouteOptions]>([
    ['the order of parameters', { url: '/a?b=1&a=2' }, { url: '/a?a=2&b=1' }, {}],
    ['tracking parameters', { url: '/a?utm_source=x' }, { url: '/a' }, {}],
    ['ignored body fields', post({ a: 1, at: 5 }), post({ a: 1, at: 6 }), { body: { ignore: ['at'] } }],
    ['other body fields than the only ones', post({ a: 1, b: 5 }), post({ a: 1 }), { body: { only: ['a'] } }],
    ['writing a default', post({ a: 1 }), post({ a: 1, b: 2 }), { body: { ignore: [], defaults: { b: 2 } } }],
    ['headers outside vary', { headers: { accept: 'a' } }, {}, {}],
    ['the port: a handler that looks at it is noticed', {}, { headers: { host: 'localhost:80' } }, {}],
  ])('is not changed by %s', (_, one, other, options) => {
    expect(textOf(one, options)).toBe(textOf(other, options))
  })

  it('cannot be forged by parts that look like others', () => {
    const vary = ['x-a', 'x-b']
    const header = fc.constantFrom('', 'a', ' header:x-b=a', 'a header:x-b=', '=', '%20', '~', 'key:text=a', '\u00e9')
    const extra = fc.constantFrom('', 'a', ' body:none', 'key:text=a')
    const asked = fc.record({
      a: fc.option(header),
      b: fc.option(header),
      extra,
      movie: fc.constantFrom('603', '- GET', ''),
    })
    const text = ({
      a,
      b,
      extra,
      movie,
    }: {
      a: string | null
      b: string | null
      extra: string
      movie: string
    }): string =>
      textOf(
        {
          params: { movieId: movie },
          headers: { ...(a !== null && { 'x-a': a }), ...(b !== null && { 'x-b': b }) },
        },
        { vary, key: () => extra },
      )
    fc.assert(
      fc.property(asked, asked, (one, other) => {
        expect(text(one) === text(other)).toBe(JSON.stringify(one) === JSON.stringify(other))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('the movie of a request', () => {
  const movieOf = (asked: Asked, options?: RouteOptions): string => textOf(asked, options).split(' ')[1]!

  it.each<[string, Asked, string]>([
    ['params.movieId before params.id', { params: { id: '1', movieId: '2' } }, '2'],
    ['params.id', { params: { id: '1' } }, '1'],
    ['the query', { url: '/a?tmdbId=603' }, '603'],
    ['the query, decoded', { url: '/a?imdbId=tt%30133093' }, 'tt0133093'],
    ['movieId before tmdbId', { url: '/a?tmdbId=1&movieId=2' }, '2'],
    ['the path before the query', { url: '/a?movieId=2', params: { id: '1' } }, '1'],
    ['the body', post({ movieId: 603 }), '603'],
    ['the body only where it has its own', post(Object.create({ movieId: 603 })), 'body-complex'],
    ['nothing', {}, '-'],
    ['nothing in an empty name', { url: '/a?movieId=' }, '-'],
    ['nothing in a list', post({ movieId: ['603'] }), '-'],
    ['nothing in what is no number', post({ movieId: NaN }), '-'],
  ])('is named by %s', (_, asked, movie) => {
    const found = textOf(asked)
    expect(found.includes(' ') ? movieOf(asked) : found).toBe(movie)
  })

  it('is what movieId(req) says, also when that is nothing', () => {
    const asked = { params: { movieId: '603' } }
    expect(movieOf(asked, { movieId: () => 'tt0133093' })).toBe('tt0133093')
    expect(movieOf(asked, { movieId: () => undefined })).toBe('-')
  })

  it('gives the tag that a purge looks for, as number and as text', () => {
    const key = keyed({ params: { movieId: '603' } }) as RequestKey
    expect(tagsOf({ key: key.text })).toEqual([
      profileTag('api'),
      tagOfMovie(603),
      'url:api http://localhost /api/movies/603',
    ])
    expect(tagsOf({ key: key.text })).toContain(tagOfMovie('603'))
  })
})

describe('no key', () => {
  const broken = (): never => {
    throw new Error('broken')
  }

  const trapped = Object.defineProperty({}, 'a', { enumerable: true, get: broken })

  it.each<[string, Asked, RouteOptions, string]>([
    ['key(req) throws', {}, { key: broken }, 'key-error'],
    ['key(req) returns a Map', {}, { key: () => new Map() }, 'key-error'],
    ['key(req) returns a function', {}, { key: () => () => 1 }, 'key-error'],
    ['movieId(req) throws', {}, { movieId: broken }, 'key-error'],
    ['movieId(req) returns an object', {}, { movieId: () => ({}) as never }, 'key-error'],
    ['the body is a Map', post(new Map()), {}, 'body-complex'],
    ['the body cannot be read', post(trapped), {}, 'body-complex'],
  ])('but a reason where %s', (_, asked, options, reason) => {
    expect(keyed(asked, options)).toBe(reason)
  })
})

describe('what an unsafe request makes outdated', () => {
  it.each<[string, string[], string[]]>([
    ['/a?b=1&a=2', [], ['/a?a=2&b=1']],
    ['/a?b=1?c', ['/d?e=?'], ['/a?b=1?c', '/d?e=?']],
    ['/a?', [], ['/a']],
    ['/a', ['/b?x=1', 'c'], ['/a', '/b?x=1', '/c']],
    ['/a', ['http://localhost:3000/d', 'http://elsewhere.example/e', 'http://['], ['/a', '/d']],
    ['*', ['/b'], ['*', '/b']],
  ])('is its own URL %s and those of the same origin in %j', (url, locations, outdated) => {
    expect(outdatedTags(askedBy(requestOf({ method: 'PUT', url })), 'api', routeOf(), locations)).toEqual(
      outdated.map(one => `url:api http://localhost ${one}`),
    )
  })

  it('are found in the key of whatever answered GET under the same URL, whoever it is for', () => {
    const part = fc.string({ minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(fc.webPath(), fc.webQueryParameters(), part, part, (path, query, movieId, user) => {
        const url = `${path === '' ? '/' : path}?${query}`
        const { text } = keyed({ url, params: { movieId } }, { key: () => user, vary: ['accept'] }) as RequestKey
        const [own] = outdatedTags(askedBy(requestOf({ method: 'PUT', url })), 'api', routeOf(), [])
        expect(tagsOf({ key: text })).toEqual([profileTag('api'), tagOfMovie(movieId), own])
      }),
    )
  })
})
