import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import compression from 'compression'
import type { RequestHandler, Response } from 'express'
import type { RouteOptions } from '../support/cache.js'
import { ask } from '../support/client.js'
import { counted, errorPage, expresses } from '../support/express.js'
import { gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { outcome, staleApp, TOO_LATE } from '../support/stale.js'

/** Within 10 KB, which is the most that these routes keep. */
const BODY = 'an actor '.repeat(1_000)
const LONG = BODY.repeat(20)

type Send = (res: Response, body: string) => unknown

const chunksOf = (body: string): Buffer[] => {
  const bytes = Buffer.from(body)
  return Array.from({ length: 9 }, (_, at) =>
    bytes.subarray(Math.floor((at * bytes.length) / 9), Math.floor(((at + 1) * bytes.length) / 9)),
  )
}

const writeAll: Send = (res, body) => {
  for (const chunk of chunksOf(body)) res.write(chunk)
}

const ways: [string, Send][] = [
  ['pipe', (res, body) => Readable.from(chunksOf(body)).pipe(res)],
  ['one write and end', (res, body) => (res.write(body), res.end())],
  ['several writes and end', (res, body) => (writeAll(res, body), res.end())],
  ['several writes and end with data', (res, body) => (writeAll(res, body), res.end('!'))],
  ['end with data', (res, body) => res.end(body)],
  ['writeHead and writes', (res, body) => (res.writeHead(res.statusCode), writeAll(res, body), res.end())],
  ['flushHeaders and writes', (res, body) => (res.flushHeaders(), writeAll(res, body), res.end())],
  [
    'writes over several turns',
    async (res, body) => {
      for (const chunk of chunksOf(body)) {
        await turn()
        res.write(chunk)
      }
      res.end()
    },
  ],
]

const ends: [string, RouteOptions, RequestHandler[]][] = [
  ['as it is', {}, []],
  ['behind compression()', {}, [compression({ threshold: 0 })]],
  ['refreshed in the background', { staleWhileRevalidate: 60_000 }, []],
  ['later than handlerTimeout', { staleIfError: 60_000, handlerTimeout: 5 }, []],
]

const table = ways.flatMap(([way, send]) =>
  ends.map(([end, options, front]) => [way, end, send, options, front] as const),
)

describe.each(expresses)('a handler that answers 304 and lets its stream run on, on %s:', (_version, express) => {
  /** Its second run is asked to confirm the first, and sends `rest` after its 304. */
  const setup = async (send: Send, options: RouteOptions, front: RequestHandler[], rest: string) => {
    const release = gate()
    const errors: unknown[] = []
    const handler = counted(async (req, res, run) => {
      if (run === 2 && options.handlerTimeout !== undefined) await release.opened
      res.set('ETag', '"v1"').type('text')
      const isConfirmed = req.fresh
      res.status(isConfirmed ? 304 : 200)
      return void send(res, isConfirmed ? rest : BODY)
    })
    const made = await staleApp(
      express,
      handler,
      { maxEntryBytes: 10_000, ...options },
      {
        front,
        errors: [(error, req, res, next) => (errors.push(error), errorPage(error, req, res, next))],
      },
    )
    return { ...made, handler, errors, release }
  }

  describe.each([
    ['short', BODY],
    ['longer than the cache keeps', LONG],
  ])('%s', (_length, rest) => {
    test.each(table)('%s, %s: the client gets what is stored, and it is confirmed', async (...row) => {
      const [, , send, options, front] = row
      const { get, clock, over, handler, errors, release } = await setup(send, options, front, rest)
      const first = await get()
      await over()
      expect(outcome(await get())).toEqual([200, 'HIT', first.body.toString()])
      clock.advance(TOO_LATE)
      const second = await get()
      expect([second.status, second.body.toString()]).toEqual([200, first.body.toString()])
      release.open()
      await over()
      expect(outcome(await get())).toEqual([200, 'HIT', first.body.toString()])
      expect(handler.calls).toBe(2)
      expect(errors).toEqual([])
      const isLate = options.staleIfError !== undefined || options.staleWhileRevalidate !== undefined
      expect(second.headers['cache-status']).toContain(isLate ? 'stale-' : 'fwd=stale; fwd-status=304; stored')
    })
  })

  test.each(ways)(
    'without the cache, and with it for a client with the validator, it is a clean 304: %s',
    async (_way, send) => {
      const bare = express()
      bare.get('/', (_req, res) => void send(res.set('ETag', '"v1"').status(304), BODY))
      const { get, clock } = await setup(send, {}, [], LONG)
      await get()
      clock.advance(TOO_LATE)
      const answers = [await ask(await serve(bare), '/'), await get({ 'if-none-match': '"v1"' })]
      for (const { status, body, headers } of answers)
        expect([status, body.length, headers['etag']]).toEqual([304, 0, '"v1"'])
    },
  )
})
