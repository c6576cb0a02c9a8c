/** What an unsafe request takes away: RFC 9111 section 4.4. */
import { isHit, origin } from './origin.js'

const fresh = { 'Cache-Control': 'max-age=60' }
const body = 'abc'

describe('a successful request takes away what GET stored', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'M-SEARCH', 'LINK'])('%s', async method => {
    const { get, send } = await origin([{ fields: fresh }, {}, { fields: fresh }])
    await get()
    await send('/', { method, body })
    const next = await get()
    expect([isHit(next), next.body.toString()]).toEqual([false, 'run 3'])
  })

  it.each([200, 201, 202, 204, 301, 302, 303, 307, 308])('with status %i', async status => {
    const { get, send } = await origin([{ fields: fresh }, { status, ...(status === 204 && { body: null }) }])
    await get()
    await send('/', { method: 'PUT', body })
    expect(isHit(await get())).toBe(false)
  })

  it('in every variant', async () => {
    const { get, send } = await origin([{ fields: { ...fresh, Vary: 'Foo' } }])
    await get({ Foo: '1' })
    await get({ Foo: '2' })
    await send('/', { method: 'DELETE' })
    expect(isHit(await get({ Foo: '1' }))).toBe(false)
    expect(isHit(await get({ Foo: '2' }))).toBe(false)
  })

  it('even if the request carries credentials', async () => {
    const { get, send } = await origin([{ fields: fresh }])
    await get()
    await send('/', { method: 'PUT', body, headers: { Authorization: 'Bearer a', Cookie: 'sid=1' } })
    expect(isHit(await get())).toBe(false)
  })
})

describe('what GET stored stays', () => {
  it.each([400, 401, 404, 409, 500, 503])('when an unsafe request fails with %i', async status => {
    const { get, send } = await origin([{ fields: fresh }, { status }])
    await get()
    await send('/', { method: 'PUT', body })
    expect((await get()).body.toString()).toBe('run 1')
  })

  it.each(['HEAD', 'OPTIONS', 'TRACE'])('when a safe request comes: %s', async method => {
    const { get, send } = await origin([{ fields: fresh }])
    await get()
    await send('/', { method })
    expect((await get()).body.toString()).toBe('run 1')
  })

  it('when an unsafe request is for another path', async () => {
    const { get, send } = await origin([{ fields: fresh }])
    await get({}, '/a')
    await send('/b', { method: 'DELETE' })
    expect(isHit(await get({}, '/a'))).toBe(true)
  })

  it('when an unsafe request is for another query', async () => {
    const { get, send } = await origin([{ fields: fresh }])
    await get({}, '/?page=1')
    await send('/?page=2', { method: 'DELETE' })
    expect(isHit(await get({}, '/?page=1'))).toBe(true)
  })
})

describe.each(['Location', 'Content-Location'])('%s of a successful unsafe request', field => {
  it.each([
    ['a path', '/made'],
    ['a relative path', 'made'],
    ['a path with a fragment', '/made#top'],
  ])('takes away what is stored there: %s', async (_, target) => {
    const { get, send } = await origin([{ fields: fresh }, { status: 201, fields: { [field]: target } }])
    await get({}, '/made')
    await send('/list', { method: 'POST', body })
    expect(isHit(await get({}, '/made'))).toBe(false)
  })

  it.each([
    ['another host', 'http://other.example/made'],
    ['another host without a scheme', '//other.example/made'],
    ['no URL', 'http://['],
    ['another scheme', 'data:,made'],
  ])('takes nothing away when it names %s', async (_, target) => {
    const { get, send } = await origin([{ fields: fresh }, { status: 201, fields: { [field]: target } }])
    await get({}, '/made')
    expect((await send('/list', { method: 'POST', body })).status).toBe(201)
    expect(isHit(await get({}, '/made'))).toBe(true)
  })

  it('takes nothing away when the request fails', async () => {
    const { get, send } = await origin([{ fields: fresh }, { status: 500, fields: { [field]: '/made' } }])
    await get({}, '/made')
    await send('/list', { method: 'POST', body })
    expect(isHit(await get({}, '/made'))).toBe(true)
  })
})
