import type { RequestHandler, Response } from 'express'
import { testCache } from '../support/cache.js'
import { ask, open } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { departures, listen, outcomeOf } from '../support/streams.js'
import { holdTimeouts } from '../support/timers.js'

const path = '/movies/603'
const start = Buffer.from('ID3, the beginning of what Neo hears. ')
const rest = Buffer.from('Wake up.')
const whole = Buffer.concat([start, rest])
const idle = { running: 0, waiting: 0 }

/** How long a handler may go on without its client, and how long without a byte once it has listened to the connection. */
const LONGEST_RUN = 300_000
const DOUBTFUL_SPAN = 1_000
const lockTimeout = 65_432

describe.each(expresses)('a handler without its client, on %s,', (_version, express) => {
  async function cached(handler: RequestHandler) {
    const [cache, left] = [testCache(), departures()]
    const reasons: string[] = []
    cache.on('event', event => event.type === 'refused' && reasons.push(event.reason))
    const app = express().use(left.middleware)
    app.get('/movies/:movieId', cache.cacheTts({ lockTimeout }), handler)
    return { app: await serve(app), cache, left, reasons }
  }
  type Setting = Awaited<ReturnType<typeof cached>>

  async function leaveUnanswered({ app, left }: Setting, began: Promise<void>): Promise<void> {
    const sent = open(app, path).on('error', () => undefined)
    await began
    sent.destroy()
    await left.reached(1)
  }

  /** Says nothing on its first run until it is told, and notes when its response closes. */
  function silent() {
    const [go, began, closed] = [gate(), gate(), gate()]
    const handler = counted(async (_req, res, run) => {
      res.on('close', () => closed.open())
      began.open()
      if (run === 1) await go.opened
      res.type('audio/mpeg').write(start)
      res.end(rest)
    })
    return { handler, go, began, closed }
  }

  test('goes on for a bounded time, and is then torn down without being stored', async () => {
    const { handler, began, closed } = silent()
    const setting = await cached(handler)
    holdTimeouts()
    await leaveUnanswered(setting, began.opened)
    jest.advanceTimersByTime(LONGEST_RUN - 1)
    expect(setting.cache.stats().flights.running).toBe(1)
    jest.advanceTimersByTime(1)
    await closed.opened
    expect([setting.reasons, setting.cache.stats().flights]).toEqual([['aborted'], idle])
    const again = await ask(setting.app, path)
    expect([again.headers['x-cache'], again.body, handler.calls]).toEqual(['MISS', whole, 2])
  })

  test('that has been torn down gives its place to one who waits', async () => {
    const { handler, began } = silent()
    const setting = await cached(handler)
    holdTimeouts()
    await leaveUnanswered(setting, began.opened)
    const waiting = ask(setting.app, path)
    while (setting.cache.stats().flights.waiting === 0) await new Promise(setImmediate)
    jest.advanceTimersByTime(LONGEST_RUN)
    const answer = await waiting
    expect([answer.status, answer.body, handler.calls]).toEqual([200, whole, 2])
    expect((await ask(setting.app, path)).headers['x-cache']).toBe('HIT')
  })

  test('that was torn down is not harmed by what it still writes', async () => {
    const { handler, go, began, closed } = silent()
    const setting = await cached(handler)
    holdTimeouts()
    await leaveUnanswered(setting, began.opened)
    jest.advanceTimersByTime(LONGEST_RUN)
    await closed.opened
    go.open()
    await new Promise(setImmediate)
    expect(setting.cache.stats()).toMatchObject({ entries: 0, flights: idle })
  })

  test('has no bound left over once it has ended', async () => {
    const { handler, go, began, closed } = silent()
    const setting = await cached(handler)
    holdTimeouts()
    await leaveUnanswered(setting, began.opened)
    go.open()
    await closed.opened
    expect(jest.getTimerCount()).toBe(0)
    const again = await ask(setting.app, path)
    expect([again.headers['x-cache'], again.body, setting.reasons]).toEqual(['HIT', whole, []])
  })

  describe('that stands still', () => {
    const spans: [string, number, (res: Response) => void][] = [
      ['and has not listened to the connection, is given the lockTimeout', lockTimeout, () => undefined],
      [
        'and has listened to the connection, is given less',
        DOUBTFUL_SPAN,
        res => res.req.socket.on('close', () => undefined),
      ],
    ]
    test.each(spans)('%s', async (_name, span, listenTo) => {
      const handler = counted((_req, res) => {
        listenTo(res)
        res.type('audio/mpeg').write(start)
      })
      const setting = await cached(handler)
      const first = await listen(open(setting.app, path))
      await first.heard(start.length)
      const other = await listen(open(setting.app, path))
      await other.heard(start.length)
      holdTimeouts()
      first.leave()
      await setting.left.reached(1)
      jest.advanceTimersByTime(span - 1)
      expect(setting.cache.stats().flights.running).toBe(1)
      jest.advanceTimersByTime(1)
      expect(outcomeOf(await other.over, whole)).toBe('broken off')
      expect([setting.reasons, setting.cache.stats().flights]).toEqual([['aborted'], idle])
    })
  })

  test('hears of the end of its response once', async () => {
    const { handler, began, closed } = silent()
    const events: string[] = []
    const noting: RequestHandler = (req, res, next) => {
      for (const name of ['finish', 'close', 'error']) res.on(name, () => events.push(name))
      handler(req, res, next)
    }
    const setting = await cached(noting)
    holdTimeouts()
    await leaveUnanswered(setting, began.opened)
    jest.advanceTimersByTime(LONGEST_RUN)
    await closed.opened
    await new Promise(setImmediate)
    expect(events).toEqual(['close'])
  })
})
