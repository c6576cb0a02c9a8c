import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import type { RequestHandler } from 'express'
import { onlyIfCached, testCache, type Cache } from '../support/cache.js'
import { ask, open, postJson } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { proof } from '../support/proof.js'
import { serve, type Served } from '../support/server.js'

const MB = 1024 * 1024

/** Which of the paths are held, found without filling or promoting through the handler. */
async function held(app: Served, paths: readonly string[]): Promise<string[]> {
  const found = []
  for (const path of paths) {
    const { status, headers } = await ask(app, path, { headers: onlyIfCached })
    if (status === 200 && headers['x-cache'] === 'HIT') found.push(path)
    else if (status !== 504) throw new Error(`only-if-cached answered ${status} for ${path}`)
  }
  return found
}

function paths(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}/${i}`)
}

jest.setTimeout(60_000)

test('400 MB of different answers leave the process within 100 MB of where it started', async () => {
  const budget = 32 * MB
  const child = fork(join(__dirname, '../support/flood-server.mjs'), [String(budget)])
  const tell = async (): Promise<Record<'port' | 'bytes' | 'resident' | 'now', number>> => {
    const [message] = await once(child, 'message')
    return message as Record<'port' | 'bytes' | 'resident' | 'now', number>
  }
  try {
    const { port } = await tell()
    const flood = async (prefix: string, count: number): Promise<void> => {
      for (const path of paths(prefix, count)) {
        const response = await fetch(`http://127.0.0.1:${port}${path}`)
        if ((await response.arrayBuffer()).byteLength !== 200 * 1024) throw new Error(`wrong length for ${path}`)
      }
    }
    // What sockets and big answers take without a cache is where it starts.
    await flood('/plain', 500)
    child.send('before')
    const before = await tell()
    await flood('/movies', 2000)
    child.send('after')
    const after = await tell()
    expect(after.bytes).toBeGreaterThan(budget / 2)
    expect(after.bytes).toBeLessThanOrEqual(budget)
    expect(after.resident - before.now).toBeLessThan(100 * MB)
  } finally {
    child.disconnect()
  }
})

