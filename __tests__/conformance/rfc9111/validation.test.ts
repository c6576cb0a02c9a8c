/** Conditional requests: from clients (RFC 9111 section 4.3.2) and to the handler (sections 4.3.1, 4.3.3 and 4.3.4). */
import express from 'express'
import { cacheStatus, testCache } from '../../support/cache.js'
import { ask } from '../../support/client.js'
import { fakeClock } from '../../support/clock.js'
import { counted } from '../../support/express.js'
import { serve } from '../../support/server.js'
import { isHit, origin, type At, type Fields } from './origin.js'

const fresh = { 'Cache-Control': 'max-age=60' }

describe('a stored answer with an ETag', () => {
  it.each<[string, string, string, number]>([
    ['the same tag', '"v1"', '"v1"', 304],
    ['another tag', '"v1"', '"v2"', 200],
    ['the tag first in a list', '"v1"', '"v1", "v2", "v3"', 304],
    ['the tag inside a list', '"v1"', '"v2", "v1", "v3"', 304],
    ['the tag last in a list without spaces', '"v1"', '"v2","v3","v1"', 304],
    ['a list without the tag', '"v1"', '"v2", "v3"', 200],
    ['the weak form of a strong tag', '"v1"', 'W/"v1"', 304],
    ['the strong form of a weak tag', 'W/"v1"', '"v1"', 304],
    ['the same weak tag', 'W/"v1"', 'W/"v1"', 304],
    ['a weak tag in a list', 'W/"v1"', 'W/"v0", W/"v1"', 304],
    ['a star', '"v1"', '*', 304],
    ['a tag with a comma in it', '"a,b"', '"a,b"', 304],
    ['a tag that is part of one with a comma', '"a"', '"b,"a",c"', 200],
    ['a tag in other letters', '"v1"', '"V1"', 200],
    ['a tag without quotes', '"v1"', 'v1', 200],
    ['a longer tag', '"v1"', '"v11"', 200],
    ['a tag in Latin-1', '"café"', '"café"', 304],
    ['an empty tag', '""', '""', 304],
  ])('answers If-None-Match with %s', async (_, etag, condition, status) => {
    const { get, runs } = await origin([{ fields: { ...fresh, ETag: etag } }])
    await get()
    const answer = await get({ 'If-None-Match': condition })
    expect([answer.status, answer.body.toString()]).toEqual([status, status === 304 ? '' : 'run 1'])
    expect(answer.headers.etag).toBe(etag)
    expect(runs).toHaveLength(1)
  })
})

describe('a stored answer with Last-Modified', () => {
  it.each<[string, (at: At) => string, number]>([
    ['the same date', at => at(-3000), 304],
    ['a later date', at => at(-2000), 304],
    ['a date of now', at => at(0), 304],
    ['an earlier date', at => at(-3001), 200],
    ['no date', () => 'yesterday', 200],
    ['two dates', at => `${at(-3000)}, ${at(-3000)}`, 200],
    ['another zone', at => at(-3000).replace('GMT', 'UTC'), 200],
  ])('answers If-Modified-Since with %s', async (_, date, status) => {
    const { get, at } = await origin([{ fields: now => ({ ...fresh, 'Last-Modified': now(-3000) }) }])
    await get()
    expect((await get({ 'If-Modified-Since': date(at) })).status).toBe(status)
  })

  it('reads the date in the form of RFC 850', async () => {
    const { get } = await origin([{ fields: { ...fresh, 'Last-Modified': 'Wed, 06 May 2026 08:49:37 GMT' } }])
    await get()
    expect((await get({ 'If-Modified-Since': 'Wednesday, 06-May-26 08:49:37 GMT' })).status).toBe(304)
  })

  it('reads the date in the form of asctime', async () => {
    const { get } = await origin([{ fields: { ...fresh, 'Last-Modified': 'Wed, 06 May 2026 08:49:37 GMT' } }])
    await get()
    expect((await get({ 'If-Modified-Since': 'Wed May  6 08:49:37 2026' })).status).toBe(304)
  })
})

