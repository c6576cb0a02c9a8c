import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import express from 'express'
import { testCache } from '../support/cache.js'
import { findProgram } from '../support/programs.js'
import { serve } from '../support/server.js'

const ffprobe = findProgram('ffprobe')
if (ffprobe === undefined) process.emitWarning('ffprobe tests are skipped: apt-get install ffmpeg')

const RATE = 8_000
const SECONDS = 60

/** Sound whose every second has a level of its own: 8 bits, one channel (RIFF WAVE). */
function wave(): Buffer {
  const head = Buffer.alloc(44)
  head.write('RIFF')
  head.writeUInt32LE(36 + RATE * SECONDS, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(RATE, 24)
  head.writeUInt32LE(RATE, 28)
  head.writeUInt16LE(1, 32)
  head.writeUInt16LE(8, 34)
  head.write('data', 36)
  head.writeUInt32LE(RATE * SECONDS, 40)
  const samples = Array.from({ length: SECONDS }, (_, second) => Buffer.alloc(RATE, 100 + second))
  return Buffer.concat([head, ...samples])
}

interface Asked {
  readonly range: string | undefined
  readonly status: number
  readonly outcome: string
}

;(ffprobe === undefined ? describe.skip : describe)('ffprobe', () => {
  const sound = wave()
  let url: string
  let runs: number
  let asked: Asked[]

  beforeEach(async () => {
    runs = 0
    asked = []
    const cache = testCache()
    const app = express().use((req, res, next) => {
      const { range } = req.headers
      res.on('finish', () => asked.push({ range, status: res.statusCode, outcome: String(res.getHeader('X-Cache')) }))
      next()
    })
    app.get('/movies/:movieId/speech', cache.cacheTts(), (_req, res) => {
      runs++
      res.type('audio/wav').send(sound)
    })
    url = `${(await serve(app)).url}/movies/603/speech`
  })

  const probe = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)(ffprobe!, ['-v', 'error', '-of', 'csv=p=0', ...args, url])).stdout.trim()

  describe.each([
    ['a miss', 'MISS', async () => undefined],
    ['a hit', 'HIT', async () => (await fetch(url)).arrayBuffer()],
  ])('on %s', (_name, outcome, prepare) => {
    beforeEach(async () => {
      await prepare()
      asked = []
    })

    it('reads how long the sound is', async () => {
      expect(Number(await probe('-show_entries', 'format=duration'))).toBeCloseTo(SECONDS, 3)
      expect([asked[0]!.outcome, runs]).toEqual([outcome, 1])
    })

    it('seeks, and reads from there', async () => {
      const [line] = (await probe('-read_intervals', '50%+#1', '-show_entries', 'packet=pts_time')).split('\n')
      expect(Math.floor(Number(line!.split(',')[0]))).toBe(50)
      // Nothing but a range that begins later brings it there without reading all before.
      const later = asked.filter(({ range }) => /^bytes=[1-9]/.test(range ?? ''))
      expect(later.map(({ status }) => status)).toEqual(later.map(() => 206))
      expect([later.length > 0, runs]).toEqual([true, 1])
    })
  })
})
