import { randomUUID } from 'node:crypto'
import type { Clock, Tier } from '../../../lib/core/types.js'
import { RedisTier } from '../../../lib/tiers/redis/tier.js'
import { libraries, type Client } from '../../support/redis-clients.js'
import { startCluster } from '../../support/redis-cluster.js'
import { startRedis, withRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { entryOf, tierContract } from '../tier-contract.js'

jest.setTimeout(30_000)

withRedis.each(libraries)('through %s', (_, library) => {
  let single: Client
  let cluster: Client
  beforeAll(async () => {
    const [server, { ports }] = await Promise.all([startRedis(), startCluster()])
    single = library.single(server.port)
    cluster = library.cluster(ports)
  })
  tierContract('one redis-server', clock => makeTier(single, clock), { countsPurges: false })
  tierContract('a Redis Cluster', clock => makeTier(cluster, clock), { countsPurges: false })
})

/** Entries as the cache makes them with a store: each says which purges had been seen when its handler began. */
async function makeTier(client: Client, clock: Clock): Promise<Tier> {
  const tier = new RedisTier({
    ...{ client, prefix: `${randomUUID()}:`, timeout: 1_000, maxEntryBytes: 1024 * 1024, lease: 10_000, clock },
    ...{ report: () => undefined, warn: () => undefined, onPurges: () => undefined, onFollowing: () => undefined },
  })
  const dated: Tier = {
    name: tier.name,
    maxEntryBytes: tier.maxEntryBytes,
    get: async key => {
      const entry = await tier.get(key)
      if (entry === undefined) return undefined
      const { asOf: _, ...own } = entry
      return own
    },
    set: entry => tier.set({ ...entry, asOf: tier.asOf }),
    delete: key => tier.delete(key),
    deleteTag: tag => tier.deleteTag(tag),
    clear: () => tier.clear(),
    close: () => tier.close(),
  }
  const probe = entryOf({ path: '/ready' }, clock)
  await until('the tier takes entries', async () => dated.set(probe))
  await dated.delete(probe.key)
  return dated
}