describe('If-Modified-Since without a Last-Modified is held against Date', () => {
  it.each([
    ['a later date', -10, 304],
    ['the same date', -20, 304],
    ['an earlier date', -30, 200],
  ])('%s', async (_, seconds, status) => {
    const { get, at } = await origin([{ fields: now => ({ ...fresh, Date: now(-20) }) }])
    await get()
    expect((await get({ 'If-Modified-Since': at(seconds) })).status).toBe(status)
  })
})

describe('If-None-Match beside If-Modified-Since', () => {
  it.each([
    ['answers 304 when only the tag agrees', '"v1"', -9999, 304],
    ['answers 200 when only the date agrees', '"v2"', 0, 200],
  ])('%s', async (_, tag, seconds, status) => {
    const { get, at } = await origin([{ fields: now => ({ ...fresh, ETag: '"v1"', 'Last-Modified': now(-3000) }) }])
    await get()
    expect((await get({ 'If-None-Match': tag, 'If-Modified-Since': at(seconds) })).status).toBe(status)
  })
})

describe('a 304 from the cache', () => {
  it('tells what a 200 would have told to a cache, and nothing about the body', async () => {
    const fields = { ETag: '"v1"', Vary: 'Foo', 'Content-Location': '/x', 'Cache-Control': 'max-age=60' }
    const { get, after } = await origin([{ fields: at => ({ ...fields, Date: at(0), Expires: at(60) }) }])
    const miss = await get()
    after(7)
    const { status, headers, body } = await get({ 'If-None-Match': '"v1"' })
    expect([status, body.length]).toEqual([304, 0])
    for (const name of ['etag', 'vary', 'content-location', 'cache-control', 'date', 'expires']) {
      expect([name, headers[name]]).toEqual([name, miss.headers[name]])
    }
    expect(headers.age).toBe('7')
    expect(headers).not.toHaveProperty('content-length')
    expect(headers).not.toHaveProperty('transfer-encoding')
  })

  it('answers HEAD too', async () => {
    const { get, send } = await origin([{ fields: { ...fresh, ETag: '"v1"' } }])
    await get()
    expect((await send('/', { method: 'HEAD', headers: { 'If-None-Match': '"v1"' } })).status).toBe(304)
  })

  it('is never made of another status than 200', async () => {
    const { get } = await origin([{ status: 404, fields: { ...fresh, ETag: '"v1"' } }])
    await get()
    const hit = await get({ 'If-None-Match': '"v1"' })
    expect([isHit(hit), hit.status, hit.body.toString()]).toEqual([true, 404, 'run 1'])
  })

  it('answers a validator on a cold cache, which keeps the whole answer', async () => {
    const { get, runs } = await origin([{ fields: { ...fresh, ETag: '"v1"' } }])
    expect((await get({ 'If-None-Match': '"v1"' })).status).toBe(304)
    const hit = await get()
    expect([isHit(hit), hit.status, hit.body.toString()]).toEqual([true, 200, 'run 1'])
    expect(runs).toEqual([{}])
  })
})

describe('a stale answer is validated', () => {
  it.each<[string, Fields, Fields]>([
    ['with its strong ETag', { ETag: '"v1"' }, { 'if-none-match': '"v1"' }],
    ['with its weak ETag', { ETag: 'W/"v1"' }, { 'if-none-match': 'W/"v1"' }],
    [
      'with its Last-Modified',
      { 'Last-Modified': 'Wed, 01 Jan 2020 00:00:00 GMT' },
      { 'if-modified-since': 'Wed, 01 Jan 2020 00:00:00 GMT' },
    ],
  ])('%s', async (_, validator, expected) => {
    const { get, after, runs } = await origin([{ fields: { ...fresh, ...validator } }])
    await get()
    after(61)
    await get()
    expect(runs[1]).toMatchObject(expected)
  })

  it('with no more than it brought: a tag the cache made is for clients', async () => {
    const { get, after, runs } = await origin([{ fields: fresh }])
    await get()
    const { etag } = (await get()).headers
    after(61)
    await get()
    expect(etag).toMatch(/^"[^"]+"$/)
    expect(runs).toEqual([{}, {}])
  })

  it("and the client's own validators are not passed on", async () => {
    const { get, after, runs } = await origin([{ fields: { ...fresh, ETag: '"v1"' } }])
    await get({ 'If-None-Match': '"other"', 'If-Modified-Since': 'Wed, 01 Jan 2020 00:00:00 GMT' })
    after(61)
    await get({ 'If-None-Match': '"other"', 'If-Modified-Since': 'Wed, 01 Jan 2020 00:00:00 GMT' })
    expect(runs).toEqual([{}, { 'if-none-match': '"v1"' }])
  })

  it('only if it was a 200', async () => {
    const { get, after, runs } = await origin([{ status: 404, fields: { ...fresh, ETag: '"v1"' } }])
    await get()
    after(61)
    await get()
    expect(runs).toEqual([{}, {}])
  })

  it.each(['must-revalidate', 'proxy-revalidate', 's-maxage=60'])('under %s, and not sent before', async directive => {
    const { get, after, runs } = await origin([
      { fields: { 'Cache-Control': `max-age=60, ${directive}`, ETag: '"v1"' } },
      { status: 503, body: 'down' },
    ])
    await get()
    expect(isHit(await get())).toBe(true)
    after(61)
    const answer = await get()
    expect([answer.status, answer.body.toString()]).toEqual([503, 'down'])
    expect(runs[1]).toEqual({ 'if-none-match': '"v1"' })
  })
})

