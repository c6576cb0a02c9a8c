import type { Router } from 'express'
import { ReelcacheError } from '../../lib/index.js'
import { testCache, type Cache } from '../support/cache.js'
import { ask, postJson } from '../support/client.js'
import { expresses, type Express } from '../support/express.js'
import { serve } from '../support/server.js'

const wave = Buffer.concat([Buffer.from('RIFF\x24\x00\x00\x00WAVEfmt '), Buffer.alloc(2_000, 7)])

function warnings(): string[] {
  const said: string[] = []
  jest.spyOn(process, 'emitWarning').mockImplementation((...given: unknown[]) => {
    const { code } = (given[1] ?? {}) as { code?: string }
    if (code === 'WRN_REELCACHE_AUDIO_PATH') said.push(String(given[0]))
  })
  return said
}
afterEach(() => jest.restoreAllMocks())

type Place = (cache: Cache, express: Express) => Router | ReturnType<Express>

const places: readonly (readonly [string, string, Place])[] = [
  [
    'an express.Router',
    '/api/audio',
    (cache, express) =>
      express().use('/api', express.Router().use('/audio', cache.audioRouter({ path: '/api/audio' }))),
  ],
  [
    'a router in a router',
    '/v1/api/audio',
    (cache, express) =>
      express().use(
        '/v1',
        express.Router().use('/api', express.Router().use('/audio', cache.audioRouter({ path: '/v1/api/audio' }))),
      ),
  ],
  [
    'an app in a router',
    '/api/sub/audio',
    (cache, express) =>
      express().use(
        '/api',
        express.Router().use('/sub', express().use('/audio', cache.audioRouter({ path: '/api/sub/audio' }))),
      ),
  ],
  [
    'a list of paths',
    '/b/audio',
    (cache, express) => express().use(['/a/audio', '/b/audio'], cache.audioRouter({ path: '/b/audio' })),
  ],
  ['an app', '/audio', (cache, express) => express().use('/audio', cache.audioRouter())],
  [
    'an app in an app',
    '/sub/audio',
    (cache, express) => express().use('/sub', express().use('/audio', cache.audioRouter())),
  ],
]

const silent: readonly (readonly [string, Place])[] = [
  ['an express.Router', (cache, express) => express().use('/api', express.Router().use('/audio', cache.audioRouter()))],
  ['a list of paths', (cache, express) => express().use(['/a', '/b'], cache.audioRouter())],
]

describe.each(expresses)('the audio router on %s', (_version, express) => {
  const speak = async (place: Place) => {
    const cache = testCache()
    const app = express().use(express.json())
    app.post('/api/movies/:movieId/tts', cache.cacheTts(), (_req, res) => void res.type('audio/wav').send(wave))
    app.use(place(cache, express))
    const server = await serve(app)
    const post = () => postJson(server, '/api/movies/603/tts', { text: 'Hello' })
    return { server, answers: [await post(), await post()] }
  }

  it.each(places)('in %s says where speech is played, before anybody has asked for any', async (_name, path, place) => {
    const said = warnings()
    const { server, answers } = await speak(place)
    const [miss, hit] = answers.map(({ headers }) => headers['content-location'])
    expect(miss).toMatch(new RegExp(`^${path}/603/[0-9a-f]{64}-[\\w-]{43}\\.wav$`))
    expect(hit).toBe(miss)
    const { status, body } = await ask(server, miss!)
    expect([status, body.equals(wave), said]).toEqual([200, true, []])
  })

  it.each(silent)('in %s without a path warns once, and says what to write', async (_name, place) => {
    const said = warnings()
    const { answers } = await speak(place)
    expect(answers.map(({ status, headers }) => [status, headers['content-location']])).toEqual([
      [200, undefined],
      [200, undefined],
    ])
    expect(said).toEqual([expect.stringContaining("audioRouter({ path: '/api/audio' })")])
  })

  it('does not warn where no speech could be played', async () => {
    const said = warnings()
    const cache = testCache()
    const app = express().use(express.json())
    app.use('/api', express.Router().use('/audio', cache.audioRouter()))
    app.post('/key', cache.cacheTts({ key: () => 'alice' }), (_req, res) => void res.type('audio/wav').send(wave))
    app.post('/page', cache.cacheTts(), (_req, res) => void res.send('no speech'))
    const server = await serve(app)
    for (const path of ['/key', '/page']) await postJson(server, path, { text: 'Hello' })
    expect(said).toEqual([])
  })
})

it.each(['audio', '//evil.example/audio', '/\\evil', '/a b', '/a?b', '/a#b', '', 7, null, '/ä'])(
  'a path that is none is an error at start: %j',
  path => {
    expect(() => testCache().audioRouter({ path } as never)).toThrow(ReelcacheError)
  },
)
