import express, { type RequestHandler } from 'express'
import {
  cacheApi,
  createCache,
  defaultCache,
  ReelcacheError,
  type CacheEvent,
  type CacheStats,
  type RouteOptions,
} from '../lib/index.js'

// `npm run typecheck` reads this file: a line that is expected not to compile, and does, is an error there.
const cache = createCache({ tts: { fileCache: false } })
afterAll(() => Promise.all([cache.close(), defaultCache().close()]))

const refused = (use: () => unknown): void => expect(use).toThrow(ReelcacheError)

describe('the types', () => {
  it('take what the README shows', () => {
    const route: RequestHandler = cache.cacheApi({ ttl: 60_000, vary: ['accept-language'], query: { only: ['page'] } })
    const app = express()
      .get('/api/movies/:movieId', route)
      .post('/tts', cache.cacheTts({ body: { ignore: ['at'] } }))
    app.get('/me', cache.cacheApi({ key: req => req.get('x-user'), bypass: req => req.path === '/me' }))
    app.get('/ai', cacheApi({ movieId: req => req.params['id'] as string, ignoreCookies: true }))
    const stats: CacheStats = cache.stats()
    const keyOf = (req: express.Request): string | undefined => cache.cacheAi().key(req)
    expect([typeof app, stats.profiles.tts.hits, typeof keyOf]).toEqual(['function', 0, 'function'])
  })

  it('take what Express 5 says a path parameter is, and nothing that names no movie', () => {
    const routes = [
      cache.cacheApi({ movieId: req => req.params['slug'] }),
      cache.cacheApi({ movieId: req => req.query['id'] as string | string[] | undefined }),
      cache.cacheApi({ movieId: () => null }),
      cache.cacheApi({ movieId: () => 603 }),
    ]
    // @ts-expect-error: an object is no name
    routes.push(cache.cacheApi({ movieId: req => req.query }))
    expect(routes).toHaveLength(5)
  })

  it('tell events apart by their type', () => {
    const wordOf = (event: CacheEvent): string => {
      if (event.type === 'bypass' || event.type === 'refused') return event.reason
      // @ts-expect-error: other events have no reason
      return String(event.reason)
    }
    expect(wordOf({ type: 'bypass', profile: 'api', reason: 'cookie' })).toBe('cookie')
    // @ts-expect-error: not one of the words
    expect(wordOf({ type: 'bypass', profile: 'api', reason: 'because' })).toBe('because')
  })

  it('refuse names that do not exist, as does the cache', () => {
    // @ts-expect-error: ttl belongs to a profile
    refused(() => createCache({ ttl: 60_000 }))
    // @ts-expect-error: the profile is called api
    refused(() => createCache({ json: { ttl: 60_000 } }))
    // @ts-expect-error: speech says maxMemorySize
    refused(() => createCache({ tts: { maxSize: 50 } }))
    // @ts-expect-error: only speech has files
    refused(() => createCache({ api: { fileCache: true } }))
    // @ts-expect-error: a bound of the profile, not of a route
    refused(() => cache.cacheApi({ maxSize: 5 }))
  })

  it('refuse values of another type, as does the cache', () => {
    // @ts-expect-error: milliseconds are a number
    refused(() => cache.cacheApi({ ttl: '5m' }))
    // @ts-expect-error: a list of names
    refused(() => cache.cacheApi({ vary: 'accept' }))
    // @ts-expect-error: only or ignore
    refused(() => cache.cacheApi({ query: ['page'] }))
    // @ts-expect-error: true or a list of names
    refused(() => cache.cacheApi({ ignoreCookies: false }))
    // @ts-expect-error: a function
    refused(() => cache.cacheApi({ key: 'user' }))
    // @ts-expect-error: the time in milliseconds, from a method
    refused(() => createCache({ clock: Date.now }))
  })

  it('refuse a purge of nothing in particular, as does the cache', async () => {
    const refusal = { code: 'ERR_REELCACHE_INVALID_PURGE' }
    // @ts-expect-error: what to purge must be said
    await expect(async () => cache.purge()).rejects.toMatchObject(refusal)
    // @ts-expect-error: all is true
    await expect(async () => cache.purge({ all: false })).rejects.toMatchObject(refusal)
    // @ts-expect-error: not a profile
    await expect(async () => cache.purge({ profile: 'video' })).rejects.toMatchObject(refusal)
    // @ts-expect-error: movies are named one by one
    await expect(async () => cache.purge({ movie: ['603'] })).rejects.toMatchObject(refusal)
  })

  it('refuse an event and a method that do not exist', () => {
    // @ts-expect-error: there is one event, with a type
    cache.on('hit', () => undefined)
    // @ts-expect-error: routes have no remote control
    expect(cache.cacheApi().clear).toBeUndefined()
    // @ts-expect-error: stats are asked for
    expect(cache.stats.hits).toBeUndefined()
  })

  it('give options names that an editor can complete', () => {
    const names: (keyof RouteOptions)[] = ['ttl', 'movieId', 'key', 'vary', 'query', 'body', 'ignoreCookies', 'bypass']
    // @ts-expect-error: it is called ttl
    const none: keyof RouteOptions = 'maxAge'
    expect(names).not.toContain(none)
  })
})
