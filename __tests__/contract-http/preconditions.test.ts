import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express5 from 'express'
import { cacheStatus, testCache, type Cache } from '../support/cache.js'
import { ask, postJson, type Answer } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { staleApp, TOO_LATE } from '../support/stale.js'

const MODIFIED = 'Sun, 17 May 2026 10:00:00 GMT'
const BEFORE = 'Sun, 17 May 2026 09:59:59 GMT'
const SOUND = Buffer.from(`ID3${'x'.repeat(97)}`)

const FACTORIES = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const

/** A recording with two validators, under one of the factories. */
function recording(cache: Cache, factory: (typeof FACTORIES)[number]) {
  const handler = counted((_req, res) => {
    res.set({ ETag: '"take-1"', 'Last-Modified': MODIFIED, 'Cache-Control': 'max-age=60' }).type('mp3').send(SOUND)
  })
  return { handler, route: cache[factory]() }
}

const PRECONDITIONS: [status: number, headers: Record<string, string>][] = [
  [412, { 'If-Match': '"take-0"' }],
  [412, { 'If-Match': '"take-0"', Range: 'bytes=10-' }],
  [412, { 'If-Match': '"take-0", "take-2"', Range: 'bytes=10-' }],
  [412, { 'If-Match': 'W/"take-1"' }],
  [412, { 'If-Match': '"take-0"', 'If-None-Match': '"take-1"' }],
  [412, { 'If-Unmodified-Since': BEFORE }],
  [412, { 'If-Unmodified-Since': BEFORE, Range: 'bytes=10-' }],
  [412, { 'If-Unmodified-Since': BEFORE, 'If-Modified-Since': MODIFIED }],
  [200, { 'If-Match': '"take-1"' }],
  [200, { 'If-Match': '*' }],
  [200, { 'If-Match': '"take-1"', 'If-Unmodified-Since': BEFORE }],
  [200, { 'If-Unmodified-Since': MODIFIED }],
  [206, { 'If-Match': '"take-0", "take-1"', Range: 'bytes=10-' }],
  [206, { 'If-Unmodified-Since': MODIFIED, Range: 'bytes=10-' }],
  [304, { 'If-Match': '"take-1"', 'If-None-Match': '"take-1"' }],
]

const outcomes = (answers: Answer[]): unknown => answers.map(({ status, body }) => [status, body.length])
const LENGTHS: Record<number, number> = { 200: 100, 206: 90, 304: 0, 412: 0 }

