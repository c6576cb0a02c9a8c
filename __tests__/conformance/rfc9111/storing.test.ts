/** What may be stored, and which fields of it: RFC 9111 sections 3 and 5.2.2, stricter where the ten promises are. */
import type { InformationEvent } from 'node:http'
import express from 'express'
import { cacheStatus, testCache } from '../../support/cache.js'
import { answered, open, type Answer } from '../../support/client.js'
import { serve } from '../../support/server.js'
import { isHit, origin, type Fields } from './origin.js'

const fresh = { 'Cache-Control': 'max-age=60' }

describe('directives that forbid', () => {
  it.each([
    ['no-store', 'no-store'],
    ['no-store', 'NO-STORE'],
    ['no-store', 'No-StOrE, max-age=60'],
    ['no-store', 'max-age=60, no-store'],
    ['no-store', 'max-age=60,no-store,'],
    ['no-store', ['max-age=60', 'no-store']],
    ['no-store', 'no-store=1, max-age=60'],
    ['no-store', 'no-store, must-understand, max-age=60'],
    ['private', 'private, max-age=60'],
    ['private', 'max-age=60, PRIVATE'],
    ['private', 'private, s-maxage=60'],
    ['private', 'public, private, max-age=60'],
    ['private', 'private="set-cookie", max-age=60'],
    ['private', 'private=x-user, max-age=60'],
    ['private', 'private="", max-age=60'],
    ['no-cache', 'no-cache'],
    ['no-cache', 'No-CaChE, max-age=60'],
    ['no-cache', 'max-age=60, no-cache'],
    ['no-cache', ['max-age=60', 'no-cache']],
    ['no-cache', 'no-cache="x-user", max-age=60'],
    ['no-cache', 'no-cache="x-user, x-name", max-age=60'],
    ['no-cache', 'no-cache=x-user, max-age=60'],
    ['no-cache', 's-maxage=60, no-cache=""'],
  ])('%s is obeyed in Cache-Control: %j', async (reason, value) => {
    const { get } = await origin([{ fields: { 'Cache-Control': value } }])
    expect(cacheStatus(await get())).toMatchObject({ fwd: 'miss', detail: reason })
    expect(isHit(await get())).toBe(false)
  })

  it.each([
    ['a quote without an end', 'max-age=60, note="a'],
    ['a quote with a stray end', 'max-age=60, note=a"'],
    ['text behind a quote', 'max-age=60, note="a"b'],
    ['a name that is no token', 'max-age=60, no store'],
    ['a directive without a name', 'max-age=60, =1'],
    ['a bracket', 'max-age=60, (no-store)'],
  ])('%s means no', async (_, value) => {
    const { get } = await origin([{ fields: { 'Cache-Control': value } }])
    expect(cacheStatus(await get())).toMatchObject({ fwd: 'miss', detail: 'cache-control' })
    expect(isHit(await get())).toBe(false)
  })

  it('Set-Cookie is never stored, whatever else is said', async () => {
    const { get } = await origin([{ fields: { 'Cache-Control': 'public, s-maxage=60', 'Set-Cookie': 'a=b' } }])
    expect(cacheStatus(await get())).toMatchObject({ fwd: 'miss', detail: 'set-cookie' })
    expect(isHit(await get())).toBe(false)
  })
})