describe('a 304 from the handler', () => {
  const first = { fields: { ...fresh, ETag: '"v1"', 'X-Kept': 'old', 'X-New': 'old' } }
  const renewal = { status: 304, fields: { ...fresh, ETag: '"v1"', 'X-New': 'new' }, body: null }

  it('confirms the stored body, which the client gets whole', async () => {
    const { get, after } = await origin([first, renewal])
    await get()
    after(61)
    const answer = await get()
    expect([answer.status, answer.body.toString(), answer.headers['content-length']]).toEqual([200, 'run 1', '5'])
    expect(cacheStatus(answer)).toMatchObject({ fwd: 'stale', 'fwd-status': '304', stored: true })
  })

  it('renews the lifetime', async () => {
    const { get, after, runs } = await origin([first, renewal])
    await get()
    after(61)
    await get()
    after(59)
    const hit = await get()
    expect([isHit(hit), hit.headers.age]).toEqual([true, '59'])
    after(2)
    await get()
    expect(runs).toHaveLength(3)
  })

  it('renews the fields it names and keeps the others, for this client and the next', async () => {
    const { get, after } = await origin([first, renewal])
    await get()
    after(61)
    for (const answer of [await get(), await get()]) {
      expect([answer.headers['x-kept'], answer.headers['x-new']]).toEqual(['old', 'new'])
    }
  })

  it('renews a field of several lines as a whole', async () => {
    const { get, after } = await origin([
      { fields: { ...fresh, ETag: '"v1"', 'X-Many': ['a', 'b'] } },
      { status: 304, fields: { ...fresh, ETag: '"v1"', 'X-Many': ['c', 'd', 'e'] }, body: null },
    ])
    await get()
    after(61)
    await get()
    const hit = await get()
    expect(isHit(hit)).toBe(true)
    expect(hit.lines.filter(([name]) => name === 'x-many').map(([, value]) => value)).toEqual(['c', 'd', 'e'])
  })

  it('without a lifetime of its own uses the stored one from its own time on', async () => {
    const { get, after } = await origin([first, { status: 304, fields: { ETag: '"v1"' }, body: null }])
    await get()
    after(61)
    await get()
    after(59)
    expect(isHit(await get())).toBe(true)
    after(2)
    expect(isHit(await get())).toBe(false)
  })

  it.each<[string, Fields]>([
    ['Content-Length', { 'Content-Length': '999' }],
    ['Connection, and what it lists', { Connection: 'x-kept', 'X-Kept': 'hop' }],
    ['Transfer-Encoding', { 'Transfer-Encoding': 'chunked' }],
  ])('does not change the message by its %s', async (_, fields) => {
    const { get, after } = await origin([first, { ...renewal, fields: { ...renewal.fields, ...fields } }])
    await get()
    after(61)
    for (const answer of [await get(), await get()]) {
      expect(answer.body.toString()).toBe('run 1')
      expect([answer.headers['content-length'], answer.headers['x-kept']]).toEqual(['5', 'old'])
    }
  })

  it.each<[string, Fields]>([
    ['Cache-Control: no-store', { 'Cache-Control': 'no-store' }],
    ['Cache-Control: private', { 'Cache-Control': 'private, max-age=60' }],
    ['Cache-Control: no-cache', { 'Cache-Control': 'no-cache' }],
    ['Set-Cookie', { 'Set-Cookie': 'a=b' }],
    ['Vary: *', { Vary: '*' }],
  ])('with %s serves this client only', async (_, fields) => {
    const { get, after } = await origin([
      first,
      { ...renewal, fields: { ...renewal.fields, ...fields } },
      { fields: fresh },
    ])
    await get()
    after(61)
    expect((await get()).body.toString()).toBe('run 1')
    const next = await get()
    expect([isHit(next), next.body.toString()]).toEqual([false, 'run 3'])
    expect(next.headers).not.toHaveProperty('set-cookie')
  })

  it('reaches a client as 304 if its own validator agrees', async () => {
    const { get, after } = await origin([first, renewal])
    await get()
    after(61)
    const answer = await get({ 'If-None-Match': '"v1"' })
    expect([answer.status, answer.body.length]).toEqual([304, 0])
    expect(isHit(await get())).toBe(true)
  })

  it('reaches a client as 304 if its own date agrees', async () => {
    const modified = 'Wed, 01 Jan 2020 00:00:00 GMT'
    const { get, after } = await origin([
      { fields: { ...fresh, 'Last-Modified': modified } },
      { status: 304, fields: { ...fresh, 'Last-Modified': modified }, body: null },
    ])
    await get()
    after(61)
    expect((await get({ 'If-Modified-Since': modified })).status).toBe(304)
  })

  it('reaches a client as 200 if its own validator does not agree', async () => {
    const { get, after } = await origin([first, renewal])
    await get()
    after(61)
    const answer = await get({ 'If-None-Match': '"v0"' })
    expect([answer.status, answer.body.toString()]).toEqual([200, 'run 1'])
  })

  it('that Express makes of an unchanged body renews the answer', async () => {
    const clock = fakeClock()
    const show = counted((_req, res) => res.json({ title: 'Heat' }))
    const app = express()
    app.get('/', testCache({ clock }).cacheApi({ ttl: 60_000 }), show)
    const served = await serve(app)
    await ask(served, '/')
    clock.advance(61_000)
    const renewed = await ask(served, '/')
    expect([renewed.status, renewed.body.toString()]).toEqual([200, '{"title":"Heat"}'])
    expect(cacheStatus(renewed)).toMatchObject({ fwd: 'stale', 'fwd-status': '304', stored: true })
    expect(isHit(await ask(served, '/'))).toBe(true)
    expect(show.calls).toBe(2)
  })
})

