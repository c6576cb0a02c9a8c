import type { RequestHandler } from 'express'
import { cacheStatus, testCache } from '../support/cache.js'
import { ask, exchange, type Answer } from '../support/client.js'
import { comparable, echo, parsers, withoutTracking, type Seen } from '../support/echo.js'
import { counted, errorPage, expresses } from '../support/express.js'
import { serve } from '../support/server.js'

function queryIn({ body }: Answer): Record<string, unknown> {
  return comparable(JSON.parse(body.toString()) as Seen).query
}

// Pairs of requests a careless key takes for one; each has to get what a handler without a cache would tell it.
describe.each(expresses)('on %s', (_version, express) => {
  async function echoing(parser: 'simple' | 'extended' = 'extended') {
    const app = express().set('query parser', parser).use(parsers(express))
    const handler = counted((req, res, _run, next) => echo(req, res, next))
    app.use(testCache().cacheApi({ methods: ['GET', 'POST'] }), handler, errorPage)
    return { app: await serve(app), handler }
  }

  const differentQueries: [string, string][] = [
    ['a=1&a=2', 'a=2&a=1'],
    ['a[b]=1&a=2', 'a=2&a[b]=1'],
    ['a%5Bb%5D=1&a=2', 'a=2&a%5Bb%5D=1'],
    ['a[]=1&a[0]=2', 'a[0]=2&a[]=1'],
    ['a[b]=1&a[c]=2&a=3', 'a=3&a[b]=1&a[c]=2'],
    ['a=1%26b%3D2', 'a=1&b=2'],
    ['a=1%26b=2', 'a=1&b=2'],
    ['a=1,2', 'a=1&a=2'],
    ['a=', 'b='],
    ['a=%ff', 'a=%fe'],
    ['a=%zz', 'a=%25zz'],
    ['a=+', 'a=%2B'],
    ['A=1', 'a=1'],
    ['__proto__=1', 'a=1'],
    ['__proto__[a]=1', '__proto__[a]=2'],
    ['constructor=1', 'constructor=2'],
    ['a=1;b=2', 'a=1&b=2'],
    ['a=[object Object]'.replace(' ', '%20'), 'a[b]=1'],
    // The parser of Express stops at a thousand parameters: what comes after them the handler does not see.
    [`${'x&'.repeat(1000)}a=1`, `a=1&${'x&'.repeat(1000)}`],
    [`${'utm_x&'.repeat(1000)}a=1`, 'a=1'],
  ]
  describe.each(['simple', 'extended'] as const)('with the %s query parser', parser => {
    test.each(
      differentQueries.map(pair => [`?${pair[0].slice(0, 30)} and ?${pair[1].slice(0, 30)}`, ...pair] as const),
    )('%s do not share an answer the handler would give differently', async (_name, one, other) => {
      const { app } = await echoing(parser)
      const plain = await serve(express().set('query parser', parser).use(echo))
      for (const query of [one, other, one, other]) {
        const got = await ask(app, `/movie?${query}`)
        // A cache may hide tracking parameters from the handler; it need not where it does not share the answer.
        const shown = [query, withoutTracking(query.split('&')).join('&')]
        const expected = await Promise.all(shown.map(one => ask(plain, `/movie?${one}`)))
        expect(got.status).toBe(200)
        expect(expected.map(queryIn)).toContainEqual(queryIn(got))
      }
    })

    test.each([
      ['a=1&b=2', 'b=2&a=1'],
      ['a=1&utm_source=x', 'a=1'],
      ['fbclid=1&a=1&gclid=2', 'a=1&utm_medium=mail'],
    ])('?%s and ?%s are one entry', async (one, other) => {
      const { app, handler } = await echoing(parser)
      await ask(app, `/movie?${one}`)
      expect((await ask(app, `/movie?${other}`)).headers['x-cache']).toBe('HIT')
      expect(handler.calls).toBe(1)
    })
  })

  const differentPaths: [string, string][] = [
    ['/movie', '/Movie'],
    ['/movie', '/movie/'],
    ['/a/b', '/a%2Fb'],
    ['/a/b', '/a//b'],
    ['/a/../b', '/b'],
    ['/a/./b', '/a/b'],
    ['/%c3%a9', '/%C3%A9'],
    ['/%c3%a9', '/e%cc%81'],
    ['/%ff', '/%fe'],
    ['//evil.example/movie', '/movie'],
    ['http://evil.example/movie', '/movie'],
    ['/movie?a=1', '/movie%3Fa=1'],
    ['/movie;a=1', '/movie'],
    ['/%zz', '/%zy'],
    ['/%00', '/'],
  ]
  test.each(differentPaths)('the paths %j and %j each tell the handler their own', async (one, other) => {
    const { app, handler } = await echoing()
    const urls = []
    for (const path of [one, other, one, other]) urls.push(JSON.parse((await ask(app, path)).body.toString()).url)
    expect(urls).toEqual([one, other, one, other])
    expect(handler.calls).toBe(2)
  })

  const differentBodies: [string, string][] = [
    ['{"a":1}', '{"a":"1"}'],
    ['{"a":true}', '{"a":"true"}'],
    ['{"a":null}', '{}'],
    ['{"a":null}', '{"a":"null"}'],
    ['{"a":""}', '{"a":null}'],
    ['{}', '[]'],
    ['[1]', '{"0":1}'],
    ['["a","b"]', '["a,b"]'],
    ['["a","b"]', '["b","a"]'],
    ['[["a"],"b"]', '["a",["b"]]'],
    ['{"a":{"b":1}}', '{"a.b":1}'],
    ['{"a":"b"}', '{"b":"a"}'],
    ['{"a":1,"b":2}', '{"a":2,"b":1}'],
    ['{"voice":"a1"}', '{"voicea":"1"}'],
    ['{"text":"Hello"}', '{"text":"hello"}'],
    ['{"text":"Hello"}', '{"text":"Hello "}'],
    ['{"text":"Hello"}', '{"text":"Hello\\n"}'],
    ['{"text":"caf\u00e9"}', '{"text":"cafe\u0301"}'],
    ['{"text":"\\ud800"}', '{"text":"\\ud801"}'],
    ['{"text":"\\ud800"}', '{"text":"\\ufffd"}'],
    ['{"\\ud800":1}', '{"\\udfff":1}'],
    ['{"text":"a\\u0000b"}', '{"text":"ab"}'],
    ['{"__proto__":{"a":1}}', '{}'],
    ['{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}'],
    ['{"__proto__":1}', '{"__proto__":2}'],
    ['{"constructor":1}', '{"constructor":2}'],
    ['{"toJSON":1}', '{"toJSON":2}'],
    ['{"a":1,"b":2}', '{"b":2,"a":1}'],
    ['{"a":{"b":1,"c":2}}', '{"a":{"c":2,"b":1}}'],
    ['{"a":"[CIRCULAR:0]"}', '{"a":{"a":"[CIRCULAR:0]"}}'],
    ['"a"', '["a"]'],
    ['1', '"1"'],
    ['null', '"null"'],
    ['0.1', '0.10000000000000002'],
    ['1e308', '1e309'],
  ]
  test.each(differentBodies)('the bodies %s and %s each get their own answer', async (one, other) => {
    const { app, handler } = await echoing()
    for (const body of [one, other, one, other]) {
      const got = await ask(app, '/movie', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
      expect(got.status).toBe(200)
      const expected = JSON.stringify({ value: JSON.parse(body) })
      expect(JSON.stringify(JSON.parse(got.body.toString()).body)).toBe(expected)
    }
    expect(handler.calls).toBe(2)
  })

  test.each([
    ['{"a":1,"b":2}', '{ "a": 1, "b": 2.0 }'],
    ['{"a":{"b":1,"c":2}}', '{"a":{"b":1e0,"c":2}}'],
    ['{"a":"é"}', '{"a":"\\u00e9"}'],
  ])('the bodies %s and %s are one entry, because the handler sees the same', async (one, other) => {
    const { app, handler } = await echoing()
    const post = (body: string) =>
      ask(app, '/movie', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    await post(one)
    expect((await post(other)).headers['x-cache']).toBe('HIT')
    expect(handler.calls).toBe(1)
  })

  test('bytes, text and JSON with the same letters are three requests', async () => {
    const { app } = await echoing()
    const types = ['application/json', 'text/plain', 'application/octet-stream']
    const expected = [{ value: 'a' }, { value: '"a"' }, { bytes: Buffer.from('"a"').toString('hex') }]
    for (let round = 0; round < 2; round++) {
      for (const [i, type] of types.entries()) {
        const got = await ask(app, '/movie', { method: 'POST', headers: { 'Content-Type': type }, body: '"a"' })
        expect(JSON.parse(got.body.toString()).body).toEqual(expected[i])
      }
    }
  })

  test('an empty body is told to the handler as its own parser read it', async () => {
    const { app } = await echoing()
    const plain = await serve(express().use(parsers(express), echo))
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/octet-stream',
      'application/x-unknown',
    ]
    for (const type of [...types, ...types.toReversed()]) {
      const question = { method: 'POST', headers: { 'Content-Type': type }, body: '' }
      const [got, expected] = [await ask(app, '/movie', question), await ask(plain, '/movie', question)]
      expect(JSON.parse(got.body.toString()).body).toEqual(JSON.parse(expected.body.toString()).body)
    }
  })

  test.each(['text/plain', 'application/x-unknown', undefined])(
    'a body of type %s that no parser has read is bypassed, not keyed by its URL',
    async type => {
      const handler: RequestHandler = async (req, res) => {
        const chunks: Buffer[] = []
        for await (const chunk of req) chunks.push(chunk as Buffer)
        res.send(`you said ${Buffer.concat(chunks).toString()}`)
      }
      const app = await serve(express().use(express.json()).post('/movie', testCache().cacheApi(), handler))
      for (const body of ['hello', 'BYE']) {
        const got = await ask(app, '/movie', {
          method: 'POST',
          headers: type === undefined ? {} : { 'Content-Type': type },
          body,
        })
        expect(got.body.toString()).toBe(`you said ${body}`)
        expect(cacheStatus(got)).toMatchObject({ fwd: 'bypass', detail: 'body-unparsed' })
      }
    },
  )

  test('a GET with a body is bypassed', async () => {
    const handler: RequestHandler = (req, res) => void res.send(`you said ${req.body.text}`)
    const app = await serve(express().use(express.json()).get('/movie', testCache().cacheApi(), handler))
    for (const text of ['hello', 'BYE']) {
      const got = await ask(app, '/movie', {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ text }),
      })
      expect(got.body.toString()).toBe(`you said ${text}`)
      expect(cacheStatus(got)).toMatchObject({ fwd: 'bypass', detail: 'get-body' })
    }
  })

  test('two hosts and two ports of a host are different entries', async () => {
    const { app, handler } = await echoing()
    const hosts = ['a.example', 'b.example', 'a.example:8080']
    for (const host of [...hosts, ...hosts]) {
      expect(JSON.parse((await ask(app, '/movie', { headers: { Host: host } })).body.toString()).host).toBe(host)
    }
    expect(handler.calls).toBe(hosts.length)
  })

  test('a URL as long as Node takes is cached, a longer one is refused by Node and the app lives on', async () => {
    const { app, handler } = await echoing()
    const long = `/movie?a=${'x'.repeat(15_000)}`
    for (const state of ['MISS', 'HIT']) {
      const got = await ask(app, long)
      expect([got.status, got.headers['x-cache'], JSON.parse(got.body.toString()).url]).toEqual([200, state, long])
    }
    expect((await ask(app, `/movie?a=${'x'.repeat(17_000)}`)).status).toBe(431)
    expect((await ask(app, '/movie')).status).toBe(200)
    expect(handler.calls).toBe(2)
  })

  test('raw bytes that are no URL are refused by Node and the app lives on', async () => {
    const { app, handler } = await echoing()
    const head = Buffer.from('GET /\xff?a=\xfe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 'latin1')
    expect((await exchange(app, head)).toString('latin1')).toMatch(/^HTTP\/1\.1 400 /)
    expect((await ask(app, '/movie')).status).toBe(200)
    expect(handler.calls).toBe(1)
  })
})