describe('directives that do not forbid', () => {
  it.each([
    ['max-age=60'],
    ['public, max-age=60'],
    ['max-age=60, must-revalidate'],
    ['max-age=60, proxy-revalidate'],
    ['max-age=60, immutable'],
    ['max-age=60, no-transform'],
    ['max-age=60, must-understand'],
    ['max-age=60, stale-if-error=5, stale-while-revalidate=5'],
    ['max-age=60, note="no-store"'],
    ['max-age=60, note="a, private, b"'],
    ['max-age=60, no-store-ever'],
    ['max-age=60, x-private=no-cache'],
  ])('Cache-Control: %s is stored', async value => {
    const { get } = await origin([{ fields: { 'Cache-Control': value } }])
    expect(cacheStatus(await get())).toMatchObject({ fwd: 'miss', stored: true })
    expect(isHit(await get())).toBe(true)
  })

  it('Pragma: no-cache of an answer says nothing beside Cache-Control', async () => {
    const { get } = await origin([{ fields: { ...fresh, Pragma: 'no-cache' } }])
    await get()
    expect(isHit(await get())).toBe(true)
  })

  it('Content-Disposition: attachment is stored with its name', async () => {
    const { get } = await origin([{ fields: { ...fresh, 'Content-Disposition': 'attachment; filename=a.txt' } }])
    await get()
    const hit = await get()
    expect(isHit(hit)).toBe(true)
    expect(hit.headers['content-disposition']).toBe('attachment; filename=a.txt')
  })
})

describe('a final status', () => {
  const storable = [200, 203, 204, 299, 300, 301, 302, 303, 307, 308, 400, 403, 404, 405, 410, 414, 451, 499]
  const never = [206, 304, 500, 501, 502, 503, 504, 599]
  const bodyOf = (status: number): { body?: null } => (status === 204 || status === 304 ? { body: null } : {})

  it.each(storable)('%i is reused where the handler says how long', async status => {
    const { get, runs } = await origin([{ status, fields: { ...fresh, Location: '/elsewhere' }, ...bodyOf(status) }])
    const miss = await get()
    const hit = await get()
    expect(isHit(hit)).toBe(true)
    expect([hit.status, hit.headers.location, hit.body]).toEqual([status, '/elsewhere', miss.body])
    expect(runs).toHaveLength(1)
  })

  it.each(storable)('%i is not reused once it is stale', async status => {
    const { get, after } = await origin([{ status, fields: fresh, ...bodyOf(status) }])
    await get()
    after(61)
    expect(isHit(await get())).toBe(false)
  })

  it.each(storable.filter(status => status !== 200))("%i is not stored for the route's ttl alone", async status => {
    const { get } = await origin([{ status, ...bodyOf(status) }], { ttl: 60_000 })
    expect(cacheStatus(await get())).toMatchObject({ fwd: 'miss', detail: 'status' })
    expect(isHit(await get())).toBe(false)
  })

  it.each(never)('%i is never stored', async status => {
    const { get } = await origin([{ status, fields: { 'Cache-Control': 'public, max-age=60' }, ...bodyOf(status) }], {
      ttl: 60_000,
    })
    const first = await get()
    expect(first.status).toBe(status)
    expect(cacheStatus(first)).toMatchObject({ fwd: 'miss', detail: 'status' })
    expect(isHit(await get())).toBe(false)
  })

  it.each([299, 499])('%i, whose meaning nobody knows, is not stored with must-understand', async status => {
    const { get } = await origin([{ status, fields: { 'Cache-Control': 'max-age=60, must-understand' } }])
    await get()
    expect(isHit(await get())).toBe(false)
  })
})

describe('interim answers', () => {
  async function interim(send: (res: express.Response) => void): Promise<{ seen: number[][]; hit: Answer }> {
    const app = express()
    app.use(testCache().cacheApi())
    app.get('/', (_req, res) => {
      send(res)
      res.send('final')
    })
    const served = await serve(app)
    const ask = async (seen: number[]): Promise<Answer> => {
      const sent = open(served, '/')
      sent.on('information', (event: InformationEvent) => seen.push(event.statusCode))
      return answered(sent)
    }
    const seen: number[][] = [[], []]
    await ask(seen[0]!)
    return { seen, hit: await ask(seen[1]!) }
  }

  it('102 reaches the client that waits for the handler, the final answer is stored', async () => {
    const { seen, hit } = await interim(res => res.writeProcessing())
    expect(seen).toEqual([[102], []])
    expect(isHit(hit)).toBe(true)
    expect(hit.body.toString()).toBe('final')
  })

  it('103 reaches the client that waits for the handler, and none of its fields is stored', async () => {
    const { seen, hit } = await interim(res => {
      res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style', 'x-hint': 'early' })
    })
    expect(seen).toEqual([[103], []])
    expect(isHit(hit)).toBe(true)
    expect(hit.headers).not.toHaveProperty('x-hint')
    expect(hit.headers).not.toHaveProperty('link')
  })
})

