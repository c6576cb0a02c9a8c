import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RequestHandler } from 'express'
import { cacheStatus, testCache, type RouteOptions } from '../support/cache.js'
import { ask, postJson, type Answer } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { fakeMachineTime } from '../support/machine-time.js'
import { serve } from '../support/server.js'

const HOUR = 3_600_000

const seen = (answer: Answer): unknown[] => [
  answer.headers['x-cache'],
  answer.headers['age'],
  cacheStatus(answer)['ttl'],
]

const dirs: string[] = []
afterAll(() => dirs.forEach(dir => rmSync(dir, { recursive: true, force: true })))
const newDir = (): string => {
  dirs.push(mkdtempSync(join(tmpdir(), 'reelcache-clock-')))
  return dirs.at(-1)!
}

describe.each(expresses)('a clock that is set while the app runs, on %s,', (_, express) => {
  const time = fakeMachineTime()

  const headers: Readonly<Record<string, RequestHandler>> = {
    'a ttl of the route': (_req, _res, next) => next(),
    'max-age': (_req, res, next) => next(void res.set('Cache-Control', 'max-age=60')),
    's-maxage': (_req, res, next) => next(void res.set('Cache-Control', 's-maxage=60')),
    Expires: (_req, res, next) => next(void res.set('Expires', new Date(Date.now() + 60_000).toUTCString())),
    'Expires and Date': (_req, res, next) =>
      next(
        void res.set({
          Date: new Date(Date.now()).toUTCString(),
          Expires: new Date(Date.now() + 60_000).toUTCString(),
        }),
      ),
  }

  it.each(Object.keys(headers))('does not prolong what %s keeps for a minute', async name => {
    for (const jump of [0, -HOUR, -365 * 24 * HOUR]) {
      const cache = testCache()
      const app = express()
      app.get('/603', cache.cacheApi({ ttl: 60_000 }), headers[name]!, (_req, res) => void res.json({}))
      const served = await serve(app)
      await ask(served, '/603')
      time.jump(jump)
      time.pass(20_000)
      expect(seen(await ask(served, '/603'))).toEqual(['HIT', '20', '40'])
      time.pass(41_000)
      expect((await ask(served, '/603')).headers['x-cache']).toBe('MISS')
      // What is made after the jump is good for as long as ever.
      time.pass(20_000)
      expect(seen(await ask(served, '/603'))).toEqual(['HIT', '20', '40'])
    }
  })

  it('ends what is held where it goes forward', async () => {
    const cache = testCache()
    const app = express()
    app.get('/603', cache.cacheApi({ ttl: 60_000 }), (_req, res) => void res.json({}))
    const served = await serve(app)
    await ask(served, '/603')
    time.jump(HOUR)
    expect((await ask(served, '/603')).headers['x-cache']).toBe('MISS')
  })

  it.each(['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const)(
    'ends the stale window of %s in time',
    async factory => {
      const cache = testCache()
      const route: RouteOptions = { ttl: 60_000, staleWhileRevalidate: 60_000, staleIfError: 60_000 }
      let status = 200
      const app = express()
      app.get('/603', cache[factory](route), (_req, res) => void res.status(status).type('audio/mpeg').send('ID3'))
      const served = await serve(app)
      await ask(served, '/603')
      status = 503
      time.jump(-HOUR)
      time.pass(90_000)
      expect((await ask(served, '/603')).headers['x-cache']).toBe('STALE')
      time.pass(31_000)
      expect((await ask(served, '/603')).status).toBe(503)
    },
  )

  it('does not put off the next try of a refresh that failed', async () => {
    const cache = testCache()
    const handler = counted((_req, res, run) => void res.status(run === 1 ? 200 : 503).json({}))
    const app = express()
    app.get('/603', cache.cacheEnhanced(), handler)
    const served = await serve(app)
    await ask(served, '/603')
    time.pass(600_000)
    const refreshed = async (): Promise<void> => {
      const failed: string[] = []
      cache.on('event', ({ type }) => {
        if (type === 'refresh-failed') failed.push(type)
      })
      await ask(served, '/603')
      for (let turns = 0; turns < 10_000 && failed.length === 0; turns++) await new Promise(setImmediate)
    }
    await refreshed()
    time.jump(-HOUR)
    time.pass(2_000)
    await refreshed()
    expect(handler.calls).toBe(3)
  })

  const speech = async (cacheDir: string, options: { fileTtl?: number; explicit?: boolean }) => {
    const { fileTtl, explicit } = options
    const cache = testCache({ tts: { cacheDir, ttl: 60_000, ...(fileTtl !== undefined && { fileTtl }) } })
    const handler = counted((_req, res) => {
      if (explicit === true) res.set('Cache-Control', 'max-age=60')
      res.type('audio/mpeg').send('ID3 speech')
    })
    const app = express()
    app.post('/tts', express.json(), cache.cacheTts(), handler)
    const served = await serve(app)
    return { cache, handler, speak: () => postJson(served, '/tts', { text: 'a' }) }
  }

  it.each([
    ['by its own max-age', { explicit: true }],
    ['by fileTtl', { fileTtl: 60_000 }],
  ])('does not prolong a file that ends %s, over a restart', async (__, options) => {
    for (const [jump, expected] of [
      [0, 'HIT'],
      [-HOUR, 'MISS'],
    ] as const) {
      const dir = newDir()
      const before = await speech(dir, options)
      await before.speak()
      await before.cache.close()
      time.jump(jump)
      time.pass(20_000)
      const after = await speech(dir, options)
      expect((await after.speak()).headers['x-cache']).toBe(expected)
      await after.cache.close()
    }
  })

  it('leaves a file that ends by nothing where it is, for no longer at a time than ever', async () => {
    const dir = newDir()
    const before = await speech(dir, {})
    await before.speak()
    await before.cache.close()
    time.jump(-HOUR)
    time.pass(20_000)
    const after = await speech(dir, {})
    expect(seen(await after.speak())).toEqual(['HIT', '0', '60'])
    expect(after.handler.calls).toBe(0)
  })

  it('is written down in files as it is now, so that a restart finds what was made after it was set', async () => {
    const dir = newDir()
    const before = await speech(dir, { explicit: true })
    time.jump(-HOUR)
    time.pass(1_000)
    await before.speak()
    await before.cache.close()
    time.pass(10_000)
    const after = await speech(dir, { explicit: true })
    expect(seen(await after.speak())).toEqual(['HIT', '10', '50'])
    time.pass(51_000)
    expect((await after.speak()).headers['x-cache']).toBe('MISS')
  })
})
