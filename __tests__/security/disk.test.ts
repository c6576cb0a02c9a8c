import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { nodeFileSystem } from '../../lib/tiers/file/fs.js'
import { testCache } from '../support/cache.js'
import { postJson } from '../support/client.js'
import { expresses } from '../support/express.js'
import { serve } from '../support/server.js'
import { KiB, MiB, speech, temporaryDirectory, tiers } from '../tiers/file/support.js'

const { clock, directory, ready } = tiers()
const apart = temporaryDirectory()

/** Bytes as `du` counts them: blocks, those of directories too. */
const used = (dir: string): number =>
  Number(/^\d+/.exec(execFileSync('du', ['-s', '--block-size=1', dirname(dir)], { encoding: 'utf8' }))![0])
const inodes = (dir: string): number => readdirSync(dir, { recursive: true }).length + 1

/** The directories above the entries, and what lies there. */
const FIXED = 40 * KiB

const TINY = Buffer.from('ID3 .')
const kinds: readonly (readonly [string, (n: number) => { key: string }])[] = [
  ['of one movie', n => ({ key: `tts 603 POST http://localhost /tts body:${n}` })],
  ['of a movie each', n => ({ key: `tts ${n} POST http://localhost /tts body:${n}` })],
  ['of no movie', n => ({ key: `tts - POST http://localhost /tts body:${n}` })],
  ['of a URL each', n => ({ key: `tts ${n} GET http://localhost /speak?n=${n}` })],
]

describe.each(kinds)('hundreds of tiny files %s', (_name, keyOf) => {
  it('a stranger cannot make take more of the disk than fileMaxBytes', async () => {
    const dir = directory()
    const maxBytes = MiB
    const { tier } = await ready(dir, { maxBytes })
    let most = 0
    for (let n = 0; n < 600; n += 10) {
      clock.advance(1)
      const entries = Array.from({ length: 10 }, (_, at) => speech({ ...keyOf(n + at), body: TINY }, clock))
      await Promise.all(entries.map(entry => tier.set(entry)))
      if (n % 100 === 0) most = Math.max(most, used(dir))
    }
    await tier.sweep()
    expect(most).toBeLessThanOrEqual(1.1 * maxBytes + FIXED)
    expect(used(dir)).toBeLessThanOrEqual(maxBytes + FIXED)
    const { entries, bytes } = tier.usage()
    expect(entries).toBeLessThanOrEqual(maxBytes / (16 * KiB))
    expect(entries).toBeGreaterThan(maxBytes / (32 * KiB))
    expect(inodes(dir)).toBeLessThanOrEqual(5 * entries + 8)
    expect(bytes).toBeGreaterThanOrEqual(used(dir) - FIXED)
  })
})

it('a stranger cannot use up the inodes of the file system: the oldest entries go, and nothing is written', async () => {
  const dir = directory()
  let ffree = 10_000
  const statfs = (): ReturnType<typeof nodeFileSystem.statfs> =>
    Promise.resolve({ bavail: 1e9, blocks: 1e9, bsize: 4_096, files: 100_000, ffree })
  const { tier } = await ready(dir, { fs: { ...nodeFileSystem, statfs }, minFreeBytes: 1 })
  for (let n = 0; n < 10; n++) {
    clock.advance(1_000)
    expect(await tier.set(speech({ text: String(n) }, clock))).toBe(true)
  }
  ffree = 4_990
  expect(await tier.set(speech({ text: 'late' }, clock))).toBe(false)
  expect(tier.usage().failing).toMatch(/ENOSPC/)
  expect((await tier.sweep()).evicted + tier.usage().evicted).toBeGreaterThan(1)
  expect(tier.usage().entries).toBeGreaterThan(0)
})

describe.each(expresses)('on %s', (_version, express) => {
  it('a stranger cannot fill the disk over HTTP with short texts', async () => {
    const cacheDir = apart()
    const fileMaxBytes = 256 * KiB
    const cache = testCache({ tts: { cacheDir, fileMaxBytes, fileMinFreeBytes: 0 } })
    const app = express().use(express.json())
    app.post('/:movieId/tts', cache.cacheTts(), (_req, res) => void res.type('audio/mpeg').send(TINY))
    const server = await serve(app)
    for (let n = 0; n < 100; n++) await postJson(server, `/${n}/tts`, { text: String(n) })
    await cache.close()
    expect(used(cacheDir)).toBeLessThanOrEqual(1.1 * fileMaxBytes + FIXED)
    expect(cache.stats().files!.entries).toBeLessThanOrEqual(1.1 * (fileMaxBytes / (16 * KiB)))
  })
})
