import { createCache } from '../../lib/index.js'
import type { Answer } from './client.js'

export type Cache = ReturnType<typeof createCache>
export type CacheOptions = NonNullable<Parameters<typeof createCache>[0]>
export type RouteOptions = NonNullable<Parameters<Cache['cacheApi']>[0]>

const made = new Set<Cache>()

/** A cache that is closed when the test that made it is over, and writes no files unless it is told where. */
export function testCache(options?: CacheOptions): Cache {
  const cache = createCache({ ...options, tts: { fileCache: options?.tts?.cacheDir !== undefined, ...options?.tts } })
  made.add(cache)
  return cache
}

afterEach(async () => {
  const caches = [...made]
  made.clear()
  await Promise.all(caches.map(cache => cache.close()))
})

/** The members of `Cache-Status` (RFC 9211): `{ hit: true, ttl: '300' }`, `{ fwd: 'miss', detail: 'status' }`. */
export function cacheStatus(answer: Answer): Record<string, string | true> {
  const field = answer.headers['cache-status']
  if (typeof field !== 'string') throw new Error('no Cache-Status')
  const parts = field.match(/(?:"(?:[^"\\]|\\.)*"|[^;"])+/g) ?? []
  const [name, ...parameters] = parts.map(part => part.trim())
  if (name !== 'reelcache') throw new Error(`Cache-Status of another cache: ${field}`)
  const members: Record<string, string | true> = {}
  for (const parameter of parameters) {
    const at = parameter.indexOf('=')
    if (at < 0) members[parameter] = true
    else members[parameter.slice(0, at)] = parameter.slice(at + 1).replace(/^"(.*)"$/s, '$1')
  }
  return members
}

/** Whether a key is held, without filling it: `only-if-cached` never reaches the handler. */
export const onlyIfCached = { 'Cache-Control': 'only-if-cached' }

// What the cache or the transport may write differently on a hit; everything else is the handler's own.
const ownFields = new Set([
  'accept-ranges',
  'age',
  'cache-status',
  'connection',
  'content-length',
  'date',
  'etag',
  'keep-alive',
  'transfer-encoding',
  'x-cache',
])

/** The field lines that miss, hit and an app without a cache have to agree on. */
export function handlerLines(answer: Answer): string[] {
  return answer.lines
    .filter(([name]) => !ownFields.has(name))
    .map(([name, value]) => `${name}: ${value}`)
    .sort()
}
