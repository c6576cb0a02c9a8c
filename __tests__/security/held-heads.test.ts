import type { Request, RequestHandler, Response } from 'express'
import { testCache } from '../support/cache.js'
import { ask, type Question } from '../support/client.js'
import { errorPage, expresses } from '../support/express.js'
import { serve } from '../support/server.js'

/** Each has its answer held back until it is whole, on a miss; without the cache it changes nothing here. */
const conditions: [string, Question['headers']][] = [
  ['asks for a part', { Range: 'bytes=0-99' }],
  ['asks for a part if it has not changed', { Range: 'bytes=0-99', 'If-Range': '"popcorn"' }],
  ['asks whether it has changed', { 'If-None-Match': '"popcorn"' }],
  ['asks whether it is newer', { 'If-Modified-Since': new Date(0).toUTCString() }],
]

/** What a handler does with its head after it has begun: all of it is too late. */
type Late = (res: Response, req: Request) => unknown
const ifUnsent =
  (work: Late): Late =>
  (res, req) =>
    res.headersSent ? undefined : work(res, req)
const tried =
  (work: Late): Late =>
  (res, req) => {
    try {
      work(res, req)
    } catch (error) {
      res.write(` ${(error as NodeJS.ErrnoException).code} `)
    }
  }
const lates: [string, Late][] = [
  ['forbids to store it, where that is not too late', ifUnsent(res => res.set('Cache-Control', 'no-store'))],
  ['sets a cookie, where that is not too late', ifUnsent((res, req) => res.cookie('me', req.get('x-user')))],
  ['tries to forbid to store it', tried(res => res.set('Cache-Control', 'private'))],
  ['tries to set a cookie', tried((res, req) => res.cookie('me', req.get('x-user')))],
  ['tries to append a field', tried(res => res.append('Vary', '*'))],
  ['tries to take a field away', tried(res => res.removeHeader('Content-Type'))],
  ['tries to write another head', tried(res => res.writeHead(500, { 'X-Second': 'yes' }))],
  ['sets another status', res => (res.statusCode = 500)],
  [
    'fails, and has an error page',
    res => (res.headersSent ? res.destroy() : res.status(500).json({ error: 'on fire' })),
  ],
  [
    'fails, and leaves the error page to Express',
    (_res, _req) => {
      throw new Error('on fire')
    },
  ],
  ['redirects, where that is not too late', ifUnsent(res => res.redirect('/login'))],
]

const begins: [string, (res: Response) => unknown][] = [
  ['with its first bytes', res => res.type('text/plain').write('it begins')],
  ['with its head alone', res => res.type('text/plain').flushHeaders()],
  ['with a head it writes itself', res => res.writeHead(200, { 'Content-Type': 'text/plain' })],
]

/** All that clients see but for what the cache adds; `undefined` where the answer was cut. */
async function seen(app: Awaited<ReturnType<typeof serve>>, headers: Question['headers']) {
  try {
    const { status, body, headers: fields } = await ask(app, '/movie', { headers: headers! })
    return [
      status,
      fields['cache-control'],
      fields['set-cookie'],
      fields['vary'],
      fields['content-type'],
      body.toString(),
    ]
  } catch {
    return undefined
  }
}

describe.each(expresses)('a stranger who asks on a condition, on %s,', (_version, express) => {
  describe.each(begins)('of a handler that begins %s', (_how, begin) => {
    const handlerOf =
      (late: Late): RequestHandler =>
      (req, res, next) => {
        begin(res)
        setImmediate(() => {
          try {
            late(res, req)
            res.end(' and ends')
          } catch (error) {
            next(error)
          }
        })
      }
    const served = (late: Late, cache: RequestHandler[]) =>
      serve(
        express()
          .get('/movie', ...cache, handlerOf(late))
          .use(errorPage),
      )

    describe.each(lates)('and then %s', (_what, late) => {
      it.each(conditions)('cannot, when it %s, make another answer of it', async (_condition, headers) => {
        const [plain, cached] = [await served(late, []), await served(late, [testCache().cacheApi()])]
        const visits = [{ 'X-User': 'neo', ...headers }, { 'X-User': 'trinity' }, { 'X-User': 'morpheus' }]
        for (const [at, visit] of visits.entries()) {
          const [expected, got] = [await seen(plain, visit), await seen(cached, visit)]
          // A part is all that the first asked for; a cut answer may be cut anywhere.
          const isPart = at === 0 && got?.[0] === 206
          expect(isPart ? [206, ...got.slice(1)] : got).toEqual(isPart ? [206, ...expected!.slice(1)] : expected)
        }
      })
    })
  })
})
