// The variants whose answers come out of Redis, each from a database of its own.
import apicache from 'apicache'
import { Redis } from 'ioredis'
import { createClient, RESP_TYPES } from 'redis'
import routeCache from 'route-cache'
import IoRedisStore from 'route-cache/ioRedisStore.js'
import * as reelcache from '../dist/esm/index.js'
import { makeApp } from './app.mjs'

const HOST = '127.0.0.1'
const nodeRedis = (port, database) => createClient({ socket: { host: HOST, port }, database })
const ioredis = (port, db) => new Redis({ host: HOST, port, db, lazyConnect: true })

export const stored = {
  'get-node-redis': {
    kind: 'store-limit',
    async serve({ requests, store }) {
      const client = nodeRedis(store, 1).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
      await client.connect()
      return withGet(requests, client, key => client.get(key))
    },
  },
  'get-ioredis': {
    kind: 'store-limit',
    async serve({ requests, store }) {
      const client = ioredis(store, 2)
      await client.connect()
      return withGet(requests, client, key => client.getBuffer(key))
    },
  },
  'apicache-node-redis': { kind: 'store', serve: withApicache },
  'route-cache-ioredis': { kind: 'store', serve: withRouteCache },
  'reelcache-node-redis': { kind: 'store', serve: context => withReelcache(context, nodeRedis(context.store, 5)) },
  'reelcache-ioredis': { kind: 'store', serve: context => withReelcache(context, ioredis(context.store, 6)) },
}

/** Nothing but one GET through the client: what no cache in this store can beat. */
async function withGet(requests, client, get) {
  const types = new Map(requests.map(({ path, answer: { type } }) => [path, type]))
  for (const { path, answer } of requests) await client.set(path, answer.body)
  const handler = async (req, res) => {
    const body = await get(req.url)
    res.writeHead(200, ['Content-Type', types.get(req.url), 'Content-Length', String(body.length)]).end(body)
  }
  return { app: makeApp({ movie: handler, enriched: handler, trailer: handler, speech: handler, slow: handler }) }
}

async function withApicache({ app, store }) {
  const redisClient = nodeRedis(store, 3)
  await redisClient.connect()
  const own = apicache.newInstance({ redisClient })
  return { app: app(() => own.middleware('1 hour')), reset: () => redisClient.flushDb() }
}

function withRouteCache({ app, store }) {
  const cacheStore = new IoRedisStore(ioredis(store, 4))
  routeCache.config({ cacheStore })
  return { app: app(() => routeCache.cacheSeconds(3_600)), reset: () => cacheStore.clear() }
}

/** One entry of each kind in memory, and none in files: every answer of another key is one out of the store. */
function withReelcache({ app }, client) {
  const alone = { maxSize: 1, ttl: 3_600_000 }
  const cache = reelcache.createCache({
    ...{ api: alone, enhanced: alone, ai: alone },
    tts: { maxMemorySize: 1, fileCache: false },
    // The load keeps both cores busy: late is not away.
    redis: { client, timeout: 2_000 },
  })
  const makers = { api: cache.cacheApi, enhanced: cache.cacheEnhanced, ai: cache.cacheAi, tts: cache.cacheTts }
  return {
    app: app(profile => makers[profile]()),
    reset: () => cache.purge({ all: true }),
    close: () => cache.close(),
    stats: () => cache.stats(),
  }
}
