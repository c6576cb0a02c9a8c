import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express5, { type RequestHandler } from 'express'
import mung from 'express-mung'
import { testCache } from '../support/cache.js'
import { ask, open, postJson, type Answer, type Question } from '../support/client.js'
import { fakeClock } from '../support/clock.js'
import { counted, expresses } from '../support/express.js'
import { gate } from '../support/gate.js'
import { fakeMachineTime } from '../support/machine-time.js'
import { serve } from '../support/server.js'
import { staleApp, TOO_LATE, TTL } from '../support/stale.js'
import { listen } from '../support/streams.js'

const MADE = Date.UTC(2026, 4, 17, 20, 15)
const dateOf = (instant: number): string => new Date(instant).toUTCString()
const times = ({ headers }: Pick<Answer, 'headers'>): unknown => [headers.date, headers.age]

describe.each(expresses)('the Date of a hit on %s', (_version, express) => {
  it.each<[form: string, question: Question, status: number]>([
    ['whole', {}, 200],
    ['304', { headers: { 'If-None-Match': '*' } }, 304],
    ['206', { headers: { Range: 'bytes=0-1' } }, 206],
    ['416', { headers: { Range: 'bytes=99-' } }, 416],
    ['412', { headers: { 'If-Match': '"other"' } }, 412],
    ['HEAD', { method: 'HEAD' }, 200],
  ])('is that of the answer, as its Age says: %s', async (_form, question, status) => {
    const clock = fakeClock(MADE)
    const app = await serve(express().get('/movie', testCache({ clock }).cacheApi(), (_req, res) => void res.json({})))
    const miss = await ask(app, '/movie')
    expect(times(miss)).toEqual([dateOf(MADE), undefined])
    clock.advance(70_000)
    const hit = await ask(app, '/movie', question)
    expect([hit.status, ...[times(hit)]]).toEqual([status, [dateOf(MADE), '70']])
  })

  it('is that of a POST, and of what the audio router plays', async () => {
    const clock = fakeClock(MADE)
    const cache = testCache({ clock })
    const app = express().use(express5.json())
    app.post('/speak', cache.cacheTts(), (_req, res) => void res.type('mp3').send(Buffer.from('ID3xxxxxxxxxxxxxxx')))
    app.use('/audio', cache.audioRouter())
    const served = await serve(app)
    const url = (await postJson(served, '/speak', { text: 'x' })).headers['content-location']!
    clock.advance(5_000)
    const answers = [await postJson(served, '/speak', { text: 'x' }), await ask(served, url)]
    expect(answers.map(times)).toEqual([1, 2].map(() => [dateOf(MADE), '5']))
  })

  it('is that of an answer that comes from a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'reelcache-'))
    const clock = fakeClock(MADE)
    const dates: unknown[] = []
    for (const run of [1, 2]) {
      const cache = testCache({ clock, tts: { cacheDir: folder } })
      const handler: RequestHandler = (_req, res) => void res.type('mp3').send(Buffer.from('ID3xxxxxxxxxxxxxxx'))
      const app = await serve(express().get('/speech', cache.cacheTts(), handler))
      const answer = await ask(app, '/speech')
      dates.push([answer.headers['x-cache'], answer.headers.date])
      await cache.close()
      if (run === 1) clock.advance(9_000)
    }
    await rm(folder, { recursive: true })
    expect(dates).toEqual([
      ['MISS', dateOf(MADE)],
      ['HIT', dateOf(MADE)],
    ])
  })

  it('is that of an answer as it is being made, for whoever joins', async () => {
    const clock = fakeClock(MADE)
    const rest = gate()
    const app = express().get('/ask', testCache({ clock }).cacheAi(), async (_req, res) => {
      res.type('text/plain').write('one ')
      await rest.opened
      res.end('two')
    })
    const served = await serve(app)
    const first = await listen(open(served, '/ask'))
    await first.heard(1)
    clock.advance(8_000)
    const joined = await listen(open(served, '/ask'))
    rest.open()
    const answers = [await first.over, await joined.over]
    clock.advance(8_000)
    const hit = await ask(served, '/ask')
    expect([...answers, hit].map(times)).toEqual([
      [dateOf(MADE), undefined],
      [dateOf(MADE), '8'],
      [dateOf(MADE), '16'],
    ])
  })

  it('is that of a stale answer, and after its handler has confirmed it that of the 304', async () => {
    const handler = counted((_req, res) => void res.set('ETag', '"v1"').json({}))
    const stale = await staleApp(express, handler, { staleWhileRevalidate: 60_000 })
    const made = stale.clock.now()
    await stale.get()
    stale.clock.advance(TOO_LATE)
    const served = await stale.get()
    await stale.over()
    stale.clock.advance(1_000)
    const renewed = await stale.get()
    expect([times(served), times(renewed)]).toEqual([
      [dateOf(made), '12'],
      [dateOf(made + TOO_LATE), '1'],
    ])
  })

  it("is the handler's own where it has set one, and there is none where it wants none", async () => {
    const own = dateOf(MADE - 3_000)
    for (const [set, expected] of [
      [res => res.set('Date', own), own],
      [res => res.removeHeader('Date'), undefined],
      [res => (res.sendDate = false), undefined],
    ] as [(res: Parameters<RequestHandler>[1]) => unknown, string | undefined][]) {
      const clock = fakeClock(MADE)
      const app = express().get('/movie', testCache({ clock }).cacheApi(), (_req, res) => (set(res), void res.json({})))
      const served = await serve(app)
      const miss = await ask(served, '/movie')
      clock.advance(5_000)
      const hit = await ask(served, '/movie')
      expect([hit.headers['x-cache'], miss.headers.date, hit.headers.date]).toEqual(['HIT', expected, expected])
    }
  })

  it('is when it left the handler, where the handler says that it is older', async () => {
    const clock = fakeClock(MADE)
    const handler: RequestHandler = (_req, res) => void res.set('Age', '100').json({})
    const app = await serve(express().get('/movie', testCache({ clock }).cacheApi(), handler))
    await ask(app, '/movie')
    clock.advance(5_000)
    expect(times(await ask(app, '/movie'))).toEqual([dateOf(MADE), '105'])
  })

  it('is none where middleware in front wants none', async () => {
    const app = express().use((_req, res, next) => ((res.sendDate = false), next()))
    app.get('/movie', testCache().cacheApi(), (_req, res) => void res.json({}))
    const served = await serve(app)
    expect([await ask(served, '/movie'), await ask(served, '/movie')].map(it => it.headers.date)).toEqual([
      undefined,
      undefined,
    ])
  })

  it('is there for a stale answer that covers a failure whose page had a Date of its own', async () => {
    const handler = counted((_req, res, run) => {
      if (run > 1) res.set('Date', dateOf(0)).status(503)
      res.json({})
    })
    const stale = await staleApp(express, handler, { staleIfError: 60_000, ttl: TTL })
    const made = stale.clock.now()
    await stale.get()
    stale.clock.advance(TOO_LATE)
    expect(times(await stale.get())).toEqual([dateOf(made), '12'])
  })
})

