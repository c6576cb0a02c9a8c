/** A stale answer goes out while its handler, which is late, writes to nobody: neither hears or holds up the other. */
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import compression from 'compression'
import type { RequestHandler, Response } from 'express'
import { Readable } from 'node:stream'
import { testCache, type RouteOptions } from '../support/cache.js'
import { fakeClock } from '../support/clock.js'
import { open } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { counter, gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { TOO_LATE } from '../support/stale.js'
import { listen, type Heard } from '../support/streams.js'

/** Text that does not shrink to nothing. */
const text = (bytes: number): string =>
  Array.from({ length: bytes / 8 }, () => Math.random().toString(36).slice(2, 10).padEnd(8, '-')).join('')

const gzip = { 'Accept-Encoding': 'gzip' }
const BETWEEN_BYTES = 1

const senders: [how: string, send: (res: Response, body: string) => unknown][] = [
  ['piped', (res, body) => Readable.from(body.match(/.{1,16384}/gs)!.map(part => Buffer.from(part))).pipe(res)],
  [
    'written as fast as it is taken',
    async (res, body) => {
      for (const part of body.match(/.{1,16384}/gs)!) if (!res.write(part)) await once(res, 'drain')
      res.end()
    },
  ],
  ['sent whole', (res, body) => res.send(body)],
]

describe.each(expresses)('on %s', (_version, express) => {
  /** The first run answers at once, the second when the gate opens. */
  async function lateApp(
    send: (res: Response, run: number) => unknown,
    route: RouteOptions = {},
    front?: RequestHandler,
  ) {
    const [clock, late, stored] = [fakeClock(), gate(), counter()]
    const cache = testCache({ clock })
    cache.on('event', ({ type }) => {
      if (type === 'stored') stored.add()
    })
    const runs = counted(async (_req, res, run) => {
      if (run > 1) await late.opened
      await send(res.type('text'), run)
    })
    const app = express()
    if (front !== undefined) app.use(front)
    app.get('/x', cache.cacheAi({ ttl: 10_000, staleIfError: 600_000, handlerTimeout: 20, ...route }), runs)
    const served = await serve(app)
    const get = async (): Promise<Heard> => (await listen(open(served, '/x', { headers: gzip }))).over
    return { clock, late, stored, served, get }
  }

  it.each(senders.flatMap(([how, send]) => [300_000, 2_000_000].map(bytes => [how, bytes, send] as const)))(
    'what a late handler makes behind compression() is stored: %s, %d bytes',
    async (_how, bytes, send) => {
      const body = text(bytes)
      const { clock, late, stored, get } = await lateApp(res => send(res, body), {}, compression())
      await get()
      await stored.reached(1)
      clock.advance(TOO_LATE)
      const stale = await get()
      expect([stale.headers['x-cache'], stale.isWhole]).toEqual(['STALE', true])
      late.open()
      await stored.reached(2)
      const hit = await get()
      expect([hit.headers['x-cache'], hit.isWhole]).toEqual(['HIT', true])
    },
  )

  it.each([1_000_000, 6_000_000])(
    'a stale answer of %d bytes reaches a slow client behind compression(), whole, though its handler ends meanwhile',
    async bytes => {
      const body = text(bytes)
      const { clock, late, stored, served, get } = await lateApp(
        (res, run) => res.send(run === 1 ? body : 'late'),
        {},
        compression(),
      )
      const first = await get()
      await stored.reached(1)
      clock.advance(TOO_LATE)
      const [response] = (await once(open(served, '/x', { headers: gzip }), 'response')) as [NodeJS.ReadableStream]
      late.open()
      await stored.reached(2)
      let read = 0
      for await (const chunk of response) {
        read += (chunk as Buffer).length
        await pause(BETWEEN_BYTES)
      }
      expect(read).toBe(first.body.length)
    },
    20_000,
  )

  it.each([
    ['before the stale stream has been sent', true],
    ['after it', false],
  ])('a stale event stream at its pace is whole where the late handler ends %s', async (_when, isBefore) => {
    const events = (run: number) => Array.from({ length: 10 }, (_, n) => `data: ${run}.${n}\n\n`)
    const end = 'data: [DONE]\n\n'
    const { clock, late, stored, get } = await lateApp(
      async (res, run) => {
        res.type('text/event-stream')
        for (const event of events(run)) {
          res.write(event)
          await new Promise(setImmediate)
        }
        res.end(end)
      },
      { pace: 10 },
    )
    await get()
    await stored.reached(1)
    clock.advance(TOO_LATE)
    const asked = get()
    if (isBefore) setTimeout(() => late.open(), 40)
    const stale = await asked
    late.open()
    await stored.reached(2)
    expect([stale.headers['x-cache'], stale.isWhole, stale.body.toString()]).toEqual([
      'STALE',
      true,
      events(1).join('') + end,
    ])
    expect((await get()).body.toString()).toBe(events(2).join('') + end)
  })
})
