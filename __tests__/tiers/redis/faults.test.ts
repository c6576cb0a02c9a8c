import { libraries, type Library } from '../../support/redis-clients.js'
import { startCluster } from '../../support/redis-cluster.js'
import { startProxy, type RedisProxy } from '../../support/redis-proxy.js'
import { startRedis, withRedis, type RedisServer } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { share, startMachine, versionIn, World, type Machine } from './machines.js'

jest.setTimeout(60_000)

interface Fault {
  readonly name: string
  /** Lines of redis.conf. */
  readonly settings?: readonly string[]
  /** Is off before the machine starts. */
  readonly fromTheStart?: boolean
  strike(server: RedisServer, proxy: RedisProxy): unknown
  /** What must have come about before the fault has been endured. */
  endured?(proxy: RedisProxy): boolean
  heal(server: RedisServer, proxy: RedisProxy): unknown
  /** The store answers nothing that could be used: the cache says that it is away. */
  readonly isAway: boolean
  /** Commands that were sent are not answered in time: each costs its request a deadline. */
  readonly isSilent?: boolean
}

const APP = { username: 'app', password: 'right' }
let turns: { readonly turns: number }

const faults: readonly Fault[] = [
  {
    name: 'killed',
    strike: server => server.kill(),
    heal: server => server.start(),
    isAway: true,
  },
  {
    name: 'stopped, and silent',
    strike: server => server.freeze(),
    heal: server => server.thaw(),
    isAway: true,
    isSilent: true,
  },
  {
    name: 'behind a network that has gone silent',
    strike: (_, proxy) => proxy.silence(),
    heal: (_, proxy) => proxy.heal(),
    isAway: true,
    isSilent: true,
  },
  {
    name: 'slowed by 500 ms',
    strike: (_, proxy) => proxy.delay(500),
    heal: (_, proxy) => proxy.heal(),
    isAway: true,
    isSilent: true,
  },
  {
    name: 'there and away in turn, each for a second',
    strike: (_, proxy) => (turns = proxy.flap(1_000)),
    endured: () => turns.turns >= 3,
    heal: (_, proxy) => proxy.heal(),
    isAway: false,
  },
  {
    name: 'out of memory',
    strike: server => server.order('CONFIG', 'SET', 'maxmemory', 1),
    heal: server => server.order('CONFIG', 'SET', 'maxmemory', 0),
    isAway: false,
  },
  {
    name: 'read-only',
    strike: server => server.order('REPLICAOF', '127.0.0.1', 1),
    heal: server => server.order('REPLICAOF', 'NO', 'ONE'),
    isAway: false,
  },
  {
    name: 'restarted, and empty',
    strike: async server => {
      await server.kill()
      await server.start()
    },
    heal: () => undefined,
    isAway: false,
  },
  {
    name: 'not there when the process starts',
    fromTheStart: true,
    strike: server => server.kill(),
    heal: server => server.start(),
    isAway: true,
  },
  {
    name: 'given another password than ours',
    fromTheStart: true,
    strike: server => server.order('ACL', 'SETUSER', APP.username, 'resetpass', '>other'),
    heal: server => server.order('ACL', 'SETUSER', APP.username, 'resetpass', `>${APP.password}`),
    isAway: true,
  },
  {
    name: 'loading',
    settings: ['enable-debug-command local', 'loading-process-events-interval-bytes 1024'],
    strike: async server => {
      for (let key = 0; key < 100; key++) await server.order('SET', `heavy ${key}`, 'x'.repeat(2_000))
      await server.order('CONFIG', 'SET', 'key-load-delay', 10_000)
      void server.order('DEBUG', 'RELOAD').catch(() => undefined)
    },
    heal: server => server.order('CONFIG', 'SET', 'key-load-delay', 0),
    isAway: true,
  },
]

const alertsOf = ({ cache }: Machine): string[] => cache.health().alerts.map(({ code }) => code)

/** What entries were looked up, stored and locked with; connecting, probing and purges are not of a request. */
const commandsAbout = (proxy: RedisProxy, movie: string): number =>
  proxy.commands.filter(([, key]) => key?.includes(`{${movie}}`)).length

withRedis.each(libraries)('a store that %s reaches', (_, library: Library) => {
  it.each(faults.map(fault => [fault.name, fault] as const))(
    'and that is %s, costs no answer, and comes back by itself',
    async (name, fault) => {
      const user = `user ${APP.username} on >${APP.password} ~* &* +@all`
      const server = await startRedis(user, ...(fault.settings ?? []))
      const proxy = await startProxy(server.port)
      const world = new World()
      const other = await startMachine({ name: 'other', world, client: library.single(server.port) })
      if (fault.fromTheStart) await fault.strike(server, proxy)
      const machine = await startMachine({ name: 'machine', world, client: library.single(proxy.port, APP) })
      if (!fault.fromTheStart) {
        await share(machine, other, world)
        await machine.movie('known')
        expect(alertsOf(machine)).not.toContain('store-away')
        await fault.strike(server, proxy)
      }
      proxy.forget()

      const times: number[] = []
      const timed = async (movie: string, text?: string): Promise<void> => {
        const start = performance.now()
        const answer = await (text === undefined ? machine.movie(movie) : machine.speak(movie, text))
        times.push(performance.now() - start)
        expect(versionIn(answer, movie, text)).toBe(1)
      }
      const movies: string[] = []
      let wasAway = false
      for (let round = 0; round < 10 || !(fault.endured?.(proxy) ?? true); round++) {
        const movie = `during-${round}`
        movies.push(movie)
        await timed(movie)
        await Promise.all([timed(movie, 'one'), timed(movie, 'two'), timed(movie), timed('known')])
        wasAway ||= alertsOf(machine).includes('store-away')
      }
      const sent = movies.map(movie => commandsAbout(proxy, movie))
      const all = sent.reduce((sum, count) => sum + count, 0)
      times.sort((a, b) => a - b)
      console.log(
        `${library.name}, ${name}: ${times.length} requests, median ${times[times.length >> 1]!.toFixed(1)} ms, ` +
          `longest ${times.at(-1)!.toFixed(1)} ms; ${all} commands about ${movies.length} new films`,
      )
      if (fault.isAway) expect(wasAway).toBe(true)
      // Once a command has not been answered none is sent: one request in a row has waited for one.
      if (fault.isSilent) expect(all).toBeLessThanOrEqual(1)

      await fault.heal(server, proxy)
      await share(machine, other, world)
      await share(other, machine, world)
      await until('the alert is cleared', () => !alertsOf(machine).includes('store-away'))
    },
  )

  it('and that is a cluster of which a node goes, costs no answer, and comes back by itself', async () => {
    const { nodes, ports } = await startCluster()
    const world = new World()
    const [machine, other] = await Promise.all([
      startMachine({ name: 'machine', world, client: library.cluster(ports) }),
      startMachine({ name: 'other', world, client: library.cluster(ports) }),
    ])
    await share(machine, other, world)
    await share(other, machine, world)
    await nodes[1]!.kill()
    // Films in slots of every node.
    for (let film = 0; film < 30; film++) {
      const movie = `during-${film}`
      await Promise.all([
        machine.movie(movie).then(answer => versionIn(answer, movie)),
        machine.speak(movie).then(answer => versionIn(answer, movie, 'hello')),
      ])
    }
    await nodes[1]!.start()
    // As many as it takes until there was one in the slots of each node.
    for (let film = 0; film < 9; film++) await share(machine, other, world)
    await until('the alert is cleared', () => !alertsOf(machine).includes('store-away'))
  })
})
