import { randomUUID } from 'node:crypto'
import type { PurgeTarget } from '../../../lib/index.js'
import { libraries, type Library } from '../../support/redis-clients.js'
import { gate, type Gate } from '../../support/gate.js'
import { startProxy, type RedisProxy } from '../../support/redis-proxy.js'
import { startRedis, withRedis, type RedisServer } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { temporaryDirectory } from '../file/support.js'
import { share, startMachine, versionIn, World, type Machine, type MachineOptions } from './machines.js'

jest.setTimeout(30_000)

const directory = temporaryDirectory()
const PURGES = process.env['REELCACHE_LONG'] === undefined ? 200 : 1_000
/** Milliseconds. Which deadline a store has is asked elsewhere: here a machine that is busy must not look like a store that is away. */
const PATIENCE = 1_000

withRedis.each(libraries)('a purge, with %s', (_, library: Library) => {
  let server: RedisServer
  let proxy: RedisProxy
  let world: World
  let here: Machine
  /** Behind a network that may fail, and with files. */
  let there: Machine
  let files: string
  /** A store of its own for each test. */
  let prefix: string
  const gates = new Map<string, Gate>()

  const start = (name: string, options: Partial<MachineOptions> = {}): Promise<Machine> =>
    startMachine({ name, world, client: library.single(server.port), redis: { prefix, timeout: PATIENCE }, ...options })
  const startThere = (name = 'there'): Promise<Machine> =>
    start(name, {
      client: library.single(proxy.port),
      tts: { cacheDir: files },
      pause: what => gates.get(what)?.opened,
    })

  beforeAll(async () => {
    server = await startRedis()
    proxy = await startProxy(server.port)
  })
  beforeEach(async () => {
    proxy.heal()
    gates.clear()
    files = directory()
    prefix = `${randomUUID()}:`
    world = new World()
    here = await start('here')
    there = await startThere()
    await share(here, there, world)
    await share(there, here, world)
  })

  /** Both machines hold the film in memory, and its speech; there in files too. */
  const filled = async (movie: string): Promise<void> => {
    for (const machine of [there, here]) {
      versionIn(await machine.movie(movie), movie)
      versionIn(await machine.speak(movie), movie, 'hello')
    }
    expect([await here.holds(movie), await there.holds(movie)]).toEqual([1, 1])
    expect([await here.holdsSpeech(movie), await there.holdsSpeech(movie)]).toEqual([true, true])
  }
  const gone = (machine: Machine, movie: string): Promise<void> =>
    until(`the purge of ${movie} has arrived ${machine.name}`, async () => (await machine.holds(movie)) === undefined)
  /** What a machine answers now about a film, and its speech: the versions. */
  const versions = async (machine: Machine, movie: string): Promise<[movie: number, speech: number]> => [
    versionIn(await machine.movie(movie), movie),
    versionIn(await machine.speak(movie), movie, 'hello'),
  ]
  /** Nobody has the old version any more, in whichever tier, and nor does a machine that is started now. */
  const nobodyServes = async (movie: string): Promise<void> => {
    const late = await start('late')
    await share(here, late, world)
    for (const machine of [there, here, late])
      expect([machine.name, ...(await versions(machine, movie))]).toEqual([machine.name, 2, 2])
  }

  describe.each<[string, (movie: string) => Promise<unknown>]>([
    ['of a movie', movie => here.cache.purge({ movie })],
    ['of everything', () => here.cache.purge({ all: true })],
  ])('%s', (_, purge) => {
    it('reaches memory and files of another machine, and the store', async () => {
      await filled('603')
      world.edit('603')
      await purge('603')
      await gone(there, '603')
      expect(await there.holdsSpeech('603')).toBe(false)
      await nobodyServes('603')
    })

    it('made while the other machine is cut off reaches it when it is back', async () => {
      await filled('603')
      proxy.refuse()
      world.edit('603')
      await purge('603')
      // It cannot know yet, and goes on as without the store: the control of what follows.
      expect(await there.holds('603')).toBe(1)
      proxy.heal()
      await gone(there, '603')
      await nobodyServes('603')
    })

    it('made while the store is away reaches the others when it is back', async () => {
      await filled('603')
      ;[here, there] = [there, here]
      proxy.refuse()
      world.edit('603')
      await purge('603')
      expect(await here.holds('603')).toBeUndefined()
      expect(await there.holds('603')).toBe(1)
      proxy.heal()
      await gone(there, '603')
      await nobodyServes('603')
    })

    it('is not undone by an answer that another machine began before it and stores after it', async () => {
      await filled('603')
      gates.set('movie 604', gate())
      const answer = there.movie('604')
      await until('the handler has begun', () => world.made('movie 604') === 1)
      proxy.silence('XREAD')
      world.edit('604')
      await purge('604')
      gates.get('movie 604')!.open()
      // Its client gets what was true when it asked.
      expect(versionIn(await answer, '604')).toBe(1)
      for (let again = 0; again < 5; again++) expect(versionIn(await here.movie('604'), '604')).toBe(2)
      proxy.heal()
      await until('the purge has arrived', async () => (await there.holds('604')) !== 1)
      expect(versionIn(await there.movie('604'), '604')).toBe(2)
    })

    it('that has arrived fences the answers that are being made', async () => {
      await filled('603')
      gates.set('movie 604', gate())
      const answer = there.movie('604')
      await until('the handler has begun', () => world.made('movie 604') === 1)
      world.edit('604')
      await there.speak('604')
      await purge('604')
      await until('the purge has arrived', async () => !(await there.holdsSpeech('604')))
      gates.get('movie 604')!.open()
      expect(versionIn(await answer, '604')).toBe(1)
      expect(await there.holds('604')).toBeUndefined()
      expect(versionIn(await there.movie('604'), '604')).toBe(2)
      expect(versionIn(await here.movie('604'), '604')).toBe(2)
    })
  })

  it.each<[string, PurgeTarget]>([
    ['a profile', { profile: 'api' }],
    ['a key', { key: 'api 603 GET http://127.0.0.1 /movies/603' }],
  ])('of %s reaches another machine, and leaves the others alone', async (_name, target) => {
    await filled('603')
    world.edit('603')
    await here.cache.purge(target)
    await gone(there, '603')
    expect(await there.holdsSpeech('603')).toBe(true)
    expect(versionIn(await there.movie('603'), '603')).toBe(2)
  })

  it('by a PUT that succeeded reaches another machine', async () => {
    await filled('603')
    world.edit('603')
    expect((await here.put('603')).status).toBe(200)
    await gone(there, '603')
    expect(versionIn(await there.movie('603'), '603')).toBe(2)
    expect(versionIn(await here.movie('603'), '603')).toBe(2)
  })

  it.each<[string, () => Promise<unknown>]>([
    ['breaks every connection', () => server.order('CLIENT', 'KILL', 'TYPE', 'normal')],
    ['breaks the connections of one machine', async () => proxy.cut()],
  ])('made just after something %s arrives', async (_, breakOff) => {
    await filled('603')
    world.edit('603')
    await breakOff()
    await here.cache.purge({ movie: '603' })
    await gone(there, '603')
    await nobodyServes('603')
  })

  describe.each<[string, () => Promise<unknown>]>([
    ['trimmed away', async () => trim(server, prefix, 'purges')],
    ['lost with the whole store', async () => (await server.kill(), server.start())],
    ['deleted', () => server.order('FLUSHALL')],
  ])('that was %s before another machine was back', (_, lose) => {
    const purgeAndLose = async (movie: string): Promise<void> => {
      proxy.refuse()
      world.edit(movie)
      await here.cache.purge({ movie })
      await lose()
      proxy.heal()
      await gone(there, movie)
      // Each of the two logs is read by itself, and files are judged by the one of purges.
      await until('its speech is not served any more', async () => !(await there.holdsSpeech(movie)))
    }

    it('is not served by it', async () => {
      await filled('603')
      await purgeAndLose('603')
      await nobodyServes('603')
    })

    it('is not served by it from a file that it stored before it knew the store', async () => {
      await there.cache.close()
      proxy.refuse()
      there = await startThere('again')
      versionIn(await there.speak('603'), '603', 'hello')
      proxy.heal()
      await share(here, there, world)
      versionIn(await there.movie('603'), '603')
      // The control: nothing was purged or lost so far.
      expect(await there.holdsSpeech('603')).toBe(true)
      await purgeAndLose('603')
      await nobodyServes('603')
    })
  })

  it(`arrives soon: ${PURGES} are timed`, async () => {
    const times: number[] = []
    for (let film = 0; film < PURGES; film++) await there.movie(String(film))
    let tell: () => void = () => undefined
    there.cache.on('event', ({ type }) => {
      if (type === 'purged') tell()
    })
    for (let film = 0; film < PURGES; film++) {
      const arrived = new Promise<void>(resolve => (tell = resolve))
      const start = performance.now()
      const purged = here.cache.purge({ movie: film })
      await arrived
      times.push(performance.now() - start)
      await purged
    }
    times.sort((a, b) => a - b)
    const [median, late] = [0.5, 0.99].map(part => times[Math.floor(PURGES * part)]!.toFixed(2))
    console.log(`${library.name}: a purge arrives after ${median} ms at the median, ${late} ms at the 99th percentile`)
  })

  it('made while a process was down is known to the next one that uses its files', async () => {
    await filled('603')
    await filled('604')
    await there.cache.close()
    world.edit('603')
    await here.cache.purge({ movie: '603' })
    there = await startThere('again')
    await share(here, there, world)
    const made = world.runs.length
    expect(await there.holdsSpeech('603')).toBe(false)
    expect(await there.holdsSpeech('604')).toBe(true)
    expect(world.runs).toHaveLength(made)
    expect(await versions(there, '603')).toEqual([2, 2])
  })

  it('is told by a process that ends right after it', async () => {
    await filled('603')
    world.edit('603')
    const script = await start('script')
    await script.cache.purge({ movie: '603' })
    await script.cache.close()
    await gone(there, '603')
    await nobodyServes('603')
  })

  it('is not pushed out by many unsafe requests, each of which makes a URL outdated', async () => {
    await filled('603')
    const before = await lengthOf('purges')
    for (let change = 0; change < 20; change++) expect((await here.put('604')).status).toBe(200)
    expect(await lengthOf('purges')).toBe(before)
    expect(await lengthOf('outdated')).toBeGreaterThanOrEqual(20)
    // As if there had been ten thousand of them: what is old among GETs nobody can tell any more, and speech is as good as it was.
    await trim(server, prefix, 'outdated')
    await there.cache.close()
    there = await startThere('again')
    await share(here, there, world)
    expect([await there.holds('603'), await there.holdsSpeech('603')]).toEqual([undefined, true])
  })

  const lengthOf = async (log: Log): Promise<number> =>
    (await server.order('XLEN', await nameOf(server, prefix, log))) as number
})

type Log = 'purges' | 'outdated'

async function nameOf(server: RedisServer, prefix: string, log: Log): Promise<string> {
  const keys = (await server.order('KEYS', `${prefix}*:${log}`)) as string[]
  expect(keys).toHaveLength(1)
  return keys[0]!
}

/** As if ten thousand others had been made. */
async function trim(server: RedisServer, prefix: string, log: Log): Promise<void> {
  const name = await nameOf(server, prefix, log)
  await server.order('XADD', name, '*', 'none', 'none')
  await server.order('XTRIM', name, 'MAXLEN', 1)
}