describe('fields', () => {
  it.each<[string, Fields]>([
    ['an unknown field', { 'X-Test': 'a' }],
    ['a field with several lines', { 'X-Test': ['b', 'a', 'b'] }],
    ['several links', { Link: ['</a>; rel=preload', '</b>; rel=preload'] }],
    ['Content-Type', { 'Content-Type': 'application/json;  charset=utf-8' }],
    ['Content-Language', { 'Content-Language': 'de' }],
    ['Content-Location', { 'Content-Location': '/other' }],
    ['an unknown Content-Encoding', { 'Content-Encoding': 'x-none' }],
    ['Content-Security-Policy', { 'Content-Security-Policy': "default-src 'self'" }],
    ['Clear-Site-Data', { 'Clear-Site-Data': '"cache"' }],
    ['Last-Modified', { 'Last-Modified': 'Wed, 01 Jan 2020 00:00:00 GMT' }],
    ['Latin-1 text', { 'X-Test': 'café' }],
    ['an empty field', { 'X-Test': '' }],
  ])('%s is replayed as it was', async (_, fields) => {
    const { get } = await origin([{ fields: { ...fresh, ...fields } }])
    const expected = Object.entries(fields).flatMap(([name, value]) =>
      [value].flat().map(line => [name.toLowerCase(), line]),
    )
    await get()
    const hit = await get()
    expect(isHit(hit)).toBe(true)
    expect(hit.lines.filter(([name]) => expected.some(([field]) => field === name))).toEqual(expected)
  })

  it.each([
    ['Keep-Alive', 'timeout=77'],
    ['Proxy-Connection', 'close'],
    ['Proxy-Authenticate', 'Basic'],
    ['Proxy-Authentication-Info', 'x'],
    ['Proxy-Authorization', 'x'],
    ['TE', 'trailers'],
    ['Upgrade', 'h2c'],
  ])('%s, which ends at the next hop, is not replayed', async (name, value) => {
    const { get } = await origin([{ fields: { ...fresh, [name]: value, 'X-Test': 'kept' } }])
    await get()
    const hit = await get()
    expect(isHit(hit)).toBe(true)
    expect(hit.headers['x-test']).toBe('kept')
    expect(hit.lines.filter(([field, text]) => field === name.toLowerCase() && text === value)).toEqual([])
  })

  it.each<[string, string | string[]]>([
    ['on one line', 'close, X-Hop, x-jump'],
    ['on two lines', ['x-hop', 'X-JUMP']],
  ])('what Connection lists %s is not replayed', async (_, connection) => {
    const { get } = await origin([
      { fields: { ...fresh, Connection: connection, 'X-Hop': '1', 'X-Jump': '2', 'X-Test': 'kept' } },
    ])
    await get()
    const hit = await get()
    expect(isHit(hit)).toBe(true)
    expect(hit.headers['x-test']).toBe('kept')
    expect(hit.headers).not.toHaveProperty('x-hop')
    expect(hit.headers).not.toHaveProperty('x-jump')
  })

  it('a chunked answer is replayed with its length', async () => {
    const { get } = await origin([{ fields: fresh, before: res => res.flushHeaders(), body: 'in pieces' }])
    expect((await get()).headers['transfer-encoding']).toBe('chunked')
    const hit = await get()
    expect(isHit(hit)).toBe(true)
    expect(hit.headers).not.toHaveProperty('transfer-encoding')
    expect(hit.headers['content-length']).toBe('9')
    expect(hit.body.toString()).toBe('in pieces')
  })
})

