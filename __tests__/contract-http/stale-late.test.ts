import { Agent } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { gunzipSync } from 'node:zlib'
import compression from 'compression'
import type { RequestHandler, Response } from 'express'
import { cacheStatus, type RouteOptions } from '../support/cache.js'
import { answered, ask, open, type Answer } from '../support/client.js'
import { counted, errorPage, expresses } from '../support/express.js'
import { gate } from '../support/gate.js'
import { seeded } from '../support/random.js'
import { serve, type Served } from '../support/server.js'
import { outcome, runsOf, staleApp, timedCache, TOO_LATE, TTL } from '../support/stale.js'

/** Real milliseconds: handlers here answer at once or wait for a gate. */
const late: RouteOptions = { staleIfError: 60_000, handlerTimeout: 5 }

describe.each(expresses)('a handler over handlerTimeout on %s:', (_version, express) => {
  /** Good the first time; then it waits until the gate opens. */
  const setup = async (
    goOn: RequestHandler,
    { first = 'old', options = late, front = [] as RequestHandler[], errors = [errorPage] } = {},
  ) => {
    const release = gate()
    const handler = counted(async (req, res, run, next) => {
      if (run === 1) return res.set('X-Own', 'old').send(first)
      if (run > 2) return res.send('newer')
      await release.opened
      return goOn(req, res, next)
    })
    const made = await staleApp(express, handler, options, { front, errors })
    await made.get()
    made.clock.advance(TOO_LATE)
    return { ...made, handler, release }
  }

  test('its client is answered from what is stored, and its own answer is the next hit', async () => {
    const { get, handler, release, over } = await setup((_req, res) => void res.set('X-Own', 'new').json('new'))
    const covered = await get()
    expect(outcome(covered)).toEqual([200, 'STALE', 'old'])
    expect(cacheStatus(covered)).toMatchObject({ fwd: 'stale', ttl: '-3', detail: 'stale-if-error' })
    expect(cacheStatus(covered)).not.toHaveProperty('fwd-status')
    expect(covered.headers).toMatchObject({ age: '12', 'x-own': 'old' })
    release.open()
    await over()
    const next = await get()
    expect(outcome(next)).toEqual([200, 'HIT', '"new"'])
    expect(next.headers).toMatchObject({ 'x-own': 'new', age: '0' })
    expect(handler.calls).toBe(2)
  })

  test('a handler that is in time is not disturbed', async () => {
    const { get, release } = await setup((_req, res) => void res.send('new'), {
      options: { ...late, handlerTimeout: 60_000 },
    })
    const asked = get()
    release.open()
    expect(outcome(await asked)).toEqual([200, 'MISS', 'new'])
  })

  test('whoever comes meanwhile is answered from what is stored, without another run', async () => {
    const { get, handler, release, over } = await setup((_req, res) => void res.send('new'))
    for (let i = 0; i < 3; i++) {
      const answers = await Promise.all([get(), get(), get()])
      expect(answers.map(outcome)).toEqual(Array(3).fill([200, 'STALE', 'old']))
    }
    expect(handler.calls).toBe(2)
    release.open()
    await over()
    expect(outcome(await get())).toEqual([200, 'HIT', 'new'])
  })

  const ways: [string, (res: Response) => unknown, string][] = [
    ['json', res => res.json({ new: true }), '{"new":true}'],
    ['send with a status and headers', res => res.status(200).type('text').set('X-Late', '1').send('new'), 'new'],
    ['writeHead, write and end', res => (res.writeHead(200, { 'X-Late': '1' }), res.write('ne'), res.end('w')), 'new'],
    ['pipe', res => Readable.from(['ne', 'w']).pipe(res), 'new'],
    ['pipeline', res => pipeline(Readable.from(['ne', 'w']), res), 'new'],
    [
      'a large pipeline',
      res => pipeline(Readable.from(Array<string>(40).fill('n'.repeat(50_000))), res),
      'n'.repeat(2_000_000),
    ],
    ['sendFile', res => res.sendFile(__filename, { headers: { 'Cache-Control': 'max-age=60' } }), ''],
  ]
  test.each(ways)('it goes on as if nothing had happened: %s', async (way, answer, body) => {
    const seen: unknown[] = []
    const done = gate()
    const { get, release, over } = await setup(async (req, res) => {
      for (const name of ['close', 'aborted', 'error']) req.on(name, () => seen.push(`request ${name}`))
      res.on('error', () => seen.push('error'))
      const of = (): unknown[] => [res.headersSent, res.writableEnded, res.destroyed, res.writable]
      seen.push(of())
      const over = new Promise(resolve => res.once('finish', resolve))
      await answer(res)
      await over
      seen.push([res.headersSent, res.writableEnded, res.writableFinished])
      done.open()
    })
    expect(outcome(await get())).toEqual([200, 'STALE', 'old'])
    release.open()
    await done.opened
    await over()
    const next = await get()
    expect([next.status, next.headers['x-cache']]).toEqual([200, 'HIT'])
    if (way !== 'sendFile') expect(next.body.toString()).toBe(body)
    expect(seen).toEqual([
      [false, false, false, true],
      [true, true, true],
    ])
  })

  test.each([
    ['the request', 'keeps its connection', 'keep-alive'],
    ['the request', 'closes its connection', 'close'],
    ['the response', 'keeps its connection', 'keep-alive'],
    ['the response', 'closes its connection', 'close'],
  ])('a handler that stops when %s closes goes on where its client %s', async (which, _what, connection) => {
    const release = gate()
    const aborted: unknown[] = []
    const handler = counted(async (req, res, run) => {
      if (run === 1) return res.send('old')
      const target = which === 'the request' ? req : res
      target.on('close', () => {
        if (!res.writableEnded) aborted.push(which)
      })
      await release.opened
      if (req.destroyed) aborted.push('destroyed')
      return res.send('new')
    })
    const { get, clock, over } = await staleApp(express, handler, late)
    await get()
    clock.advance(TOO_LATE)
    expect(outcome(await get({ Connection: connection }))).toEqual([200, 'STALE', 'old'])
    // The connection is over, or has served another request.
    expect(outcome(await get({ Connection: connection }))).toEqual([200, 'STALE', 'old'])
    release.open()
    await over()
    expect(aborted).toEqual([])
    expect(outcome(await get())).toEqual([200, 'HIT', 'new'])
  })

  const lateFailures: [string, RequestHandler][] = [
    ['503', (_req, res) => void res.status(503).send('down')],
    ['an error', (_req, _res, next) => next(new Error('secret'))],
    ['destroy', (_req, res) => void res.destroy()],
    ['half an answer', (_req, res) => void (res.write('half'), setImmediate(() => res.destroy()))],
    ['a cookie', (_req, res) => void res.cookie('sid', '1').send('mine')],
  ]
  /** The same app to a client that has one connection. */
  const alone = (app: Served): Served => ({ ...app, agent: new Agent({ keepAlive: true, maxSockets: 1 }) })

  test.each(lateFailures)('a late failure does nothing: %s', async (_name, goOn) => {
    const { app, get, release, over } = await setup(goOn)
    const one = alone(app)
    const first = await ask(one, '/movies/603')
    release.open()
    await over()
    const again = open(one, '/movies/603')
    const second = await answered(again)
    expect(again.reusedSocket).toBe(true)
    expect([first, second].map(outcome)).toEqual([
      [200, 'STALE', 'old'],
      [200, 'MISS', 'newer'],
    ])
    expect(second.headers).not.toHaveProperty('set-cookie')
    expect(outcome(await get())).toEqual([200, 'HIT', 'newer'])
    one.agent.destroy()
  })

  test('an error whose head is out but whose end does not come is covered, and its late end does nothing', async () => {
    const release = gate()
    const ended: unknown[] = []
    const handler = counted(async (_req, res, run) => {
      if (run !== 2) return res.send(run === 1 ? 'old' : 'new')
      res.status(503).write('the upstream is ')
      await release.opened
      try {
        res.end('down')
        ended.push('ended')
      } catch (error) {
        ended.push(error)
      }
      return undefined
    })
    const { get, clock, over } = await staleApp(express, handler, late)
    await get()
    clock.advance(TOO_LATE)
    expect(outcome(await get())).toEqual([200, 'STALE', 'old'])
    release.open()
    await over()
    expect(ended).toEqual(['ended'])
    expect(outcome(await get())).toEqual([200, 'MISS', 'new'])
  })

  test('the connection stays usable: three requests on it, and the late end between them', async () => {
    const { app, release, over, handler } = await setup((_req, res) => void res.send('new'))
    const one = alone(app)
    const answers = [await ask(one, '/movies/603'), await ask(one, '/movies/603')]
    release.open()
    await over()
    const last = open(one, '/movies/603')
    answers.push(await answered(last))
    expect(last.reusedSocket).toBe(true)
    expect(answers.map(outcome)).toEqual([
      [200, 'STALE', 'old'],
      [200, 'STALE', 'old'],
      [200, 'HIT', 'new'],
    ])
    expect(handler.calls).toBe(2)
    one.agent.destroy()
  })

  // Random bytes do not shrink: what is compressed is larger than a socket's buffer.
  const random = seeded(4)
  const noise = Array.from({ length: 400_000 }, () => random.below(2 ** 32).toString(36)).join(' ')

  test.each([['identity'], ['gzip']])(
    'a large stale answer arrives whole, %s, with compression in front',
    async coding => {
      const { get, release, over } = await setup((_req, res) => void res.send('new'), {
        first: noise,
        front: [compression()],
      })
      const covered = await get({ 'Accept-Encoding': coding })
      const body = coding === 'gzip' ? gunzipSync(covered.body) : covered.body
      expect([covered.headers['x-cache'], body.toString() === noise]).toEqual(['STALE', true])
      release.open()
      await over()
      expect(outcome(await get())).toEqual([200, 'HIT', 'new'])
    },
    5000,
  )

  test('a late answer that is large is stored whole, with compression in front', async () => {
    const { get, release, over } = await setup((_req, res) => void Readable.from([noise, noise]).pipe(res), {
      first: 'o'.repeat(50_000),
      front: [compression()],
    })
    expect((await get({ 'Accept-Encoding': 'gzip' })).headers['x-cache']).toBe('STALE')
    release.open()
    await over()
    const next = await get()
    expect([next.headers['x-cache'], next.body.toString() === noise + noise]).toEqual(['HIT', true])
  }, 5000)

  test.each([
    ['at once', 0],
    ['at a pace', 1],
  ])(
    'a stale event stream is sent whole and the late one stored whole, %s',
    async (_name, pace) => {
      const { cache, clock } = timedCache()
      const runs = runsOf(cache)
      const release = gate()
      const events = (name: string): string[] => [
        ...Array.from({ length: 20 }, (_, i) => `data: ${name} ${i}\n\n`),
        'data: [DONE]\n\n',
      ]
      const handler = counted(async (_req, res, run) => {
        if (run > 1) await release.opened
        res.type('text/event-stream')
        for (const event of events(`run ${run}`)) res.write(event)
        res.end()
      })
      const options = { ...late, ttl: TTL, pace }
      const app = await serve(express().get('/movies/:movieId', runs.middleware, cache.cacheAi(options), handler))
      const get = (): Promise<Answer> => ask(app, '/movies/603')
      await get()
      clock.advance(TOO_LATE)
      expect(outcome(await get())).toEqual([200, 'STALE', events('run 1').join('')])
      release.open()
      await runs.over()
      expect(outcome(await get())).toEqual([200, 'HIT', events('run 2').join('')])
    },
    5000,
  )

  test('a purge while it is late: its answer is not stored', async () => {
    const { get, cache, release, over } = await setup((_req, res) => void res.send('late'))
    expect(outcome(await get())).toEqual([200, 'STALE', 'old'])
    await cache.purge({ movie: '603' })
    release.open()
    await over()
    expect((await get()).headers['x-cache']).toBe('MISS')
  })

  test('middleware in front is told what the client got', async () => {
    const log: unknown[] = []
    const { get, release, over } = await setup((_req, res) => void res.status(503).send('down'), {
      front: [
        (_req, res, next) => {
          res.on('finish', () => log.push([res.statusCode, res.getHeader('X-Cache'), res.getHeader('X-Own')]))
          next()
        },
      ],
    })
    await get()
    release.open()
    await over()
    expect(log).toEqual([
      [200, 'MISS', 'old'],
      [200, 'STALE', 'old'],
    ])
  })

  test('a revalidating handler that is late may still say 304', async () => {
    const release = gate()
    const handler = counted(async (req, res, run) => {
      res.set('ETag', '"v1"')
      if (run === 1) return res.send('old')
      await release.opened
      return req.headers['if-none-match'] === '"v1"' ? res.status(304).end() : res.send('new')
    })
    const { get, clock, over } = await staleApp(express, handler, late)
    await get()
    clock.advance(TOO_LATE)
    expect(outcome(await get())).toEqual([200, 'STALE', 'old'])
    release.open()
    await over()
    const next = await get()
    expect([...outcome(next), next.headers['age']]).toEqual([200, 'HIT', 'old', '0'])
  })

  test('a range of a late answer: its client gets the part of what is stored', async () => {
    const { get, release, over } = await setup((_req, res) => void (res.write('ne'), res.end('w')), {
      first: '0123456789',
    })
    expect(outcome(await get({ Range: 'bytes=2-4' }))).toEqual([206, 'STALE', '234'])
    release.open()
    await over()
    expect(outcome(await get())).toEqual([200, 'HIT', 'new'])
  })
})
