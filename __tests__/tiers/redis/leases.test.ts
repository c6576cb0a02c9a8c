import { randomUUID } from 'node:crypto'
import type { Claim, Lease } from '../../../lib/core/leases.js'
import type { CacheEntry } from '../../../lib/core/types.js'
import { RedisTier } from '../../../lib/tiers/redis/tier.js'
import { fakeClock } from '../../support/clock.js'
import { libraries, type Client } from '../../support/redis-clients.js'
import { startCluster } from '../../support/redis-cluster.js'
import { startProxy } from '../../support/redis-proxy.js'
import { startRedis, withRedis, type RedisServer } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { entryOf } from '../tier-contract.js'

jest.setTimeout(30_000)

const PATIENCE = 10_000
const SPAN = 600
const MAX_BYTES = 10_000

withRedis.each(libraries)('a lease, through %s', (_, library) => {
  const clock = fakeClock()
  const never = new AbortController().signal
  const tiers: RedisTier[] = []
  let server: RedisServer
  let prefix: string
  let one: RedisTier
  let other: RedisTier

  const start = async (client: Client = library.single(server.port)): Promise<RedisTier> => {
    const tier = new RedisTier({
      ...{ client, prefix, timeout: 1_000, maxEntryBytes: MAX_BYTES, lease: SPAN, clock },
      ...{ report: () => undefined, warn: () => undefined, onPurges: () => undefined, onFollowing: () => undefined },
    })
    tiers.push(tier)
    await until('the tier takes entries', async () => tier.set(answerOf('/ready', tier)))
    return tier
  }
  const answerOf = (path: string, tier: RedisTier, given: Partial<CacheEntry> = {}): CacheEntry =>
    entryOf({ path, profile: 'ai', ...given, ...(tier.asOf !== undefined && { asOf: tier.asOf }) }, clock)
  const keyOf = (path: string): string => entryOf({ path, profile: 'ai' }, clock).key
  const claim = (tier: RedisTier, patience = PATIENCE, signal = never): Promise<Claim> =>
    tier.leases.claim(keyOf('/'), patience, signal)
  const taken = async (tier: RedisTier): Promise<Lease> => {
    const claimed = await claim(tier)
    expect(claimed.is).toBe('mine')
    return (claimed as Extract<Claim, { is: 'mine' }>).lease
  }
  /** Whether somebody waits: he has looked at the lease. */
  const leaseTime = async (): Promise<number> => {
    const [name] = (await server.order('KEYS', `${prefix}*:lease`)) as string[]
    return name === undefined ? -2 : ((await server.order('PTTL', name)) as number)
  }

  beforeAll(async () => {
    server = await startRedis()
  })
  beforeEach(async () => {
    prefix = `${randomUUID()}:`
    ;[one, other] = await Promise.all([start(), start()])
  })
  afterEach(() => Promise.all(tiers.splice(0).map(tier => tier.close())))

  it('is given to one machine, and the others get what that one has made', async () => {
    const lease = await taken(one)
    const waiting = [claim(other), claim(other)]
    const made = answerOf('/', one)
    void one.set(made)
    lease.end('landed')
    for (const claimed of await Promise.all(waiting)) expect(claimed).toEqual({ is: 'answer', entry: made })
    await until('it is given back', async () => (await leaseTime()) === -2)
  })

  it('is given to nobody where the answer is there by now', async () => {
    const made = answerOf('/', one)
    await one.set(made)
    expect(await claim(other)).toEqual({ is: 'answer', entry: made })
    expect(await leaseTime()).toBe(-2)
  })

  it('is given where the answer that is there is stale', async () => {
    await one.set(answerOf('/', one, { freshSpan: 0 }))
    expect((await claim(other)).is).toBe('mine')
  })

  it('is given to the next when its holder gives up', async () => {
    const lease = await taken(one)
    const next = claim(other)
    lease.end('abandoned')
    expect((await next).is).toBe('mine')
  })

  it('is given to the next when its holder closes its cache', async () => {
    await taken(one)
    const next = claim(other)
    await one.close()
    expect((await next).is).toBe('mine')
  })

  it.each<[string, (tier: RedisTier, lease: Lease) => void]>([
    ['may not be shared', (_, lease) => lease.end('refused')],
    [
      'is too large for the store',
      (tier, lease) => {
        void tier.set(answerOf('/', tier, { body: Buffer.alloc(MAX_BYTES + 1) }))
        lease.end('landed')
      },
    ],
  ])('of an answer that %s lets everybody make his own, for a while', async (_, finish) => {
    const lease = await taken(one)
    const waiting = [claim(other), claim(other)]
    finish(one, lease)
    expect(await Promise.all(waiting)).toEqual([{ is: 'alone' }, { is: 'alone' }])
    expect(await claim(one)).toEqual({ is: 'alone' })
    await until('it is given again', async () => (await claim(other)).is === 'mine')
  })

  it('is renewed while it is held, and not afterwards', async () => {
    const lease = await taken(one)
    const times: number[] = []
    await until('it was renewed three times', async () => {
      times.push(await leaseTime())
      return times.filter((time, n) => n > 0 && time > times[n - 1]!).length >= 3
    })
    expect(Math.min(...times)).toBeGreaterThan(0)
    lease.end('abandoned')
    await until('it is gone', async () => (await leaseTime()) === -2)
  })

  it('costs the others its time at most when its holder is gone', async () => {
    const proxy = await startProxy(server.port)
    const gone = await start(library.single(proxy.port))
    await taken(gone)
    proxy.refuse()
    expect((await claim(other)).is).toBe('mine')
  })

  it('that has run out and is another machine’s is not taken from it', async () => {
    const lease = await taken(one)
    const [name] = (await server.order('KEYS', `${prefix}*:lease`)) as string[]
    await server.order('SET', name!, 'of another', 'PX', 60_000)
    lease.end('abandoned')
    // A command sent after it has an answer: it has been carried out.
    await one.set(answerOf('/later', one))
    expect(await server.order('GET', name!)).toBe('of another')
  })

  it('is waited for no longer than there is patience', async () => {
    await taken(one)
    expect(await claim(other, 50)).toEqual({ is: 'alone' })
  })

  it('is not waited for by whoever has left', async () => {
    await taken(one)
    const leaving = new AbortController()
    const waiting = claim(other, PATIENCE, leaving.signal)
    leaving.abort()
    expect(await waiting).toEqual({ is: 'alone' })
  })

  it('is not asked for while the store is away', async () => {
    await server.kill()
    await until('it is noticed', async () => (await claim(one)).is === 'alone')
    expect(await claim(one)).toEqual({ is: 'alone' })
    await server.start()
  })

  it('is kept in a cluster too', async () => {
    const { ports } = await startCluster()
    const [here, there] = await Promise.all([start(library.cluster(ports)), start(library.cluster(ports))])
    const lease = await taken(here)
    const waiting = claim(there)
    const made = answerOf('/', here)
    void here.set(made)
    lease.end('landed')
    expect(await waiting).toEqual({ is: 'answer', entry: made })
  })
})
