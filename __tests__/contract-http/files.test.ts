import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testCache, type Cache, type CacheOptions, type RouteOptions } from '../support/cache.js'
import { ask, postJson } from '../support/client.js'
import { counted, expresses, type Express } from '../support/express.js'
import { arrivals, gate } from '../support/gate.js'
import { serve, type Served } from '../support/server.js'

const wave = (text: string): Buffer => Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVEfmt '), Buffer.alloc(5_000, text)])

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reelcache-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** A server as it is after each start: a new cache on the same directory. */
async function started(express: Express, tts: CacheOptions['tts'] = {}, route?: RouteOptions) {
  const cache = testCache({ tts: { cacheDir: dir, fileMinFreeBytes: 0, ...tts } })
  const handler = counted((req, res) => {
    const { text } = req.body as { text: string }
    res.type('audio/wav').set('X-Voice', 'alloy').send(wave(text))
  })
  const app = express().use(express.json())
  app.post('/api/movies/:movieId/tts', cache.cacheTts(route), handler)
  app.use('/audio', cache.audioRouter())
  const server = await serve(app)
  const speak = (movie: number, text: string) => postJson(server, `/api/movies/${movie}/tts`, { text })
  return { cache, server, handler, speak }
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => entry.name)

describe.each(expresses)('speech in files on %s', (_version, express) => {
  it('is heard again after a restart, byte for byte and field for field, without the handler', async () => {
    const before = await started(express)
    const miss = await before.speak(603, 'Wake up')
    await before.cache.close()
    const { speak, handler, cache } = await started(express)
    const hit = await speak(603, 'Wake up')
    expect([miss.headers['x-cache'], hit.headers['x-cache'], handler.calls]).toEqual(['MISS', 'HIT', 0])
    expect(hit.body).toEqual(wave('Wake up'))
    for (const name of ['content-type', 'content-length', 'etag', 'x-voice', 'content-location']) {
      expect(hit.headers[name]).toBe(miss.headers[name])
    }
    expect(cache.stats().profiles.tts.entries).toBe(1)
    expect(filesBelow(dir).filter(name => name.endsWith('.wav'))).toHaveLength(1)
  })

  it('plays by GET after a restart, whole, in parts and by validator, before anybody asks for it anew', async () => {
    const before = await started(express)
    const { headers } = await before.speak(603, 'Wake up')
    await before.cache.close()
    const { server, handler } = await started(express)
    const url = headers['content-location']!
    const sound = wave('Wake up')
    const whole = await ask(server, url)
    expect([whole.status, whole.body.equals(sound)]).toEqual([200, true])
    const part = await ask(server, url, { headers: { Range: 'bytes=100-199', 'If-Range': headers['etag']! } })
    expect([part.status, part.headers['content-range']]).toEqual([206, `bytes 100-199/${sound.length}`])
    expect(part.body).toEqual(sound.subarray(100, 200))
    expect((await ask(server, url, { headers: { 'If-None-Match': headers['etag']! } })).status).toBe(304)
    expect((await ask(server, url, { headers: { Range: 'bytes=999999-' } })).status).toBe(416)
    const head = await ask(server, url, { method: 'HEAD' })
    expect([head.headers['content-length'], head.body.length]).toEqual([String(sound.length), 0])
    expect(handler.calls).toBe(0)
  })

  it('is looked up once for many, and none of them becomes a second leader', async () => {
    const before = await started(express)
    await before.speak(603, 'Wake up')
    await before.cache.close()
    const { cache, handler, speak } = await started(express)
    const known = await Promise.all(Array.from({ length: 50 }, () => speak(603, 'Wake up')))
    expect(new Set(known.map(({ headers }) => headers['x-cache']))).toEqual(new Set(['HIT']))
    const unknown = await Promise.all(Array.from({ length: 50 }, () => speak(603, 'Follow me')))
    expect(unknown.every(({ body }) => body.equals(wave('Follow me')))).toBe(true)
    expect(handler.calls).toBe(1)
    expect(cache.stats().flights).toEqual({ running: 0, waiting: 0 })
  })

  it('goes with its movie, also that of earlier runs, and leaves the others', async () => {
    const before = await started(express)
    for (const movie of [603, 604]) await before.speak(movie, 'Wake up')
    await before.cache.close()
    const { cache, speak, handler } = await started(express)
    expect(await cache.purge({ movie: 603 })).toBe(1)
    const answers = [await speak(603, 'Wake up'), await speak(604, 'Wake up')]
    expect(answers.map(({ headers }) => headers['x-cache'])).toEqual(['MISS', 'HIT'])
    expect(handler.calls).toBe(1)
  })

  it('that is damaged is made anew, counted, and an alert', async () => {
    const before = await started(express)
    await before.speak(603, 'Wake up')
    await before.cache.close()
    const [file] = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.wav'))
    writeFileSync(join(dir, file!), wave('Something else'))
    const { cache, speak, handler } = await started(express)
    expect((await speak(603, 'Wake up')).body).toEqual(wave('Wake up'))
    expect(handler.calls).toBe(1)
    expect(cache.stats()).toMatchObject({ files: { damaged: 1 }, alerts: [{ code: 'files-damaged' }] })
  })

  it('is made anew when it is older than fileTtl', async () => {
    const made = await started(express)
    await made.speak(603, 'Wake up')
    await made.cache.close()
    const { speak } = await started(express, { fileTtl: 0 })
    expect((await speak(603, 'Wake up')).headers['x-cache']).toBe('MISS')
  })

  it('that cannot be written costs nobody an answer, and is said in stats', async () => {
    const { cache, speak } = await started(express, { cacheDir: '/proc/reelcache' })
    const failed = new Promise(resolve =>
      cache.on('event', event => {
        if (event.type === 'tier-error') resolve(event.tier)
      }),
    )
    for (const state of ['MISS', 'HIT']) {
      const answer = await speak(603, 'Wake up')
      expect([answer.status, answer.headers['x-cache']]).toEqual([200, state])
    }
    expect(await failed).toBe('file')
    expect(cache.stats().alerts).toMatchObject([{ code: 'files-failing' }])
  })

  it('whose directory is deleted at run time is written again', async () => {
    const { cache, speak } = await started(express)
    await speak(603, 'Wake up')
    rmSync(dir, { recursive: true })
    await speak(603, 'Follow me')
    await cache.close()
    const after = await started(express)
    expect((await after.speak(603, 'Follow me')).headers['x-cache']).toBe('HIT')
  })

  it('that a purge overtakes while it is made is neither in memory nor in a file', async () => {
    const cache: Cache = testCache({ tts: { cacheDir: dir } })
    const inside = arrivals()
    const made = gate()
    const handler = counted(async (_req, res) => {
      await made.opened
      res.type('audio/wav').send(wave('old'))
    })
    const app = express().use(express.json())
    app.post('/api/movies/:movieId/tts', cache.cacheTts(), inside.middleware, handler)
    const server: Served = await serve(app)
    const first = postJson(server, '/api/movies/603/tts', { text: 'Hi' })
    await inside.reached(1)
    await cache.purge({ movie: '603' })
    made.open()
    await first
    expect((await postJson(server, '/api/movies/603/tts', { text: 'Hi' })).headers['x-cache']).toBe('MISS')
    expect(handler.calls).toBe(2)
  })
})

it('files are for their owner alone', async () => {
  const { cache, speak } = await started(expresses[0][1])
  chmodSync(dir, 0o755)
  await speak(603, 'Wake up')
  await cache.close()
  const modes = readdirSync(join(dir, 'v1'), { recursive: true, encoding: 'utf8' }).map(name => {
    const found = statSync(join(dir, 'v1', name))
    return `${found.isDirectory() ? 'folder' : 'file'} ${(found.mode & 0o777).toString(8)}`
  })
  expect(new Set(modes)).toEqual(new Set(['folder 700', 'file 600']))
})
