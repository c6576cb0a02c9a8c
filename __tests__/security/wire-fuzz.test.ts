import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild } from '../support/child.js'
import { ask } from '../support/client.js'
import { until } from '../support/until.js'
import { visit, type Routes } from './wire/client.js'
import { newTally } from './wire/judge.js'

/** REELCACHE_LONG makes 20,000 connections on each Express. */
const CONNECTIONS = process.env['REELCACHE_LONG'] === undefined ? 1_500 : 20_000
const AT_ONCE = 48
const MIB = 1_048_576
const MAX_BYTES = 32 * MIB
const MAX_DETACHED = 8
const SEED = Number(process.env['REELCACHE_SEED'] ?? 603)

let dir: string
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'reelcache-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

interface State {
  readonly running: number
  readonly waiting: number
  readonly peak: number
}

test.each(['Express 5', 'Express 4'])(
  'strangers on the wire get nothing that is not theirs on %s, and the process lives on within its memory',
  async version => {
    const script = join(__dirname, 'wire/server.mjs')
    const flags = ['--unhandled-rejections=strict', '--expose-gc', '--no-warnings']
    const child = await startChild(
      script,
      [JSON.stringify({ version, dir, maxBytes: MAX_BYTES, maxDetached: MAX_DETACHED })],
      flags,
    )
    const routes = (await child.tell('routes')) as Routes
    const tally = newTally()
    const some = async (names: number[]): Promise<void> => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        await visit(child.port, name, SEED, routes, tally)
        if (name % 100 === 0) expect((await ask(child, '/control')).status).toBe(200)
      }
    }
    const all = async (from: number, to: number): Promise<void> => {
      const names = Array.from({ length: to - from }, (_, at) => from + at)
      await Promise.all(Array.from({ length: AT_ONCE }, () => some(names)))
    }
    // Programs and sockets are in memory before it is measured.
    await all(0, 200)
    const atRest = (await child.tell('rest')) as number
    await all(200, 200 + CONNECTIONS)

    expect(tally.wrong.slice(0, 20)).toEqual([])
    const state = async () => (await child.tell('state')) as State
    // Node notices only when it writes that a client has gone of which it reads nothing.
    await child.tell('hangUp')
    // A file that is sent to nobody may stop without a word: such a run is ended after five minutes.
    await until('no more runs are left than may be without a client', async () => {
      const { running, waiting } = await state()
      return waiting === 0 && running <= MAX_DETACHED
    })
    expect((await state()).peak - atRest).toBeLessThan(MAX_BYTES + 100 * MIB)
    expect((await ask(child, '/control')).body.toString()).toBe('alive')
    // A server that answered nothing would have passed the above.
    const { wrong: _, ...counts } = tally
    const least = { whole: 5, personal: 1, hits: 20, collapsed: 1_500, parts: 150, notModified: 500 } as const
    const names = Object.keys(least) as (keyof typeof least)[]
    const tooFew = names.filter(name => counts[name] < CONNECTIONS / least[name])
    expect([counts, tooFew]).toEqual([counts, []])
    if (process.env['REELCACHE_LONG'] !== undefined) {
      process.stdout.write(`${JSON.stringify({ ...tally, atRest, ...(await state()) })}\n`)
    }
  },
  900_000,
)
