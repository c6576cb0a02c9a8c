import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import type { CacheOptions } from './cache.js'

/** What an app gives to `createCache`. */
export type Client = NonNullable<CacheOptions['redis']>['client']

/** A way to the store, as an app would write it; nothing here is ever connected: the cache makes connections of its own. */
export interface Library {
  readonly name: string
  single(port: number, user?: { username: string; password: string }): Client
  cluster(ports: readonly number[]): Client
}

const HOST = '127.0.0.1'

const nodeRedis: Library = {
  name: 'node-redis',
  single: (port, user) => createClient({ socket: { host: HOST, port }, ...user }),
  cluster: ports => createCluster({ rootNodes: ports.map(port => ({ socket: { host: HOST, port } })) }),
}

const ioredis: Library = {
  name: 'ioredis',
  single: (port, user) => new Redis({ host: HOST, port, lazyConnect: true, ...user }),
  cluster: ports =>
    new Cluster(
      ports.map(port => ({ host: HOST, port })),
      { lazyConnect: true },
    ),
}

export const libraries = [
  ['node-redis', nodeRedis],
  ['ioredis', ioredis],
] as const
