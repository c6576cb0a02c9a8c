// The variants whose answers come out of Redis, each from a database of its own.
import { setTimeout as wait } from 'node:timers/promises'
import apicache from 'apicache'
import { Redis } from 'ioredis'
import { createClient, RESP_TYPES } from 'redis'
import routeCache from 'route-cache'
import IoRedisStore from 'route-cache/ioRedisStore.js'
import * as reelcache from '../dist/esm/index.js'
import { makeApp } from './app.mjs'

const HOST = '127.0.0.1'
const MOST_TRIES = 500
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
  'reelcache-node-redis': { kind: 'store', serve: context => withReelcache(context, nodeRedis, 5) },
  'reelcache-ioredis': { kind: 'store', serve: context => withReelcache(context, ioredis, 6) },
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
async function withReelcache({ app, store }, connect, database) {
  const direct = ioredis(store, database)
  await direct.flushdb()
  const alone = { maxSize: 1, ttl: 3_600_000 }
  const cache = reelcache.createCache({
    ...{ api: alone, enhanced: alone, ai: alone },
    tts: { maxMemorySize: 1, fileCache: false },
    // The load keeps both cores busy: late is not away.
    redis: { client: connect(store, database), timeout: 2_000 },
  })
  const makers = { api: cache.cacheApi, enhanced: cache.cacheEnhanced, ai: cache.cacheAi, tts: cache.cacheTts }
  const served = app(profile => makers[profile]())
  await storing(cache, served, direct)
  direct.disconnect()
  return {
    app: served,
    reset: () => cache.purge({ all: true }),
    close: () => cache.close(),
    stats: () => cache.stats(),
  }
}

/** Waits until an answer is in the store, beside the log of purges: answers made before would be missed in the measurement. */
async function storing(cache, app, direct) {
  for (let film = 1; (await direct.dbsize()) < 2; film++) {
    if (film > MOST_TRIES) throw new Error('does not use the store')
    await cache.warm(app, [`/movies/first-${film}`])
    await wait(10)
  }
}
