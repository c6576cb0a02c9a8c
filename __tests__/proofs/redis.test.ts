import express from 'express'
import { startRedis, withRedis } from '../support/redis-server.js'
import { libraries } from '../support/redis-clients.js'
import { seeded } from '../support/random.js'
import { serve } from '../support/server.js'
import { until } from '../support/until.js'
import { profiles, startShared, versionOf, type Line, type SharedServer } from './shared.js'

const isLong = process.env['REELCACHE_LONG'] !== undefined
/** A machine with more processes than cores keeps each waiting, the store too: that is no failure of it. */
const patient = { timeout: 5_000 }

const PROCESSES = 8
const REQUESTS = isLong ? 100_000 : 10_000
const KEYS = isLong ? 2_000 : 200
const AT_A_TIME = 40

const HOUR = 3_600_000

const FILMS = 4
const EDITS = isLong ? 400 : 40

/** The first film that every process has from another: all of them are connected. */
async function connected(servers: readonly SharedServer[]): Promise<void> {
  for (const [n, server] of servers.entries()) {
    let tries = 0
    await until(`process ${n} uses the store`, async () => {
      const line: Line = { profile: 'ai', movie: `first-${n}-${++tries}`, text: 'hello' }
      await servers[(n + 1) % servers.length]!.ask(line)
      const before = await server.runs()
      await server.ask(line)
      return (await server.runs()) === before
    })
  }
}

const runsOf = async (servers: readonly SharedServer[]): Promise<number> =>
  (await Promise.all(servers.map(server => server.runs()))).reduce((sum, runs) => sum + runs, 0)

