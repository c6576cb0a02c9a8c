import { Redis } from 'ioredis'
import { createClient, RESP_TYPES } from 'redis'
import { testCache } from '../../support/cache.js'
import { libraries, type Client } from '../../support/redis-clients.js'
import { startCluster } from '../../support/redis-cluster.js'
import { startRedis, withRedis, type RedisServer } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { share, startMachine, World } from './machines.js'

const HOST = '127.0.0.1'
const SECRET = { username: 'app', password: 'secret' }

withRedis('the client of an app', () => {
  let server: RedisServer
  let world: World
  const undo: (() => unknown)[] = []

  beforeAll(async () => {
    server = await startRedis('user app on >secret ~* &* +@all')
  })
  beforeEach(() => {
    world = new World()
  })
  afterEach(async () => {
    await Promise.all(undo.splice(0).map(work => work()))
  })

  const sharing = async (one: Client, other: Client): Promise<void> => {
    const machines = await Promise.all([
      startMachine({ name: 'one', world, client: one }),
      startMachine({ name: 'other', world, client: other }),
    ])
    await share(machines[0], machines[1], world)
    await share(machines[1], machines[0], world)
  }

  // Whatever an app has set for itself: ours are bytes, and the same ones.
  it.each<[string, (port: number) => Client]>([
    ['node-redis', port => createClient({ socket: { host: HOST, port } })],
    ['node-redis by its address', port => createClient({ url: `redis://app:secret@${HOST}:${port}` })],
    ['node-redis that speaks RESP2', port => createClient({ socket: { host: HOST, port }, RESP: 2 })],
    ['node-redis that maps types', port => mapped(port)],
    ['node-redis without a queue', port => createClient({ socket: { host: HOST, port }, disableOfflineQueue: true })],
    ['node-redis with a user', port => createClient({ socket: { host: HOST, port }, ...SECRET })],
    ['ioredis', port => new Redis({ host: HOST, port, lazyConnect: true })],
    ['ioredis by its address', port => new Redis(`redis://app:secret@${HOST}:${port}`, { lazyConnect: true })],
    ['ioredis that speaks RESP2', port => new Redis({ host: HOST, port, lazyConnect: true, protocol: 2 })],
    ['ioredis with numbers as text', port => new Redis({ host: HOST, port, lazyConnect: true, stringNumbers: true })],
    ['ioredis that gathers commands', port => gathering(port)],
    ['ioredis with a user', port => new Redis({ host: HOST, port, lazyConnect: true, ...SECRET })],
  ])('may be %s', async (_, make) => {
    await sharing(make(server.port), createClient({ socket: { host: HOST, port: server.port } }))
  })

  it.each<[string, (port: number) => Client]>([
    ['node-redis with a prefix', port => createClient({ socket: { host: HOST, port }, keyPrefix: 'app:' })],
    ['node-redis in another database', port => createClient({ socket: { host: HOST, port }, database: 3 })],
    ['ioredis with a prefix', port => new Redis({ host: HOST, port, lazyConnect: true, keyPrefix: 'app:' })],
    ['ioredis in another database', port => new Redis({ host: HOST, port, lazyConnect: true, db: 3 })],
  ])('may be %s, which is kept to', async (_, make) => {
    await server.order('FLUSHALL')
    await sharing(make(server.port), make(server.port))
    const names = (await server.order('KEYS', '*')) as string[]
    expect(names.filter(name => !name.startsWith('app:'))).toEqual([])
  })

  it('may be of two libraries on two machines, in a cluster too', async () => {
    const [[, nodeRedis], [, ioredis]] = libraries
    await sharing(nodeRedis.single(server.port), ioredis.single(server.port))
    const { ports } = await startCluster()
    await sharing(nodeRedis.cluster(ports), ioredis.cluster(ports))
  }, 30_000)

  it.each<[string, () => Promise<{ client: Client; ping: () => Promise<unknown> }>]>([
    [
      'node-redis',
      async () => {
        const client = createClient({ socket: { host: HOST, port: server.port } })
        await client.connect()
        undo.push(() => client.destroy())
        return { client, ping: () => client.ping() }
      },
    ],
    [
      'ioredis',
      async () => {
        const client = new Redis({ host: HOST, port: server.port })
        undo.push(() => client.disconnect())
        return { client, ping: () => client.ping() }
      },
    ],
  ])('is left as it is, and ours are closed with the cache: %s', async (_, connect) => {
    const { client, ping } = await connect()
    expect(await ping()).toBe('PONG')
    const connections = async (): Promise<number> => {
      const list = (await server.order('CLIENT', 'LIST')) as string
      return list.trim().split('\n').length
    }
    const before = await connections()
    const machine = await startMachine({ name: 'one', world, client })
    await share(machine, await startMachine({ name: 'other', world, client }), world)
    expect(await connections()).toBeGreaterThan(before)
    await machine.cache.close()
    await until('only the other machine has connections', async () => (await connections()) <= before + 3)
    expect(await ping()).toBe('PONG')
  })

  it.each([
    ['nothing', undefined],
    ['an address', 'redis://127.0.0.1:6379'],
    ['a client of something else', { get: () => undefined, set: () => undefined }],
    ['null', null],
  ])('may not be %s', (_, client) => {
    expect(() => testCache({ redis: { client: client as never } })).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_REELCACHE_/) }),
    )
  })
})

const mapped = (port: number): Client =>
  createClient({
    socket: { host: HOST, port },
    commandOptions: { typeMapping: { [RESP_TYPES.NUMBER]: String, [RESP_TYPES.BLOB_STRING]: String } },
  })
const gathering = (port: number): Client =>
  new Redis({ host: HOST, port, lazyConnect: true, enableAutoPipelining: true })
