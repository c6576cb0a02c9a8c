import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testCache, type Cache, type CacheOptions } from '../support/cache.js'
import { ask, type Answer } from '../support/client.js'
import { counted, expresses, type Express } from '../support/express.js'
import { arrivals, gate } from '../support/gate.js'
import { libraries } from '../support/redis-clients.js'
import { startRedis, withRedis, type RedisServer } from '../support/redis-server.js'
import { serve } from '../support/server.js'
import { until } from '../support/until.js'

const wave = (text: string): Buffer => Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVEfmt '), Buffer.alloc(5_000, text)])

describe.each(expresses)('speech of a movie that was learned under app.use, in files on %s,', (_, express) => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'reelcache-'))
  })
  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  async function started() {
    const cache = testCache({ tts: { cacheDir: dir, fileMinFreeBytes: 0 } })
    const app = express().use('/cache', cache.adminRouter({ authorize: () => true }))
    app.use(cache.cacheTts({ invalidate: 'movie' }))
    app.all('/movies/:movieId/speech', (req, res) => {
      if (req.method === 'GET') res.type('audio/wav').send(wave(req.originalUrl))
      else res.json({})
    })
    const served = await serve(app)
    const speak = (movie: number, text = 'a'): Promise<Answer> => ask(served, `/movies/${movie}/speech?text=${text}`)
    return { cache, served, speak }
  }

  async function restarted() {
    const before = await started()
    const made = [await before.speak(603), await before.speak(603, 'b'), await before.speak(604)]
    await before.cache.close()
    return { made, ...(await started()) }
  }

  const states = async (speak: (movie: number, text?: string) => Promise<Answer>): Promise<unknown[]> =>
    (await Promise.all([speak(603), speak(603, 'b'), speak(604)])).map(({ headers }) => headers['x-cache'])

  it('is heard again after a restart, byte for byte', async () => {
    const { made, speak } = await restarted()
    const again = await speak(603)
    expect([again.headers['x-cache'], again.body]).toEqual(['HIT', made[0]!.body])
  })

  it.each<[string, (it: Awaited<ReturnType<typeof started>>) => Promise<unknown>]>([
    ['purge', async ({ cache }) => expect(await cache.purge({ movie: 603 })).toBe(2)],
    [
      'the admin router',
      async ({ served }) => {
        const body = JSON.stringify({ movie: '603' })
        const headers = { 'Content-Type': 'application/json', 'X-Requested-With': 'reelcache' }
        const answer = await ask(served, '/cache/purge', { method: 'POST', headers, body })
        expect(JSON.parse(answer.body.toString())).toEqual({ purged: 2 })
      },
    ],
    ['a PUT', ({ served }) => ask(served, '/movies/603/speech', { method: 'PUT' })],
  ])('goes by %s after a restart, and the speech of others stays', async (__, purge) => {
    const machine = await restarted()
    await purge(machine)
    await machine.cache.verify()
    expect(await states(machine.speak)).toEqual(['MISS', 'MISS', 'HIT'])
  })

  it('goes by a purge in the same run, also from memory', async () => {
    const { cache, speak } = await started()
    await states(speak)
    expect(await states(speak)).toEqual(['HIT', 'HIT', 'HIT'])
    await cache.purge({ movie: 603 })
    expect(await states(speak)).toEqual(['MISS', 'MISS', 'HIT'])
  })

  it('is listed under its movie, with its tags, in files and in memory', async () => {
    const { served, speak } = await restarted()
    const listed = async (query: string): Promise<unknown> => {
      const { entries } = JSON.parse((await ask(served, `/cache/entries?${query}`)).body.toString()) as {
        entries: { movie: string }[]
      }
      return entries.map(({ movie }) => movie)
    }
    expect(await listed('movie=603&tier=file')).toEqual(['603', '603'])
    await speak(603)
    await speak(604)
    expect([await listed('movie=603'), await listed('movie=604')]).toEqual([['603'], ['604']])
  })
})

withRedis.each(libraries)('a movie that was learned under app.use, shared between machines, with %s,', (_, library) => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })

  async function machine(express: Express, prefix: string, options: CacheOptions = {}, paused?: Promise<unknown>) {
    const cache: Cache = testCache({
      redis: { client: library.single(server.port), prefix, timeout: 1_000 },
      ...options,
    })
    const inside = arrivals()
    const handler = counted(async (req, res, run) => {
      if (req.method === 'GET') await paused
      res.json({ url: req.originalUrl, run })
    })
    const app = express().use(inside.middleware, cache.cacheApi({ invalidate: 'movie' }))
    const served = await serve(app.all('/movies/:movieId/enhanced', handler))
    const get = (movie: number): Promise<Answer> => ask(served, `/movies/${movie}/enhanced`)
    const put = (movie: number): Promise<Answer> => ask(served, `/movies/${movie}/enhanced?x=1`, { method: 'PUT' })
    const seen = new Set<string>()
    cache.on('event', ({ type }) => seen.add(type))
    return { cache, handler, inside, get, put, seen }
  }

  const [[, express]] = expresses

  async function pair() {
    const prefix = `${randomUUID()}:`
    const [here, there] = [await machine(express, prefix), await machine(express, prefix)]
    await until('there has from the store what here has made', async () => {
      const movie = Math.floor(Math.random() * 1e9) + 1_000
      await here.get(movie)
      return (await there.get(movie)).headers['x-cache'] === 'HIT'
    })
    return { here, there, prefix }
  }

  it.each<[string, (here: Awaited<ReturnType<typeof machine>>) => Promise<unknown>]>([
    ['a purge', ({ cache }) => cache.purge({ movie: 603 })],
    ['a PUT', ({ put }) => put(603)],
  ])('goes everywhere by %s, and others stay', async (__, purge) => {
    const { here, there } = await pair()
    for (const movie of [603, 604]) {
      const made = await here.get(movie)
      const shared = await there.get(movie)
      expect([shared.headers['x-cache'], shared.body]).toEqual(['HIT', made.body])
    }
    await purge(here)
    await until('the purge has arrived there', async () => (await there.get(603)).headers['x-cache'] === 'MISS')
    expect((await there.get(604)).headers['x-cache']).toBe('HIT')
  })

  it('is not stored where another machine has purged it while it was made', async () => {
    const { here, prefix } = await pair()
    const release = gate()
    const slow = await machine(express, prefix, {}, release.opened)
    await until('purges are heard of', async () => {
      await here.cache.purge({ movie: 1 })
      return slow.seen.delete('purged')
    })
    const early = slow.get(605)
    await slow.inside.reached(1)
    slow.seen.clear()
    await here.cache.purge({ movie: 605 })
    await until('the purge has arrived', () => slow.seen.has('purged'))
    release.open()
    await early
    expect([(await here.get(605)).headers['x-cache'], (await slow.get(605)).headers['x-cache']]).toEqual([
      'MISS',
      'HIT',
    ])
    expect(slow.handler.calls).toBe(1)
  })
})