describe.each(expresses)('the Date of a hit on %s after the clock was set back', (_version, express) => {
  const time = fakeMachineTime()

  it('speaks of the wall clock, as its Age does', async () => {
    const app = await serve(express().get('/:id', testCache().cacheApi(), (_req, res) => void res.json({})))
    await ask(app, '/1')
    time.jump(-3_600_000)
    await ask(app, '/2')
    time.pass(5_000)
    for (const path of ['/1', '/2']) expect(times(await ask(app, path))).toEqual([dateOf(Date.now() - 5_000), '5'])
  })
})

describe.each(expresses)('Cache-Status on %s', (_version, express) => {
  const said = ({ headers }: Answer): string[] =>
    String(headers['cache-status'])
      .replace(/; (ttl|key)=[^;,]*/g, '')
      .split(', ')

  it.each<[what: string, handler: RequestHandler, theirs: string[]]>([
    ['one line', (_req, res) => void res.set('Cache-Status', 'Origin; hit').json({}), ['Origin; hit']],
    ['a list', (_req, res) => void res.set('Cache-Status', 'A; hit, B; fwd=miss').json({}), ['A; hit', 'B; fwd=miss']],
    [
      'two lines',
      (_req, res) => void res.append('Cache-Status', 'A; hit').append('Cache-Status', 'B; hit').json({}),
      ['A; hit', 'B; hit'],
    ],
    [
      'by writeHead',
      (_req, res) => void res.writeHead(200, { 'Cache-Status': 'Origin; hit' }).end('{}'),
      ['Origin; hit'],
    ],
    [
      'of a stream',
      (_req, res) => (res.set('Cache-Status', 'Origin; hit').write('a'), void res.end('b')),
      ['Origin; hit'],
    ],
  ])('keeps what the handler says of caches behind this one, and adds its own: %s', async (_what, handler, theirs) => {
    const app = await serve(express().get('/movie', testCache().cacheApi(), handler))
    const [miss, hit] = [await ask(app, '/movie'), await ask(app, '/movie')]
    const part = await ask(app, '/movie', { headers: { Range: 'bytes=0-0' } })
    const unchanged = await ask(app, '/movie', { headers: { 'If-None-Match': '*' } })
    const head = await ask(app, '/movie', { method: 'HEAD' })
    const isStream = miss.headers['content-length'] === undefined
    expect(said(miss)).toEqual([...theirs, `reelcache; fwd=miss${isStream ? '' : '; stored'}`])
    for (const answer of [hit, part, unchanged, head]) expect(said(answer)).toEqual([...theirs, 'reelcache; hit'])
  })

  it('keeps what caches in front have said of each request', async () => {
    let run = 0
    const app = express().use((_req, res, next) => (res.set('Cache-Status', `Edge; fwd=miss; key=${++run}`), next()))
    app.get('/movie', testCache().cacheApi(), (_req, res) => void res.append('Cache-Status', 'Origin; hit').json({}))
    const served = await serve(app)
    const heads = [await ask(served, '/movie'), await ask(served, '/movie')].map(it =>
      String(it.headers['cache-status']),
    )
    expect(heads.map(head => head.replace(/; ttl.*|; key=".*/, ''))).toEqual([
      'Edge; fwd=miss; key=1, Origin; hit, reelcache; fwd=miss; stored',
      'Edge; fwd=miss; key=2, Origin; hit, reelcache; hit',
    ])
  })

  it('is left to middleware in front that writes its own', async () => {
    const app = express().use(
      mung.headers(
        (_req, res) => void res.setHeader('Cache-Status', `${String(res.getHeader('Cache-Status'))}, Edge; hit`),
      ),
    )
    app.get('/movie', testCache().cacheApi(), (_req, res) => void res.set('Cache-Status', 'Origin; hit').json({}))
    const served = await serve(app)
    await ask(served, '/movie')
    expect(said(await ask(served, '/movie'))).toEqual(['Origin; hit', 'reelcache; hit', 'Edge; hit'])
  })
})
