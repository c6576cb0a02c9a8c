import { cacheStatus } from '../../support/cache.js'
import { fakeMachineTime } from '../../support/machine-time.js'
import { libraries } from '../../support/redis-clients.js'
import { startRedis, withRedis, type RedisServer } from '../../support/redis-server.js'
import { share, startMachine, World, type Machine } from './machines.js'

const HOUR = 3_600_000

withRedis('a clock that is set back while machines share a store', () => {
  let server: RedisServer
  beforeAll(async () => (server = await startRedis()))
  const time = fakeMachineTime({ runsOn: true })

  const machine = (name: string, world: World): Promise<Machine> =>
    startMachine({
      name,
      world,
      client: libraries[0][1].single(server.port),
      redis: { timeout: 1_000 },
    })

  it('does not prolong what was stored before it for a machine that starts after it', async () => {
    const world = new World()
    const [a, b] = [await machine('a', world), await machine('b', world)]
    await share(a, b, world)
    await a.movie('603')
    time.jump(-HOUR)
    const late = await machine('late', world)
    await share(b, late, world)
    expect((await late.movie('603')).headers['x-cache']).toBe('MISS')
    // What is made after it is shared as ever, also by those that have seen the time before.
    await a.movie('604')
    time.pass(20_000)
    const found = await late.movie('604')
    expect(found.headers['x-cache']).toBe('HIT')
    const [age, ttl] = [Number(found.headers['age']), Number(cacheStatus(found)['ttl'])]
    expect([age >= 20, age < 60, ttl <= 280, ttl > 240]).toEqual([true, true, true, true])
    time.pass(281_000)
    expect((await late.movie('604')).headers['x-cache']).toBe('MISS')
  })

  it('is the only reason for that', async () => {
    const world = new World()
    const [a, b] = [await machine('a', world), await machine('b', world)]
    await share(a, b, world)
    await a.movie('605')
    const late = await machine('late', world)
    await share(b, late, world)
    expect((await late.movie('605')).headers['x-cache']).toBe('HIT')
  })
})
