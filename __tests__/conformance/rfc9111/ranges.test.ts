/** Parts of a stored answer: RFC 9110 section 14, RFC 9111 section 3.3. */
import { isHit, origin, type At, type Fields } from './origin.js'

const text = '0123456789'
const whole = { fields: { 'Cache-Control': 'max-age=60', ETag: '"v1"' }, body: text }

describe('one range of a stored answer', () => {
  it.each([
    ['bytes=0-1', '01', '0-1'],
    ['bytes=0-0', '0', '0-0'],
    ['bytes=1-', '123456789', '1-9'],
    ['bytes=9-', '9', '9-9'],
    ['bytes=-1', '9', '9-9'],
    ['bytes=-3', '789', '7-9'],
    ['bytes=-99', text, '0-9'],
    ['bytes=8-99', '89', '8-9'],
    ['bytes=0-9', text, '0-9'],
    ['BYTES=2-3', '23', '2-3'],
  ])('%s is sent alone', async (range, part, sent) => {
    const { get, runs } = await origin([whole])
    await get()
    const { status, headers, body } = await get({ Range: range })
    expect([status, body.toString()]).toEqual([206, part])
    expect([headers['content-range'], headers['content-length']]).toEqual([`bytes ${sent}/10`, String(part.length)])
    expect([headers.etag, headers['cache-control']]).toEqual(['"v1"', 'max-age=60'])
    expect(runs).toHaveLength(1)
  })

  it.each(['bytes=10-', 'bytes=10-20', 'bytes=-0', 'bytes=99999999999999999999-'])('%s is not there', async range => {
    const { get } = await origin([whole])
    await get()
    const { status, headers } = await get({ Range: range })
    expect([status, headers['content-range']]).toEqual([416, 'bytes */10'])
    expect((await get()).status).toBe(200)
  })

  it.each([
    ['several ranges', 'bytes=0-1,3-4'],
    ['another unit', 'items=0-1'],
    ['an end before the start', 'bytes=5-2'],
    ['no number', 'bytes=a-b'],
    ['no range', 'bytes='],
    ['no unit', '0-1'],
    ['nothing but a dash', 'bytes=-'],
    ['a negative start', 'bytes=--1'],
  ])('the whole is sent for %s', async (_, range) => {
    const { get } = await origin([whole])
    await get()
    const { status, headers, body } = await get({ Range: range })
    expect([status, body.toString()]).toEqual([200, text])
    expect(headers).not.toHaveProperty('content-range')
  })

  it('keeps the fields of the stored answer', async () => {
    const { get } = await origin([{ ...whole, fields: { ...whole.fields, 'X-Test': ['a', 'b'] } }])
    await get()
    const part = await get({ Range: 'bytes=0-1' })
    expect(part.lines.filter(([name]) => name === 'x-test')).toEqual([
      ['x-test', 'a'],
      ['x-test', 'b'],
    ])
  })
})

describe('If-Range', () => {
  const modified = 'Wed, 01 Jan 2020 00:00:00 GMT'

  it.each<[string, Fields | ((at: At) => Fields), string, number]>([
    ['the strong tag: a part', { ETag: '"v1"' }, '"v1"', 206],
    ['another tag: the whole', { ETag: '"v1"' }, '"v2"', 200],
    ['a weak tag never agrees: the whole', { ETag: 'W/"v1"' }, 'W/"v1"', 200],
    ['the weak form of a strong tag: the whole', { ETag: '"v1"' }, 'W/"v1"', 200],
    ['the date: a part', { 'Last-Modified': modified }, modified, 206],
    ['a later date: the whole', { 'Last-Modified': modified }, 'Thu, 02 Jan 2020 00:00:00 GMT', 200],
    ['an earlier date: the whole', { 'Last-Modified': modified }, 'Tue, 31 Dec 2019 00:00:00 GMT', 200],
    ['nonsense: the whole', { ETag: '"v1"' }, 'v1', 200],
  ])('%s', async (_, fields, condition, status) => {
    const { get } = await origin([
      {
        fields: at => ({ 'Cache-Control': 'max-age=60', ...(typeof fields === 'function' ? fields(at) : fields) }),
        body: text,
      },
    ])
    await get()
    const answer = await get({ Range: 'bytes=0-1', 'If-Range': condition })
    expect([answer.status, answer.body.toString()]).toEqual([status, status === 206 ? '01' : text])
  })
})

describe('Range beside other conditions', () => {
  it('gives way to a validator that agrees', async () => {
    const { get } = await origin([whole])
    await get()
    expect((await get({ Range: 'bytes=0-1', 'If-None-Match': '"v1"' })).status).toBe(304)
  })

  it('holds when the validator does not agree', async () => {
    const { get } = await origin([whole])
    await get()
    expect((await get({ Range: 'bytes=0-1', 'If-None-Match': '"v2"' })).status).toBe(206)
  })

  it('means nothing on HEAD', async () => {
    const { get, send } = await origin([whole])
    await get()
    const head = await send('/', { method: 'HEAD', headers: { Range: 'bytes=0-1' } })
    expect([head.status, head.headers['content-length']]).toEqual([200, '10'])
  })

  it('means nothing to a stored answer that is no 200', async () => {
    const { get } = await origin([{ ...whole, status: 404 }])
    await get()
    const hit = await get({ Range: 'bytes=0-1' })
    expect([isHit(hit), hit.status, hit.body.toString()]).toEqual([true, 404, text])
  })
})

describe('Range on a cold cache', () => {
  it('is answered with the part, and the whole is stored', async () => {
    const { get, runs } = await origin([whole])
    const part = await get({ Range: 'bytes=2-4' })
    expect([part.status, part.headers['content-range'], part.body.toString()]).toEqual([206, 'bytes 2-4/10', '234'])
    const hit = await get()
    expect([isHit(hit), hit.status, hit.body.toString()]).toEqual([true, 200, text])
    expect(runs).toEqual([{}])
  })

  it('passes on what a handler sends as 206 by itself, and stores nothing of it', async () => {
    const partial = { 'Cache-Control': 'max-age=60', 'Content-Range': 'bytes 4-9/10' }
    const { get } = await origin([{ status: 206, fields: partial, body: '456789' }, whole])
    const part = await get({ Range: 'bytes=-6' })
    expect([part.status, part.body.toString()]).toEqual([206, '456789'])
    expect((await get()).body.toString()).toBe(text)
  })
})
