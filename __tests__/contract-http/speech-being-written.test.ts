/** Speech that is too large for memory can be heard from the moment it is made, while its file is written. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testCache } from '../support/cache.js'
import { ask, postJson } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { serve } from '../support/server.js'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reelcache-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }))

const speech = (bytes: number): Buffer => Buffer.concat([Buffer.from('ID3'), Buffer.alloc(bytes - 3, 1)])
const LARGE = 9_000_000

describe.each(expresses)('on %s speech that memory does not take', (_version, express) => {
  async function narrator(bytes = LARGE) {
    const cache = testCache({ tts: { cacheDir: dir, fileMinFreeBytes: 0 } })
    const runs = counted((_req, res) => res.type('audio/mpeg').send(speech(bytes)))
    const streamed = counted((_req, res) => {
      res.type('audio/mpeg').write(speech(bytes).subarray(0, 1_000_000))
      res.end(speech(bytes).subarray(1_000_000))
    })
    const app = express().use(express.json())
    app.post('/tts/:movieId', cache.cacheTts(), runs)
    app.post('/streamed/:movieId', cache.cacheTts(), streamed)
    app.use('/audio', cache.audioRouter())
    const served = await serve(app)
    const speak = (text: string, path = '/tts/603') => postJson(served, path, { text })
    return { cache, served, runs, streamed, speak }
  }

  it('is made once for six who ask in turn', async () => {
    const { speak, runs } = await narrator()
    const seen: unknown[] = []
    for (let count = 0; count < 6; count++) {
      const { headers, body } = await speak('Wake up')
      seen.push([headers['x-cache'], body.equals(speech(LARGE))])
    }
    expect([runs.calls, seen]).toEqual([1, [['MISS', true], ...Array(5).fill(['HIT', true])]])
  })

  it('is made once where it is streamed', async () => {
    const { speak, streamed } = await narrator()
    for (let count = 0; count < 6; count++) await speak('Wake up', '/streamed/603')
    expect(streamed.calls).toBe(1)
  })

  it('is made once for twenty at once, and for those after them', async () => {
    const { speak, runs } = await narrator()
    const answers = await Promise.all(Array.from({ length: 20 }, () => speak('Wake up')))
    expect(answers.every(({ body }) => body.length === LARGE)).toBe(true)
    await speak('Wake up')
    expect(runs.calls).toBe(1)
  })

  it('plays at its address at once', async () => {
    const { served, speak, runs } = await narrator()
    const { headers } = await speak('Wake up')
    const part = await ask(served, headers['content-location']!, { headers: { Range: 'bytes=0-2' } })
    expect([part.status, part.body.toString(), runs.calls]).toEqual([206, 'ID3', 1])
  })

  it('is not heard any more after a purge, written or not', async () => {
    const { cache, speak, runs } = await narrator()
    await speak('Wake up')
    await cache.purge({ movie: '603' })
    expect([(await speak('Wake up')).headers['x-cache'], runs.calls]).toEqual(['MISS', 2])
  })

  it('is found in its file afterwards (control)', async () => {
    const { cache, speak } = await narrator()
    await speak('Wake up')
    await cache.close()
    const next = await narrator()
    expect([(await next.speak('Wake up')).headers['x-cache'], next.runs.calls]).toEqual(['HIT', 0])
  })
})
