import express from 'express'
import type { CacheStats } from '../../lib/index.js'
import { testCache, type Cache } from '../support/cache.js'
import { ask, postJson } from '../support/client.js'
import { serve, type Served } from '../support/server.js'
import { temporaryDirectory } from '../tiers/file/support.js'

const directory = temporaryDirectory()
const audio = Buffer.from('OggS'.padEnd(1_000))

interface Player {
  readonly cache: Cache
  readonly server: Served
  readonly saved: () => CacheStats['saved']
  /** As a browser plays: the two bytes that some look at first, the beginning, then what is left after somebody has moved on. */
  readonly play: (path: string) => Promise<number[]>
}

async function player(): Promise<Player> {
  let worked = 0
  jest.spyOn(performance, 'now').mockImplementation(() => worked)
  const cache = testCache({ tts: { cacheDir: directory(), cost: 1 } })
  const speak: express.RequestHandler = (_req, res) => {
    worked += 250
    res.type('audio/ogg').send(audio)
  }
  const app = express()
    .use(express.json())
    .get('/movies/:movieId/tts', cache.cacheTts({ cost: 2 }), speak)
    .post('/movies/:movieId/tts', cache.cacheTts(), speak)
    .use('/audio', cache.audioRouter())
  const server = await serve(app)
  return {
    ...{ cache, server },
    saved: () => cache.stats().saved,
    play: async path => {
      const statuses = []
      for (const Range of ['bytes=0-1', 'bytes=0-', 'bytes=500-', 'bytes=900-949', 'bytes=-10', 'bytes=2000-']) {
        statuses.push((await ask(server, path, { headers: { Range } })).status)
      }
      return statuses
    },
  }
}

const PARTS = [206, 206, 206, 206, 206, 416]

afterEach(() => jest.restoreAllMocks())

describe('one play of an audio', () => {
  it('is one saving, not one for each part that the player asks for', async () => {
    const { server, play, saved } = await player()
    await ask(server, '/movies/603/tts')
    expect(saved()).toEqual({ runs: 0, time: 0, cost: 0 })
    expect(await play('/movies/603/tts')).toEqual(PARTS)
    expect(saved()).toEqual({ runs: 1, time: 250, cost: 2 })
    await play('/movies/603/tts')
    expect(saved()).toEqual({ runs: 2, time: 500, cost: 4 })
  })

  it('by GET, of what a POST made, costs what the profile says, and says from which tier it came', async () => {
    const { cache, server, play, saved } = await player()
    const made = await postJson(server, '/movies/603/tts', { text: 'Hello' })
    const url = made.headers['content-location']!
    expect(await play(url)).toEqual(PARTS)
    expect(saved()).toEqual({ runs: 1, time: 250, cost: 1 })
    expect(cache.stats().profiles.tts.hitsByTier).toEqual({ memory: 6 })
  })
})

describe('what costs nothing that anybody has said', () => {
  it('saves time, and no money', async () => {
    const cache = testCache()
    const server = await serve(express().get('/', cache.cacheApi(), (_req, res) => res.json(1)))
    for (let n = 0; n < 3; n++) await ask(server, '/')
    expect(cache.stats().saved).toMatchObject({ runs: 2, cost: 0 })
    expect(cache.stats().saved.time).toBeGreaterThan(0)
  })
})
