import { Readable } from 'node:stream'
import type { RequestHandler, Response } from 'express'
import request from 'supertest'
import { testCache, type RouteOptions } from '../support/cache.js'
import { expresses } from '../support/express.js'

const PLACE = '; key='
const said = (answer: request.Response): string => String(answer.headers['cache-status']).split(PLACE)[0]!

const cookieInFront: RequestHandler = (_req, res, next) => {
  const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => Response
  res.writeHead = ((...args: unknown[]) => {
    res.setHeader('Set-Cookie', 'seen=1')
    return writeHead(...args)
  }) as typeof res.writeHead
  next()
}

const stream = (res: Response, ...chunks: string[]): unknown =>
  Readable.from(chunks.map(one => Buffer.from(one))).pipe(res)

describe.each(expresses)('what is said of an answer that may still be refused, on %s:', (_version, express) => {
  const setup = (handler: RequestHandler, options: RouteOptions = {}, front: RequestHandler[] = []) => {
    const cache = testCache({})
    const app = express()
    for (const one of front) app.use(one)
    app.get('/ai', cache.cacheAi(options), handler)
    app.get('/movie', cache.cacheApi(options), handler)
    return (path: string) => request(app).get(path).buffer(true)
  }

  const refused: [string, string, string, (res: Response) => unknown, RouteOptions][] = [
    [
      'outgrows maxEntryBytes',
      'too-large',
      '/movie',
      res => stream(res, 'a'.repeat(900), 'b'.repeat(900)),
      { maxEntryBytes: 1_000 },
    ],
    [
      'outgrows maxEntryBytes by writes',
      'too-large',
      '/movie',
      res => (res.write('a'.repeat(900)), res.end('b'.repeat(900))),
      { maxEntryBytes: 1_000 },
    ],
    [
      'ends without its marker',
      'incomplete',
      '/ai',
      res => stream(res.type('text/event-stream'), 'data: {}\n\n', 'data: {}\n\n'),
      {},
    ],
    ['fails complete', 'incomplete', '/movie', res => stream(res, 'a', 'b'), { complete: () => false }],
    [
      'fails an async complete',
      'incomplete',
      '/movie',
      res => stream(res, 'a', 'b'),
      { complete: async () => Promise.resolve(false) },
    ],
    [
      'fails an async complete at once',
      'incomplete',
      '/movie',
      res => res.json({}),
      { complete: async () => Promise.resolve(false) },
    ],
  ]
  test.each(refused)('a stream that %s is never called stored, and the next miss says %s', async (...row) => {
    const [, reason, path, send, options] = row
    const get = setup((_req, res) => void send(res), options)
    expect(said(await get(path))).toBe('reelcache; fwd=miss')
    expect(said(await get(path))).toBe(`reelcache; fwd=miss; detail=last-${reason}`)
    expect(said(await get(path))).toBe(`reelcache; fwd=miss; detail=last-${reason}`)
  })

  test.each([
    ['/movie', (res: Response) => stream(res, 'a', 'b')],
    ['/ai', (res: Response) => stream(res.type('text/event-stream'), 'data: {}\n\n', 'data: [DONE]\n\n')],
  ])('beside it, a stream that is whole is a hit the next time: %s', async (path, send) => {
    const get = setup((_req, res) => void send(res))
    expect(said(await get(path))).toBe('reelcache; fwd=miss')
    expect(said(await get(path))).toMatch(/^reelcache; hit/)
  })

  test('once an answer of the key has been kept, nothing more is said of the one before', async () => {
    let run = 0
    const get = setup((_req, res) => void stream(res, 'a', ++run === 1 ? 'b'.repeat(2_000) : 'b'), {
      maxEntryBytes: 1_000,
    })
    await get('/movie')
    expect(said(await get('/movie'))).toBe('reelcache; fwd=miss; detail=last-too-large')
    expect(said(await get('/movie'))).toMatch(/^reelcache; hit/)
    expect(said(await get('/movie?other=1'))).toBe('reelcache; fwd=miss')
  })

  test('an answer that is whole when its head leaves is called stored, and is', async () => {
    const get = setup((_req, res) => void res.json({ title: 'Heat' }))
    expect(said(await get('/movie'))).toBe('reelcache; fwd=miss; stored')
    expect(said(await get('/movie'))).toMatch(/^reelcache; hit/)
  })

  test.each([
    ['json', (res: Response) => res.json({})],
    ['pipe', (res: Response) => stream(res, 'a', 'b')],
    ['send', (res: Response) => res.send('a')],
  ])('a cookie set in front while the head leaves is named at once: %s', async (_way, send) => {
    const get = setup((_req, res) => void send(res), {}, [cookieInFront])
    expect(said(await get('/movie'))).toBe('reelcache; fwd=miss; detail=set-cookie')
    expect(said(await get('/movie'))).toBe('reelcache; fwd=miss; detail=set-cookie')
  })
})
