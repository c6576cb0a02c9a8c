import type { RequestHandler } from 'express'
import { testCache, type Cache } from '../support/cache.js'
import { ask } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { arrivals, gate } from '../support/gate.js'
import { serve } from '../support/server.js'

const patient = { lockTimeout: 60_000 }

describe.each(expresses)('on %s', (_version, express) => {
  async function cached(cache: Cache, handler: RequestHandler) {
    const inside = arrivals()
    const app = express()
    app.get('/movies/:movieId', inside.middleware, cache.cacheApi(patient), handler)
    return { app: await serve(app), inside }
  }

  const purges: [string, (cache: Cache) => Promise<unknown>][] = [
    ['everything', cache => cache.purge({ all: true })],
    ['its profile', cache => cache.purge({ profile: 'api' })],
    ['its movie', cache => cache.purge({ movie: '603' })],
  ]
  test.each(purges)('a purge of %s wins over a fill that is under way', async (_name, purge) => {
    const cache = testCache()
    const [oldRelease, newRelease] = [gate(), gate()]
    const handler = counted(async (_req, res, run) => {
      await (run === 1 ? oldRelease : newRelease).opened
      res.send(run === 1 ? 'old' : 'new')
    })
    const { app, inside } = await cached(cache, handler)
    const early = ask(app, '/movies/603')
    await inside.reached(1)
    await purge(cache)
    const late = ask(app, '/movies/603')
    await inside.reached(2)
    oldRelease.open()
    expect((await early).body.toString()).toBe('old')
    newRelease.open()
    expect((await late).body.toString()).toBe('new')
    const after = await ask(app, '/movies/603')
    expect(after.body.toString()).toBe('new')
    expect(handler.calls).toBe(2)
  })

  test('a purge of the key alone wins over a fill that is under way', async () => {
    const cache = testCache()
    const release = gate()
    const handler = counted(async (_req, res, run) => {
      if (run === 1) await release.opened
      res.send(run === 1 ? 'old' : 'new')
    })
    const inside = arrivals()
    const cacheApi = cache.cacheApi(patient)
    let key: string | undefined
    const keep: RequestHandler = (req, _res, next) => {
      key = cacheApi.key(req)
      next()
    }
    const served = await serve(express().get('/movies/:movieId', inside.middleware, keep, cacheApi, handler))
    const early = ask(served, '/movies/603')
    await inside.reached(1)
    await cache.purge({ key: key! })
    release.open()
    await early
    expect((await ask(served, '/movies/603')).body.toString()).toBe('new')
  })

  test('a purge of another movie leaves a fill that is under way alone', async () => {
    const cache = testCache()
    const release = gate()
    const handler = counted(async (_req, res) => {
      await release.opened
      res.send('kept')
    })
    const { app, inside } = await cached(cache, handler)
    const early = ask(app, '/movies/603')
    await inside.reached(1)
    await cache.purge({ movie: '604' })
    release.open()
    await early
    expect((await ask(app, '/movies/603')).headers['x-cache']).toBe('HIT')
    expect(handler.calls).toBe(1)
  })
})