describe('a request with Authorization', () => {
  const authorization = { Authorization: 'Bearer a' }

  it.each([['max-age=60'], ['public, max-age=60'], ['must-revalidate, max-age=60'], ['s-maxage=60']])(
    'leaves nothing behind for others, even with Cache-Control: %s',
    async value => {
      const { get, runs } = await origin([{ fields: { 'Cache-Control': value } }])
      expect(cacheStatus(await get(authorization))).toMatchObject({ fwd: 'bypass', detail: 'authorization' })
      expect(isHit(await get())).toBe(false)
      expect(runs).toHaveLength(2)
    },
  )

  it('is not answered from the cache', async () => {
    const { get } = await origin([{ fields: fresh }])
    await get()
    expect((await get(authorization)).body.toString()).toBe('run 2')
    expect(isHit(await get())).toBe(true)
  })
})

describe('HEAD', () => {
  it('is answered from what GET stored, with its fields and its length', async () => {
    const { get, send } = await origin([{ fields: { ...fresh, 'X-Test': 'a' } }])
    await get()
    const head = await send('/', { method: 'HEAD' })
    expect(isHit(head)).toBe(true)
    expect([head.headers['x-test'], head.headers['content-length'], head.body.length]).toEqual(['a', '5', 0])
  })

  it('stores nothing itself', async () => {
    const { get, send } = await origin([{ fields: fresh }])
    await send('/', { method: 'HEAD' })
    const first = await get()
    expect(isHit(first)).toBe(false)
    expect(first.body.toString()).toBe('run 2')
  })

  it('does not bring back what GET stored when it tells of another body', async () => {
    const { get, send, after } = await origin([
      { fields: { ...fresh, ETag: '"v1"' } },
      { fields: { ...fresh, ETag: '"v2"' }, body: 'longer than before' },
    ])
    await get()
    after(61)
    await send('/', { method: 'HEAD' })
    expect((await get()).body.toString()).toBe('longer than before')
  })
})

describe('what a client says about caches', () => {
  it.each<[string, Fields]>([
    ['Cache-Control: no-cache', { 'Cache-Control': 'no-cache' }],
    ['Cache-Control: no-store', { 'Cache-Control': 'no-store' }],
    ['Cache-Control: max-age=0', { 'Cache-Control': 'max-age=0' }],
    ['Cache-Control: min-fresh', { 'Cache-Control': 'min-fresh=9999' }],
    ['Pragma: no-cache', { Pragma: 'no-cache' }],
  ])('%s cannot switch the cache off', async (_, headers) => {
    const { get } = await origin([{ fields: fresh }])
    await get(headers)
    expect(isHit(await get(headers))).toBe(true)
  })

  it('max-stale gets nothing stale', async () => {
    const { get, after } = await origin([{ fields: fresh }])
    await get()
    after(61)
    expect((await get({ 'Cache-Control': 'max-stale=9999' })).body.toString()).toBe('run 2')
  })

  it('only-if-cached is answered 504 when nothing is stored, without a handler run', async () => {
    const { get, runs } = await origin([{ fields: fresh }])
    expect((await get({ 'Cache-Control': 'only-if-cached' })).status).toBe(504)
    expect(runs).toHaveLength(0)
  })

  it('only-if-cached is answered from the cache when it can be', async () => {
    const { get } = await origin([{ fields: fresh }])
    await get()
    const hit = await get({ 'Cache-Control': 'only-if-cached' })
    expect([hit.status, hit.body.toString()]).toEqual([200, 'run 1'])
  })

  it('only-if-cached gets nothing stale', async () => {
    const { get, after, runs } = await origin([{ fields: { ...fresh, ETag: '"v1"' } }])
    await get()
    after(61)
    expect((await get({ 'Cache-Control': 'only-if-cached' })).status).toBe(504)
    expect(runs).toHaveLength(1)
  })
})

describe('a newer answer that may not be stored', () => {
  it.each(['no-store', 'no-store, max-age=0', 'private', 'no-cache'])(
    'Cache-Control: %s does not bring the older one back',
    async value => {
      const { get, after } = await origin([{ fields: fresh }, { fields: { 'Cache-Control': value } }])
      await get()
      after(61)
      expect((await get()).body.toString()).toBe('run 2')
      expect((await get()).body.toString()).toBe('run 3')
    },
  )
})
