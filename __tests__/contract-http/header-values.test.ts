/** Middleware in front may write what no client can send: express-openapi-validator makes numbers and booleans of what a schema calls so. */
import type { Request, RequestHandler } from 'express'
import { cacheStatus, testCache, type RouteOptions } from '../support/cache.js'
import { ask } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { serve } from '../support/server.js'

const coercing = (name: string): RequestHandler =>
  function coerce(req, _res, next) {
    const { headers } = req as unknown as { headers: Record<string, unknown> }
    if (typeof headers[name] === 'string') headers[name] = JSON.parse(headers[name])
    next()
  }

const values = [
  ['numbers', '5', '6'],
  ['booleans', 'true', 'false'],
  ['zero and one', '0', '1'],
] as const

beforeEach(() => void jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined))
afterEach(() => jest.restoreAllMocks())

describe.each(expresses)('header values that middleware in front has made, on %s', (_version, express) => {
  async function served(name: string, options: RouteOptions, vary?: string) {
    const handler = counted((req: Request, res) => {
      if (vary !== undefined) res.vary(vary)
      res.json({ is: String(req.headers[name]) })
    })
    const app = await serve(express().get('/', coercing(name), testCache().cacheApi(options), handler))
    return { handler, ask: (value: string) => ask(app, '/', { headers: { [name]: value } }) }
  }

  describe.each(values)('%s', (_what, one, other) => {
    const ways: [string, RouteOptions, string | undefined][] = [
      ['vary', { vary: ['x-page'] }, undefined],
      ['Vary of the answer', {}, 'X-Page'],
      ['key', { key: req => req.headers['x-page'] }, undefined],
    ]
    it.each(ways)('tell requests apart by %s', async (_how, options, vary) => {
      const { ask, handler } = await served('x-page', options, vary)
      const texts = []
      for (const value of [one, other, one, other]) texts.push((await ask(value)).body.toString())
      expect(texts).toEqual([one, other, one, other].map(is => JSON.stringify({ is })))
      expect(handler.calls).toBe(2)
    })

    it('refuse the answer that was read out of them', async () => {
      const { ask } = await served('x-page', {})
      expect(cacheStatus(await ask(one))).toMatchObject({ detail: 'unkeyed-header', header: 'x-page' })
    })
  })

  const readByTheCache = [
    ...['cookie', 'authorization', 'cache-control', 'pragma', 'if-none-match', 'if-modified-since'],
    ...['if-unmodified-since', 'if-range', 'range', 'origin', 'host', 'accept', 'accept-encoding'],
    ...['content-type', 'user-agent', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-for', 'referer'],
  ]
  it.each(readByTheCache)('are texts in the field %s', async name => {
    const handler = counted((_req, res) => void res.end('popcorn'))
    for (const vary of [[], [name]]) {
      const app = await serve(express().get('/', coercing(name), testCache().cacheApi({ vary }), handler))
      for (const value of ['1', '1', 'true', '0']) {
        expect((await ask(app, '/', { headers: { [name]: value } })).status).toBe(200)
      }
    }
  })

  it('fail a precondition that only a text could meet', async () => {
    const handler = counted((_req, res) => void res.end('popcorn'))
    const app = await serve(express().get('/', coercing('if-match'), testCache().cacheApi(), handler))
    await ask(app, '/')
    expect((await ask(app, '/', { headers: { 'If-Match': '1' } })).status).toBe(412)
  })
})