describe('another answer to a validation', () => {
  const first = { fields: { ...fresh, ETag: '"v1"', 'X-Old': 'old' } }

  it('200 replaces what was stored, fields and all', async () => {
    const { get, after } = await origin([first, { fields: { ...fresh, ETag: '"v2"' } }])
    await get()
    after(61)
    expect((await get()).body.toString()).toBe('run 2')
    const hit = await get()
    expect([isHit(hit), hit.body.toString(), hit.headers.etag]).toEqual([true, 'run 2', '"v2"'])
    expect(hit.headers).not.toHaveProperty('x-old')
  })

  it('200 that may not be stored leaves nothing of the old one to be sent', async () => {
    const { get, after } = await origin([first, { fields: { 'Cache-Control': 'no-store' } }])
    await get()
    after(61)
    expect((await get()).body.toString()).toBe('run 2')
    expect((await get()).body.toString()).toBe('run 3')
  })

  it('500 reaches the client and does not renew the old one', async () => {
    const { get, after } = await origin([first, { status: 500, fields: fresh }])
    await get()
    after(61)
    expect((await get()).status).toBe(500)
    expect((await get()).status).toBe(500)
  })

  it('a cut connection reaches the client and does not renew the old one', async () => {
    const { get, after } = await origin([first, { abort: true }, { fields: fresh }])
    await get()
    after(61)
    await expect(get()).rejects.toThrow()
    expect((await get()).body.toString()).toBe('run 3')
  })
})