describe.each(expresses)('If-Match and If-Unmodified-Since on %s', (_version, express) => {
  it.each(FACTORIES)('are answered from what is stored, and on a miss, by %s', async factory => {
    for (const isMiss of [false, true]) {
      for (const [status, headers] of PRECONDITIONS) {
        const { handler, route } = recording(testCache(), factory)
        const app = await serve(express().get('/sound', route, handler))
        if (!isMiss) await ask(app, '/sound')
        const answer = await ask(app, '/sound', { headers })
        expect([headers, isMiss, ...[answer.status, answer.body.length]]).toEqual([
          headers,
          isMiss,
          status,
          LENGTHS[status],
        ])
        // What was not sent is kept all the same.
        expect((await ask(app, '/sound')).body).toEqual(SOUND)
        expect(handler.calls).toBe(1)
        await app.close()
      }
    }
  })

  it('say 412 to HEAD, without a body or a word on how long it may be kept', async () => {
    const { handler, route } = recording(testCache(), 'cacheTts')
    const app = await serve(express().get('/sound', route, handler))
    await ask(app, '/sound')
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, body } = await ask(app, '/sound', { method, headers: { 'If-Match': '"take-0"' } })
      const { etag, 'content-length': length, 'content-type': type, 'cache-control': control } = headers
      expect([status, etag, length, type, control, body.length]).toEqual([
        412,
        '"take-1"',
        '0',
        undefined,
        undefined,
        0,
      ])
    }
  })

  it('are answered of a recording that its POST made and the audio router plays', async () => {
    const cache = testCache()
    const app = express().use(express5.json())
    app.post('/speak', cache.cacheTts(), (_req, res) => void res.set('ETag', '"take-1"').type('mp3').send(SOUND))
    app.use('/audio', cache.audioRouter())
    const served = await serve(app)
    const url = (await postJson(served, '/speak', { text: 'x' })).headers['content-location']!
    const tags = ['"take-0"', '"take-1"']
    const answers = tags.map(tag => ask(served, url, { headers: { 'If-Match': tag, Range: 'bytes=10-' } }))
    expect(outcomes(await Promise.all(answers))).toEqual([
      [412, 0],
      [206, 90],
    ])
  })

  it('hold for whoever waits for the answer of another', async () => {
    const [begun, rest] = [gate(), gate()]
    const handler = counted(async (_req, res) => {
      begun.open()
      await rest.opened
      res.set('ETag', '"take-1"').json({ a: 1 })
    })
    const app = await serve(express().get('/movie', testCache().cacheApi(), handler))
    const leader = ask(app, '/movie')
    await begun.opened
    const others = ['"take-0"', '"take-1"'].map(tag => ask(app, '/movie', { headers: { 'If-Match': tag } }))
    rest.open()
    expect((await Promise.all([leader, ...others])).map(({ status }) => status)).toEqual([200, 412, 200])
    expect(handler.calls).toBe(1)
  })

  it('hold for a stale answer', async () => {
    const handler = counted((_req, res) => void res.set('ETag', '"take-1"').json({ a: 1 }))
    const { get, clock } = await staleApp(express, handler, { staleWhileRevalidate: 60_000 })
    await get()
    clock.advance(TOO_LATE)
    expect([(await get({ 'If-Match': '"take-0"' })).status, (await get({ 'If-Match': '"take-1"' })).status]).toEqual([
      412, 200,
    ])
  })

  it('do not matter to what is no success (RFC 9110 section 13.2.1)', async () => {
    const app = express()
    app.get('/gone', testCache().cacheApi({ negativeTtl: 60_000 }), (_req, res) => void res.status(404).json({}))
    const served = await serve(app)
    const answers = [1, 2].map(() => ask(served, '/gone', { headers: { 'If-Match': '"take-0"' } }))
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([404, 404])
  })

  it('reach the handler of a POST, which alone can judge them', async () => {
    const handler = counted((req, res) => void res.status(req.get('if-match') === '"v1"' ? 200 : 412).json({}))
    const app = await serve(express().use(express5.json()).post('/movie', testCache().cacheApi(), handler))
    const statuses = []
    for (const tag of ['"v1"', '"v0"', '"v1"']) {
      const answer = await postJson(app, '/movie', { a: 1 }, { 'If-Match': tag })
      statuses.push([answer.status, cacheStatus(answer)['detail']])
    }
    expect(statuses).toEqual([
      [200, 'conditional'],
      [412, 'conditional'],
      [200, 'conditional'],
    ])
    const plain = [await postJson(app, '/movie', { a: 1 }), await postJson(app, '/movie', { a: 1 })]
    expect(plain.map(({ status }) => status)).toEqual([412, 412])
  })
})

describe.each(expresses)('a file that is sent by sendFile on %s and replaced', (_version, express) => {
  let folder: string
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'reelcache-'))))
  afterEach(() => rm(folder, { recursive: true }))

  it('is not mixed with the one before it, as without a cache', async () => {
    const file = join(folder, 'take.mp3')
    const cache = testCache()
    const app = express()
    app.get('/cached', cache.cacheTts(), (_req, res) => res.sendFile(file))
    app.get('/plain', (_req, res) => res.sendFile(file))
    const served = await serve(app)
    const write = async (letter: string, second: number): Promise<void> => {
      await writeFile(file, `ID3${letter.repeat(97)}`)
      await utimes(file, second, second)
    }
    await write('a', 1_000)
    const { etag, 'last-modified': modified } = (await ask(served, '/cached')).headers
    // As VLC does, which leaves out the mark of a weak validator.
    const conditions = [{ 'If-Match': etag!.replace('W/', '') }, { 'If-Unmodified-Since': modified! }]
    const next = (path: string): Promise<number[]> =>
      Promise.all(
        conditions.map(async it => (await ask(served, path, { headers: { ...it, Range: 'bytes=50-' } })).status),
      )
    expect([await next('/cached'), await next('/plain')]).toEqual([
      [206, 206],
      [206, 206],
    ])
    await write('b', 2_000)
    await cache.purge({ all: true })
    // The first of them is a miss.
    expect([await next('/cached'), await next('/plain')]).toEqual([
      [412, 412],
      [412, 412],
    ])
    expect(await next('/cached')).toEqual([412, 412])
  })
})
