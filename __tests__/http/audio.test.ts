import request from 'supertest'
import type { RequestHandler } from 'express'
import { createCache, type CacheOptions, type RouteOptions } from '../../lib/index.js'
import { expresses, type Express } from '../support/express.js'
import { fakeClock } from '../support/clock.js'

const wave = Buffer.concat([Buffer.from('RIFF\x24\x00\x00\x00WAVEfmt '), Buffer.alloc(2_000, 7)])
const speak: RequestHandler = (_req, res) => void res.type('audio/wav').send(wave)

function app(express: Express, { route, ...options }: CacheOptions & { route?: RouteOptions } = {}) {
  const cache = createCache({ tts: { fileCache: false }, ...options })
  const server = express()
  server.use(express.json())
  server.post('/api/movies/:movieId/tts', cache.cacheTts(route), speak)
  server.use('/audio', cache.audioRouter())
  const make = (text = 'Hello'): request.Test => request(server).post('/api/movies/603/tts').send({ text })
  return { cache, server, make }
}

describe.each(expresses)('the audio router on %s', (_version, express) => {
  it('plays by GET, whole and in parts, what a POST made, under the URL that the POST was told', async () => {
    const { server, make } = app(express)
    const miss = await make()
    const url = miss.headers['content-location'] as string
    expect(url).toMatch(/^\/audio\/603\/[0-9a-f]{64}-[\w-]{43}\.wav$/)
    expect((await make()).headers).toMatchObject({ 'x-cache': 'HIT', 'content-location': url })
    const whole = await request(server).get(url)
    expect([whole.status, whole.headers['content-type'], whole.headers['x-cache']]).toEqual([200, 'audio/wav', 'HIT'])
    expect(whole.body).toEqual(wave)
    const part = await request(server).get(url).set('Range', 'bytes=4-9').set('If-Range', whole.headers['etag']!)
    expect([part.status, part.headers['content-range']]).toEqual([206, `bytes 4-9/${wave.length}`])
    expect(part.body).toEqual(wave.subarray(4, 10))
    const head = await request(server).head(url)
    expect([head.status, head.headers['content-length'], head.headers['accept-ranges']]).toEqual([
      200,
      String(wave.length),
      'bytes',
    ])
    const same = await request(server).get(url).set('If-None-Match', whole.headers['etag']!)
    expect(same.status).toBe(304)
  })

  it.each([
    ['was never made', (url: string) => url.replace(/[0-9a-f]{64}/, 'a'.repeat(64)), async () => undefined],
    ['was purged', (url: string) => url, async ({ cache }: ReturnType<typeof app>) => cache.purge({ movie: 603 })],
  ])('says in JSON that speech is not cached which %s', async (_, urlOf, meanwhile) => {
    const it = app(express)
    const url = (await it.make()).headers['content-location'] as string
    await meanwhile(it)
    const gone = await request(it.server).get(urlOf(url))
    expect([gone.status, gone.body.error, gone.headers['cache-control']]).toEqual([404, 'not-cached', 'no-store'])
  })

  it('does not play what has expired', async () => {
    const clock = fakeClock()
    const { server, make } = app(express, { clock })
    const url = (await make()).headers['content-location'] as string
    clock.advance(3_600_001)
    expect((await request(server).get(url)).status).toBe(404)
  })

  it('leaves paths that are no audio to the app', async () => {
    const { server } = app(express)
    server.get('/audio/about', (_req, res) => void res.send('about'))
    expect((await request(server).get('/audio/about')).text).toBe('about')
  })

  it('keeps speech of its own listener out of it', async () => {
    const { make } = app(express, { route: { key: () => 'alice' } })
    const miss = await make()
    expect([miss.headers['x-cache'], miss.headers['content-location']]).toEqual(['MISS', undefined])
  })

  it('does not promise a URL where it is not mounted', async () => {
    const cache = createCache({ tts: { fileCache: false } })
    const server = express().use(express.json()).post('/tts', cache.cacheTts(), speak)
    expect((await request(server).post('/tts').send({ text: 'Hi' })).headers['content-location']).toBeUndefined()
  })
})