describe.each(expresses)('under load on %s', (_version, express) => {
  test('400 MB of different answers pass through a budget of 32 MB', async () => {
    const budget = 32 * MB
    const cache = testCache({ api: { maxSize: 100_000 }, memory: { maxBytes: budget } })
    const bodyOf = (id: string) => Buffer.alloc(MB, `movie ${id}, `)
    const answer: RequestHandler = (req, res) => void res.send(bodyOf(String(req.params['movieId'])))
    const served = await serve(express().get('/movies/:movieId', cache.cacheApi(), answer))
    const movies = paths('/movies', 400)

    let most = 0
    for (const [i, path] of movies.entries()) {
      // A large body is kept on its second sighting once memory is full: half of the movies are seen twice.
      for (let sighting = 0; sighting <= i % 2; sighting++) {
        const got = await ask(served, path)
        if (!got.body.equals(bodyOf(String(i)))) throw new Error(`wrong bytes for ${path}`)
        most = Math.max(most, cache.stats().bytes)
      }
    }
    expect(most).toBeLessThanOrEqual(budget)

    const kept = (await held(served, movies)).length * MB
    expect(kept).toBeLessThanOrEqual(budget)
    expect(kept).toBeGreaterThan(budget / 2)
    expect(cache.stats().bytes).toBeGreaterThanOrEqual(kept)
  })

  async function streaming(cache: Cache) {
    const parts = Array.from({ length: 64 }, (_, i) => Buffer.alloc(MB, i))
    const sha256 = parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex')
    const produced = { parts: 0 }
    const handler = counted((_req, res) => {
      const source = Readable.from(
        (function* () {
          for (const part of parts) {
            produced.parts++
            yield part
          }
        })(),
      )
      source.pipe(res.type('video/mp4'))
    })
    return { app: await serve(express().get('/film', cache.cacheApi(), handler)), sha256, produced, handler }
  }

  async function digestOf(response: IncomingMessage): Promise<string> {
    const hash = createHash('sha256')
    for await (const chunk of response) hash.update(chunk as Buffer)
    return hash.digest('hex')
  }

  test('a stream of 64 MB passes whole and is not kept', async () => {
    const cache = testCache()
    const { app, sha256, handler } = await streaming(cache)
    for (let i = 0; i < 2; i++) {
      const [response] = (await once(open(app, '/film'), 'response')) as [IncomingMessage]
      expect(response.headers['x-cache']).toBe('MISS')
      expect(await digestOf(response)).toBe(sha256)
    }
    expect(cache.stats().bytes).toBe(0)
    expect(handler.calls).toBe(2)
  })

  test('a client that does not read holds the handler back', async () => {
    const { app, sha256, produced } = await streaming(testCache())
    const [response] = (await once(open(app, '/film'), 'response')) as [IncomingMessage]
    // Nothing is read yet: sockets and pipes fill up, and the source has to stop.
    let last = -1
    while (last !== produced.parts) {
      last = produced.parts
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
    }
    expect(last).toBeLessThan(40)
    expect(await digestOf(response)).toBe(sha256)
  })

  proof('how long 64 MB hold the event loop', async () => {
    const { app, sha256 } = await streaming(testCache())
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const [response] = (await once(open(app, '/film'), 'response')) as [IncomingMessage]
    expect(await digestOf(response)).toBe(sha256)
    delay.disable()
    console.log(
      `64 MB streamed: event loop delay max ${(delay.max / 1e6).toFixed(1)} ms, mean ${(delay.mean / 1e6).toFixed(1)} ms`,
    )
  })

  describe('a flood of one profile', () => {
    const speech = (length: number) => Buffer.concat([Buffer.from('ID3'), Buffer.alloc(length, 7)])

    async function fourProfiles() {
      const many = { maxSize: 100_000 }
      const cache = testCache({
        api: many,
        enhanced: many,
        ai: many,
        tts: { maxMemorySize: 100_000, fileCache: false },
        memory: { maxBytes: 8 * MB },
      })
      const send = (length: number) => counted((_req, res) => res.send(Buffer.alloc(length, 'x')))
      const app = express()
      app.get('/api/:movieId', cache.cacheApi(), send(10_000))
      app.get('/enhanced/:movieId', cache.cacheEnhanced(), send(10_000))
      app.get('/ai/:movieId', cache.cacheAi(), send(10_000))
      app.get('/tts/:movieId', cache.cacheTts(), (_req, res) => void res.type('audio/mpeg').send(speech(10_000)))
      return serve(app)
    }

    // Below the floors of 10, 15 and 15 per cent of 8 MB, each with room for its overhead.
    const shares: Record<string, string[]> = {
      api: paths('/api', 60),
      enhanced: paths('/enhanced', 90),
      ai: paths('/ai', 90),
    }

    test.each(['tts', 'api', 'enhanced', 'ai'])('of %s leaves the others what is below their share', async flooding => {
      const app = await fourProfiles()
      const others = Object.entries(shares).filter(([profile]) => profile !== flooding)
      for (const [, share] of others) for (const path of share) await ask(app, path)
      // 20 MB through 8: small enough bodies to be admitted on their first sighting.
      const flood = paths(`/${flooding}`, 2000)
      for (const path of flood) expect((await ask(app, path)).status).toBe(200)
      for (const [, share] of others) expect(await held(app, share)).toEqual(share)
      const kept = (await held(app, flood)).length
      expect(kept * 10_000).toBeGreaterThan(2 * MB)
      expect(kept * 10_000).toBeLessThan(8 * MB)
    })

    test('of everything else leaves speech no more than its ceiling, and speech comes back afterwards', async () => {
      const app = await fourProfiles()
      const speeches = paths('/tts', 700)
      for (const path of speeches) await ask(app, path)
      for (const profile of ['api', 'enhanced', 'ai'])
        for (const path of paths(`/${profile}`, 700)) await ask(app, path)
      expect((await held(app, speeches)).length * 10_000).toBeLessThanOrEqual(4 * MB)
      await ask(app, '/tts/fresh')
      expect(await held(app, ['/tts/fresh'])).toEqual(['/tts/fresh'])
    })
  })

  test('maxSize is the number of answers held, the most recent ones', async () => {
    const cache = testCache({ api: { maxSize: 5 } })
    const served = await serve(
      express().get('/movies/:movieId', cache.cacheApi(), (req, res) => void res.json(req.params)),
    )
    const movies = paths('/movies', 20)
    for (const path of movies) await ask(served, path)
    expect(await held(served, movies)).toEqual(movies.slice(-5))
  })

  test('an answer that is asked for again outlives newer ones that are not', async () => {
    const cache = testCache({ api: { maxSize: 3 } })
    const served = await serve(
      express().get('/movies/:movieId', cache.cacheApi(), (req, res) => void res.json(req.params)),
    )
    const [first, second, third, fourth] = paths('/movies', 4) as [string, string, string, string]
    for (const path of [first, second, third, first, fourth]) await ask(served, path)
    expect(await held(served, [first, second, third, fourth])).toEqual([first, third, fourth])
  })

  test('maxMemorySize is the number of speeches held in memory', async () => {
    const cache = testCache({ tts: { maxMemorySize: 3, fileCache: false } })
    const app = express()
    const speech = Buffer.concat([Buffer.from('ID3'), Buffer.alloc(500, 1)])
    const handler = counted((_req, res) => res.type('audio/mpeg').send(speech))
    app.post('/movies/:movieId/tts', express.json(), cache.cacheTts(), handler)
    const served = await serve(app)
    for (let i = 0; i < 10; i++) await postJson(served, '/movies/603/tts', { text: `line ${i}` })
    const states = []
    for (let i = 0; i < 10; i++)
      states.push((await postJson(served, '/movies/603/tts', { text: `line ${i}` }, onlyIfCached)).status)
    expect(states).toEqual([504, 504, 504, 504, 504, 504, 504, 200, 200, 200])
    expect(handler.calls).toBe(10)
  })
})