withRedis.each(libraries)('processes that share a store through %s', (library: string) => {
  test(
    `${REQUESTS} requests to ${PROCESSES} processes over ${KEYS} keys of tts and ai make ${KEYS} handler calls`,
    async () => {
      const store = await startRedis()
      const takes = { least: 5, more: 45 }
      const settings = { library, store: store.port, takes, redis: patient }
      const servers = await Promise.all(Array.from({ length: PROCESSES }, () => startShared(settings)))
      await connected(servers)
      const before = await runsOf(servers)
      const random = seeded(8)
      const lines: Line[] = Array.from({ length: KEYS }, (_, n) => ({
        profile: profiles[n % profiles.length]!,
        movie: String(600 + (n % 20)),
        text: `line ${n}`,
      }))
      let left = REQUESTS
      const start = performance.now()
      const client = async (): Promise<void> => {
        while (left-- > 0) {
          const line = random.pick(lines)
          expect(versionOf(await random.pick(servers).ask(line), line)).toBe(1)
        }
      }
      await Promise.all(Array.from({ length: AT_A_TIME }, client))
      const calls = (await runsOf(servers)) - before
      const took = (performance.now() - start) / 1_000
      console.log(`${library}: ${REQUESTS} requests, ${calls} handler calls for ${KEYS} keys, in ${took.toFixed(1)} s`)
      expect(calls).toBe(KEYS)
    },
    isLong ? 300_000 : 60_000,
  )

  describe.each(profiles)('one process makes %s, and', profile => {
    const line: Line = { profile, movie: '603', text: 'hello' }
    const lease = 600

    // Without the lease they would wait for thirty seconds, or make one each.
    test('is killed: another makes it when the lease is over, and the others wait for that', async () => {
      const store = await startRedis()
      const settings = { library, store: store.port, takes: { least: 20, more: 0 }, redis: { ...patient, lease } }
      const servers = await Promise.all([1, 2, 3, 4].map(() => startShared(settings)))
      await connected(servers)
      const [holder, ...others] = servers
      const before = await runsOf(others)
      await holder!.slow(HOUR)
      const begun = holder!.child.heard('begun')
      const lost = holder!.ask(line).catch(() => 'lost')
      await begun
      const answers = Promise.all(others.map(other => other.ask(line)))
      holder!.child.kill()
      const killedAt = performance.now()
      expect((await answers).map(answer => versionOf(answer, line))).toEqual([1, 1, 1])
      const waited = performance.now() - killedAt
      expect(await lost).toBe('lost')
      expect((await runsOf(others)) - before).toBe(1)
      console.log(
        `${library}, ${profile}: all answered ${waited.toFixed(0)} ms after the kill, with a lease of ${lease} ms`,
      )
    }, 20_000)

    test('takes longer than the lease: it is renewed, and the others wait', async () => {
      const store = await startRedis()
      const settings = {
        library,
        store: store.port,
        takes: { least: 0, more: 0 },
        redis: { ...patient, lease },
      }
      const servers = await Promise.all([1, 2].map(() => startShared(settings)))
      await connected(servers)
      const before = await runsOf(servers)
      await Promise.all(servers.map(server => server.slow(3 * lease)))
      const answers = await Promise.all(servers.map(server => server.ask(line)))
      expect(answers.map(answer => versionOf(answer, line))).toEqual([1, 1])
      expect((await runsOf(servers)) - before).toBe(1)
    }, 30_000)
  })

  test(
    `no answer from before a purge comes after it has arrived, while ${EDITS} purges and fills go on in 4 processes`,
    async () => {
      const store = await startRedis()
      const versions = new Map<string, number>()
      const truth = await serve(
        express().get('/:movie', ({ params: { movie } }, res) => void res.send(String(versions.get(movie) ?? 1))),
      )
      const takes = { least: 0, more: 30 }
      const settings = { library, store: store.port, takes, truth: truth.url, redis: patient }
      const servers = await Promise.all([1, 2, 3, 4].map(() => startShared(settings)))
      await connected(servers)
      const random = seeded(4)
      /** What each process may not fall below: it knows of the purge that threw out all before. */
      const floors = servers.map(() => new Map<string, number>())
      let goesOn = true
      let answers = 0
      let shared = 0

      const client = async (): Promise<void> => {
        while (goesOn) {
          const n = random.below(servers.length)
          const line: Line = { profile: random.pick(profiles), movie: `${random.below(FILMS)}`, text: 'hello' }
          const floor = floors[n]!.get(line.movie) ?? 1
          const answer = await servers[n]!.ask(line)
          const version = versionOf(answer, line)
          answers++
          if (version < floor)
            throw new Error(`${JSON.stringify(line)}: version ${version}, after ${floor} of process ${n}`)
        }
      }
      /** All purges so far have come to every process: what was purged last is gone everywhere. */
      const arrived = async (round: number): Promise<void> => {
        const last: Line = { profile: 'ai', movie: `last-${round}`, text: 'hello' }
        for (const server of servers) await server.ask(last)
        expect(await Promise.all(servers.map(server => server.holds(last)))).toEqual(servers.map(() => true))
        await servers[0]!.purge({ movie: last.movie })
        for (const server of servers) await until('the purge arrives', async () => !(await server.holds(last)))
      }
      const editor = async (): Promise<void> => {
        for (let edit = 1; edit <= EDITS; edit++) {
          const movie = `${random.below(FILMS)}`
          const version = (versions.get(movie) ?? 1) + 1
          versions.set(movie, version)
          const n = random.below(servers.length)
          await servers[n]!.purge({ movie })
          floors[n]!.set(movie, version)
          if (edit % 4 !== 0) continue
          const before = new Map(versions)
          await arrived(edit)
          for (const floor of floors) for (const [movie, version] of before) floor.set(movie, version)
        }
        goesOn = false
      }
      await Promise.all([editor(), ...Array.from({ length: 12 }, client)])
      for (const server of servers) shared += (await server.stats()).profiles.tts.hitsByTier['redis'] ?? 0
      console.log(
        `${library}: ${answers} answers during ${EDITS} purges; ${await runsOf(servers)} handler calls, ${shared} hits of speech from the store`,
      )
      // Without these the storm would have shown nothing.
      expect(answers).toBeGreaterThan(EDITS)
      expect(shared).toBeGreaterThan(0)
    },
    isLong ? 600_000 : 60_000,
  )
})
