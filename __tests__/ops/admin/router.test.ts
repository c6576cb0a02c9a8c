import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import express from 'express'
import { collectPrometheus } from '../../../lib/index.js'
import { testCache, type Cache, type CacheOptions } from '../../support/cache.js'
import { ask } from '../../support/client.js'
import { fakeClock, type FakeClock } from '../../support/clock.js'
import { parseExposition } from '../../support/exposition.js'
import { serve } from '../../support/server.js'
import { temporaryDirectory } from '../../tiers/file/support.js'

const directory = temporaryDirectory()

interface Shown {
  readonly key: string
  readonly movie: string | null
  readonly tier: string
  readonly path: string
}

/** What the router says, as far as it is looked into here; the rest is compared as a whole. */
interface Said {
  readonly error: string
  readonly entries: readonly Shown[]
  readonly next: number | null
  readonly parts: object
  readonly last: object | null
  readonly memory: object
}

interface Admin {
  readonly cache: Cache
  readonly clock: FakeClock
  readonly get: (path: string) => Promise<{ status: number; json: Said }>
  readonly send: (method: string, path: string, body?: unknown) => Promise<{ status: number; json: Said }>
  readonly movie: (path: string) => Promise<void>
}

async function admin(options: CacheOptions = {}): Promise<Admin> {
  const clock = fakeClock()
  const cache = testCache({ clock, ...options })
  const app = express()
    .use('/admin', cache.adminRouter({ authorize: () => true }))
    .get('/api/:movieId', cache.cacheApi({ vary: ['accept-language'] }), (req, res) => {
      if (req.params['movieId'] === '13') res.set('Set-Cookie', 'a=1')
      res.json({ id: req.params['movieId'] })
    })
    .get('/tts/:movieId', cache.cacheTts(), (_req, res) => res.type('audio/ogg').send(Buffer.from('OggS')))
  const server = await serve(app)
  const send: Admin['send'] = async (method, path, body) => {
    const headers = { 'X-Requested-With': 'reelcache', 'Content-Type': 'application/json' }
    const answer = await ask(server, `/admin${path}`, {
      ...{ method, headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: answer.status, json: JSON.parse(answer.body.toString()) as Said }
  }
  return {
    ...{ cache, clock, send },
    get: path => send('GET', path),
    movie: async path => {
      await ask(server, path)
    },
  }
}

/** `api 603`, `tts 603` */
const namesOf = ({ entries }: Said): string[] => entries.map(({ key }) => key.split(' ', 2).join(' '))

const keyOf = (movie: number): string => `api ${movie} GET http://127.0.0.1 /api/${movie} header:accept-language`

describe('GET /stats and /health', () => {
  it('are what the cache says itself', async () => {
    const { cache, get, movie } = await admin()
    await movie('/api/603')
    expect((await get('/stats')).json).toEqual(JSON.parse(JSON.stringify(cache.stats())))
    const { memory: _, ...health } = (await get('/health')).json
    const { memory: __, ...own } = cache.health()
    expect(health).toEqual(JSON.parse(JSON.stringify(own)))
  })
})

describe('GET /entries', () => {
  it('lists what memory holds, the most recently used first', async () => {
    const { get, movie, clock } = await admin()
    for (const path of ['/api/1', '/api/2', '/tts/1', '/api/1']) await movie(path)
    const { json } = await get('/entries')
    expect(json).toMatchObject({ page: 1, next: null })
    expect(namesOf(json)).toEqual(['api 1', 'api 2', 'tts 1'])
    expect(json.entries[0]).toEqual({
      ...{ key: keyOf(1), profile: 'api', movie: '1', tier: 'memory', status: 200, uses: 1 },
      ...{ type: 'application/json; charset=utf-8', bytes: 10, freshFor: 300 },
      storedAt: new Date(clock.now()).toISOString(),
    })
  })

  it.each([
    ['profile=api', ['api 1', 'api 2']],
    ['profile=ai', []],
    ['movie=1', ['api 1', 'tts 1']],
    ['movie=1&profile=tts', ['tts 1']],
    ['movie=%20', []],
  ])('of %s are %j', async (query, expected) => {
    const { get, movie } = await admin()
    for (const path of ['/api/2', '/api/1', '/tts/1']) await movie(path)
    const { json } = await get(`/entries?${query}`)
    expect(namesOf(json)).toEqual(expected)
  })

  it('come a hundred a page', async () => {
    const { get, movie } = await admin({ api: { maxSize: 250 } })
    for (let id = 100; id < 301; id++) await movie(`/api/${id}`)
    const pages = [
      await get('/entries'),
      await get('/entries?page=2'),
      await get('/entries?page=3'),
      await get('/entries?page=4'),
    ]
    expect(pages.map(({ json }) => [json.entries.length, json.next])).toEqual([
      [100, 2],
      [100, 3],
      [1, null],
      [0, null],
    ])
    const keys = pages.flatMap(({ json }) => json.entries.map(({ key }) => key))
    expect(new Set(keys).size).toBe(201)
  })

  it('are not used by being looked at', async () => {
    const { cache, get, movie } = await admin({ api: { maxSize: 2 } })
    await movie('/api/1')
    await movie('/api/2')
    await get('/entries')
    await get(`/entry?key=${encodeURIComponent(keyOf(1))}`)
    await movie('/api/3')
    const { json } = await get('/entries')
    expect(json.entries.map(({ movie: of }) => of)).toEqual(['3', '2'])
    expect(cache.stats().hits).toBe(0)
  })

  it('in files are listed by movie, with the path of the audio', async () => {
    const dir = directory()
    const { cache, get, movie } = await admin({ tts: { cacheDir: dir } })
    const stored = new Promise<void>(resolve => cache.on('event', event => event.type === 'stored' && resolve()))
    await movie('/tts/603')
    await stored
    const { json } = await get('/entries?tier=file&movie=603')
    expect(json.entries).toMatchObject([
      { profile: 'tts', movie: '603', tier: 'file', type: 'audio/ogg', bytes: 4, uses: null },
    ])
    expect((await get('/entries?tier=file&movie=604')).json.entries).toEqual([])
    const { json: shown } = await get(`/entry?key=${encodeURIComponent(json.entries[0]!.key)}`)
    expect(shown.entries.map(({ tier }) => tier)).toEqual(['memory', 'file'])
    const [file] = readdirSync(join(dir, 'v1', '603')).filter(name => name.endsWith('.ogg'))
    expect(shown.entries[1]!.path).toBe(join(dir, 'v1', '603', file!))
    expect(statSync(shown.entries[1]!.path).size).toBe(4)
  })

  it.each(['profile=movies', 'page=0', 'page=x', 'page=1e3', 'tier=disk', 'key=x', 'profile=api&profile=ai'])(
    'refuse %s',
    async query => {
      const { get } = await admin()
      expect(await get(`/entries?${query}`)).toMatchObject({ status: 400, json: { error: 'bad-request' } })
    },
  )
})

describe('GET /entry', () => {
  it('explains one: key parts, sizes, times, uses, and where it lies', async () => {
    const { clock, cache, get, movie } = await admin()
    await movie('/api/603')
    await movie('/api/603')
    clock.advance(100_000)
    const { json } = await get(`/entry?key=${encodeURIComponent(keyOf(603))}`)
    expect(json.parts).toEqual({
      ...{ profile: 'api', movie: '603', method: 'GET', origin: 'http://127.0.0.1', url: '/api/603' },
      others: { 'header:accept-language': '' },
    })
    expect(json.entries).toHaveLength(1)
    expect(json.entries[0]).toMatchObject({
      ...{ tier: 'memory', path: null, uses: 1, bytes: 12, freshFor: 200, handlerTime: expect.any(Number) },
      size: cache.stats().bytes,
      tags: ['profile:api', 'movie:603', expect.stringMatching(/^url:/)],
      staleAt: new Date(clock.now() + 200_000).toISOString(),
      headers: { 'content-type': 'application/json; charset=utf-8' },
    })
    expect(json.last).toMatchObject({ what: 'stored' })
    expect(JSON.stringify(json)).not.toContain('"id"')
  })

  it('says of what is not there what became of it', async () => {
    const { get, movie } = await admin({ api: { maxSize: 1 } })
    for (const path of ['/api/1', '/api/2', '/api/13']) await movie(path)
    const last = async (id: number): Promise<unknown[]> => {
      const { status, json } = await get(`/entry?key=${encodeURIComponent(keyOf(id))}`)
      return [status, json.last]
    }
    expect(await last(1)).toEqual([404, expect.objectContaining({ what: 'evicted', reason: 'entries' })])
    expect(await last(13)).toEqual([
      404,
      expect.objectContaining({ what: 'refused', reason: 'set-cookie', meaning: 'the answer sets a cookie' }),
    ])
    expect(await last(99)).toEqual([404, null])
  })

  it.each(['/entry', '/entry?key=a&key=b'])('refuses %s', async path => {
    const { get } = await admin()
    expect((await get(path)).status).toBe(400)
  })

  it.each(['constructor', '__proto__ 603 GET', '', 'api'])('finds nothing under %j', async key => {
    const { get } = await admin()
    expect((await get(`/entry?key=${encodeURIComponent(key)}`)).status).toBe(404)
  })
})

describe('a purge', () => {
  it.each<[string, string, unknown, number, string[]]>([
    ['POST', '/purge', { movie: '1' }, 2, ['api 2']],
    ['POST', '/purge', { profile: 'api' }, 2, ['tts 1']],
    ['POST', '/purge', { key: keyOf(1) }, 1, ['api 2', 'tts 1']],
    ['POST', '/purge', { all: true }, 3, []],
    ['DELETE', '/entries?movie=1', undefined, 2, ['api 2']],
    ['DELETE', '/entries?profile=tts', undefined, 1, ['api 1', 'api 2']],
    ['DELETE', `/entry?key=${encodeURIComponent(keyOf(2))}`, undefined, 1, ['api 1', 'tts 1']],
  ])('by %s %s %j throws out %d', async (method, path, body, purged, left) => {
    const { get, movie, send } = await admin()
    for (const one of ['/api/2', '/api/1', '/tts/1']) await movie(one)
    expect(await send(method, path, body)).toEqual({ status: 200, json: { purged } })
    const { json } = await get('/entries')
    expect(namesOf(json)).toEqual(left)
  })

  it.each<[string, string, unknown]>([
    ['POST', '/purge', {}],
    ['POST', '/purge', undefined],
    ['POST', '/purge', []],
    ['POST', '/purge', { movie: '1', all: true }],
    ['DELETE', '/entries', undefined],
    ['DELETE', '/entries?all=true', undefined],
    ['DELETE', '/entries?movie=1&profile=api', undefined],
    ['DELETE', '/entry', undefined],
  ])('by %s %s %j is refused, with what to write', async (method, path, body) => {
    const { cache, movie, send } = await admin()
    await movie('/api/1')
    const { status, json } = await send(method, path, body)
    expect([status, json.error]).toEqual([400, 'ERR_REELCACHE_INVALID_PURGE'])
    expect(cache.stats().entries).toBe(1)
  })

  it('whose body is not JSON is told so', async () => {
    const { send } = await admin()
    expect(await send('POST', '/purge', '{"all":')).toMatchObject({ status: 400, json: { error: 'body' } })
    expect(await send('POST', '/purge', `{"all":"${'x'.repeat(300_000)}"}`)).toMatchObject({ status: 413 })
  })
})

describe('POST /verify', () => {
  it('reads every file and says what it found, or that there are none', async () => {
    const { cache, movie, send } = await admin({ tts: { cacheDir: directory() } })
    const stored = new Promise<void>(resolve => cache.on('event', event => event.type === 'stored' && resolve()))
    await movie('/tts/603')
    await stored
    expect((await send('POST', '/verify')).json).toMatchObject({ verified: { entries: 1, damaged: 0, complete: true } })
    const memoryOnly = await admin()
    expect((await memoryOnly.send('POST', '/verify')).json).toEqual({ verified: null })
  })
})

describe('GET /metrics', () => {
  it('is what prom-client would send, by a parser that is not prom-client', async () => {
    const cache = testCache()
    const app = express()
      .get('/api', cache.cacheApi(), (_req, res) => res.json(1))
      .use('/admin', cache.adminRouter({ authorize: () => true }))
    const server = await serve(app)
    for (let n = 0; n < 3; n++) await ask(server, '/api')
    const registry = new Registry()
    collectPrometheus(cache, registry)
    const answer = await ask(server, '/admin/metrics')
    expect(answer.headers['content-type']).toBe(registry.contentType)
    expect(parseExposition(answer.body.toString())).toEqual(parseExposition(await registry.metrics()))
  })
})

describe('what is not there', () => {
  it('is said to be so, in JSON', async () => {
    const { get } = await admin()
    expect(await get('/movies')).toMatchObject({ status: 404, json: { error: 'not-found' } })
  })
})
