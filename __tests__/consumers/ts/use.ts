// What must compile, and what must not: an expectation that is not met is an error too.
import express, { type Request } from 'express'
import { cacheAi, cacheApi, cacheEnhanced, cacheTts, createCache } from 'reelcache'

const cache = createCache({
  api: { ttl: 300_000, maxSize: 100, cleanupInterval: 300_000 },
  tts: { ttl: 3_600_000, maxMemorySize: 50, fileCache: true, cacheDir: 'cache/tts' },
  enhanced: { ttl: 600_000, maxSize: 200 },
  ai: { ttl: 1_800_000, maxSize: 50 },
})

const app = express()
app.use(cache.cacheApi({ ttl: 60_000, vary: ['accept-language'], ignoreCookies: true }))
app.get('/a', cacheApi(), cacheEnhanced({ query: { ignore: ['session'] } }))
app.post('/b', cacheTts({ key: (req: Request) => req.params['voice'] }), cacheAi({ body: { only: ['question'] } }))

export const keyOf = (req: Request): string | undefined => cache.cacheApi().key(req)
export const emptied = [cache.purge({ movie: '603' }), cache.purge({ profile: 'tts' }), cache.purge({ all: true })]

cache.on('event', event => {
  if (event.type === 'refused') console.log(event.reason satisfies string)
  // @ts-expect-error a bypass was never looked up: it has no key
  if (event.type === 'bypass') console.log(event.key)
  // @ts-expect-error no such event
  if (event.type === 'hti') console.log(event)
})

// @ts-expect-error a lifetime is a number of milliseconds
cacheApi({ ttl: '5m' })
// @ts-expect-error no such option
cacheApi({ tll: 1_000 })
// @ts-expect-error the names of headers are a list
cacheApi({ vary: 'accept-language' })
// @ts-expect-error a filter names the fields it keeps or the fields it drops
cacheApi({ query: ['page'] })
// @ts-expect-error maxSize belongs to a profile, not to a route
cacheApi({ maxSize: 10 })
// @ts-expect-error no such profile
createCache({ video: { ttl: 1_000 } })
// @ts-expect-error audio is bounded by maxMemorySize
createCache({ tts: { maxSize: 10 } })
// @ts-expect-error files are for audio
createCache({ api: { cacheDir: 'cache' } })
// @ts-expect-error a clock tells the time as a number
createCache({ clock: { now: () => new Date() } })
// @ts-expect-error a purge says what goes
void cache.purge({})
// @ts-expect-error no such profile
void cache.purge({ profile: 'video' })
