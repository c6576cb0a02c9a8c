import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Request, RequestHandler } from 'express'
import { testCache, type RouteOptions } from '../support/cache.js'
import { ask, postJson } from '../support/client.js'
import { expresses } from '../support/express.js'
import { serve } from '../support/server.js'

const factories = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const

/** Bodies that say the same to a sorted list of their members, and not to whoever reads them in turn. */
const orders: [what: string, one: object, other: object, read: (body: Record<string, unknown>) => unknown][] = [
  [
    'columns to sort by',
    { sort: { year: 1, title: 1 } },
    { sort: { title: 1, year: 1 } },
    ({ sort }) => Object.keys(sort as object),
  ],
  [
    'lines to be spoken',
    { Trinity: 'Hello', Neo: 'Bye' },
    { Neo: 'Bye', Trinity: 'Hello' },
    body => Object.entries(body),
  ],
  ['a prompt of its text', { a: 1, b: [{ c: 1, d: 2 }] }, { a: 1, b: [{ d: 2, c: 1 }] }, body => JSON.stringify(body)],
]

describe.each(expresses)('what a handler sees of a request, on %s,', (_version, express) => {
  describe.each(factories)('behind %s,', factory => {
    it.each(orders)('is a body in its own order: %s', async (_what, one, other, read) => {
      const handler: RequestHandler = (req, res) =>
        void res.type('audio/mpeg').send(`ID3${JSON.stringify(read(req.body as never))}`)
      const app = await serve(express().use(express.json()).post('/films', testCache()[factory](), handler))
      const answers = []
      for (const body of [one, other, one, other]) answers.push(await postJson(app, '/films', body))
      const texts = answers.map(({ body }) => body.toString())
      expect(texts).toEqual([one, other, one, other].map(body => `ID3${JSON.stringify(read(body as never))}`))
      expect(answers.map(({ headers }) => headers['x-cache'])).toEqual(['MISS', 'MISS', 'HIT', 'HIT'])
    })
  })

  const lines: [what: string, see: (req: Request) => unknown][] = [
    ['rawHeaders', req => req.rawHeaders],
    ['headersDistinct', req => req.headersDistinct],
    ['headers', req => req.headers],
  ]
  const sent = ['X-Theme: dark', 'x-theme: light', 'Accept: text/html', 'ACCEPT: */*', 'Connection: close'].join('\r\n')

  it.each(lines)('is %s as the client has sent them', async (_what, see) => {
    const seenWith = async (cached: boolean, options: RouteOptions = {}): Promise<unknown> => {
      let seen: unknown
      const handler: RequestHandler = (req, res) => ((seen = JSON.parse(JSON.stringify(see(req)))), res.json({}))
      const app = await serve(express().get('/', ...(cached ? [testCache().cacheApi(options)] : []), handler))
      const socket = connect(app.port, '127.0.0.1')
      socket.write(`GET / HTTP/1.1\r\nHost: films.example\r\n${sent}\r\n\r\n`)
      await text(socket)
      return seen
    }
    const expected = await seenWith(false)
    expect(await seenWith(true)).toEqual(expected)
    expect(await seenWith(true, { ignoreHeaders: true })).toEqual(expected)
    expect(await seenWith(true, { vary: ['x-theme'] })).toEqual(expected)
  })

  it.each(lines)('is %s without what the cache answers itself', async (_what, see) => {
    let seen = ''
    const handler: RequestHandler = (req, res) => ((seen = JSON.stringify(see(req)).toLowerCase()), res.json({}))
    const app = await serve(express().get('/', testCache().cacheApi(), handler))
    await ask(app, '/', { headers: { Range: 'bytes=0-1', 'If-None-Match': '"popcorn"', 'X-Theme': 'dark' } })
    expect([seen.includes('x-theme'), seen.includes('bytes='), seen.includes('popcorn')]).toEqual([true, false, false])
  })
})
