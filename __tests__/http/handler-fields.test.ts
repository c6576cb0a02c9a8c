import { handlerFields, mergedValue } from '../../lib/http/handler-fields.js'
import type { Fields } from '../../lib/http/headers.js'

describe("the handler's fields", () => {
  it.each<[string, Fields, Fields, ReturnType<typeof handlerFields>['headers']]>([
    ['what it set', {}, { 'x-a': 'a' }, { 'x-a': 'a' }],
    ['all but its validator', {}, { etag: '"a"', 'x-a': '1' }, { 'x-a': '1' }],
    ['numbers as text', {}, { 'x-count': 5 }, { 'x-count': '5' }],
    [
      'a Link as it is, commas in its URL and in quotes too',
      { link: '</a.css>; rel=preload' },
      { link: ['</a.css>; rel=preload', '<https://img.example/w=300,h=200/x.jpg>; title="one, two"'] },
      { link: '<https://img.example/w=300,h=200/x.jpg>; title="one, two"' },
    ],
    ['each line', {}, { link: ['<a>', '<b>'] }, { link: ['<a>', '<b>'] }],
    ['what it changed', { 'x-a': '1' }, { 'x-a': '2' }, { 'x-a': '2' }],
    ['nothing that stood there before', { 'x-request-id': '7' }, { 'x-request-id': '7' }, {}],
    ['nothing that stood there as a number', { 'x-limit': 9 }, { 'x-limit': '9' }, {}],
    ['only what it added to Vary', { vary: 'Origin' }, { vary: 'Origin, Accept' }, { vary: 'Accept' }],
    ['only new members, in lines too', { vary: ['Origin'] }, { vary: ['Origin', 'Accept'] }, { vary: 'Accept' }],
    ['nothing where it added what was there', { vary: 'a, b' }, { vary: 'b, a' }, {}],
    ['all of a Vary that was not there', {}, { vary: 'Origin, Accept' }, { vary: 'Origin, Accept' }],
    [
      'a new Cache-Control as a whole',
      { 'cache-control': 'a' },
      { 'cache-control': 'a, b' },
      { 'cache-control': 'a, b' },
    ],
    [
      'nothing of one connection',
      {},
      { connection: 'close', 'keep-alive': '5', te: 'a', trailer: 'b', upgrade: 'c' },
      {},
    ],
    ['nothing that Connection names', {}, { connection: 'close, X-Hop', 'x-hop': '1', 'x-end': '2' }, { 'x-end': '2' }],
    ['nothing that the cache writes', {}, { age: '5', 'x-cache': 'b', 'content-length': 3 }, {}],
    ['a field called constructor', {}, Object.fromEntries([['constructor', '1']]), { constructor: '1' }],
  ])('are %s', (_, before, after, expected) => {
    const bare = (fields: Fields): Fields => Object.assign(Object.create(null) as Fields, fields)
    const { headers, removed } = handlerFields(bare(before), bare(after))
    expect({ ...headers }).toEqual(expected)
    expect(removed).toEqual([])
  })

  it('have no names but their own, of which one may be __proto__', () => {
    const { headers } = handlerFields(
      Object.create(null) as Fields,
      JSON.parse('{ "__proto__": "1", "x-a": "2" }') as Fields,
    )
    expect(Object.entries(headers)).toEqual([
      ['__proto__', '1'],
      ['x-a', '2'],
    ])
    expect('constructor' in headers || 'toString' in headers).toBe(false)
  })

  it.each<[string, Fields, Fields, string | undefined]>([
    ['that it set', {}, { etag: '"a"' }, '"a"'],
    ['that it changed', { etag: '"a"' }, { etag: '"b"' }, '"b"'],
    ['that stood there before: none', { etag: '"a"' }, { etag: '"a"' }, undefined],
    ['said in two lines: none', {}, { etag: ['"a"', '"b"'] }, undefined],
    ['that Connection names: none', {}, { connection: 'etag', etag: '"a"' }, undefined],
  ])('come with the validator %s', (_, before, after, etag) => {
    expect(handlerFields(before, after).etag).toBe(etag)
  })

  it('are also those it took away, but not those the cache writes itself', () => {
    expect(handlerFields({ 'x-powered-by': 'Express', vary: 'a', age: '1' }, { vary: 'a' }).removed).toEqual([
      'x-powered-by',
    ])
  })
})

describe('a stored field on a response', () => {
  it.each<[string, Fields[string], string | string[], string | string[]]>([
    ['etag', undefined, '"a"', '"a"'],
    ['x-theme', 'light', 'dark', 'dark'],
    ['x-theme', ['light', 'grey'], ['dark', 'black'], ['dark', 'black']],
    ['vary', undefined, 'Accept', 'Accept'],
    ['vary', 'Origin', 'Accept', 'Origin, Accept'],
    ['vary', ['Origin', 'X-A'], 'accept, origin', 'Origin, X-A, accept'],
    ['access-control-expose-headers', 'X-A', ['X-B', 'x-a'], 'X-A, X-B'],
    ['server-timing', 'app;dur=1', 'db;dur=2', 'app;dur=1, db;dur=2'],
    ['cache-control', 'no-cache', 'max-age=5', 'max-age=5'],
  ])('%s, where %j stands and %j is stored, becomes %j', (name, current, stored, merged) => {
    expect(mergedValue(name, current, stored)).toEqual(merged)
  })
})
