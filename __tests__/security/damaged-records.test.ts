import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeValue, encodeValue } from '../../lib/tiers/redis/value.js'
import { cacheStatus, testCache } from '../support/cache.js'
import { postJson } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { serve } from '../support/server.js'
import { until } from '../support/until.js'
import { entryOf } from '../tiers/tier-contract.js'

type Fields = Record<string, unknown>

/** The line of a meta written anew, with a digest that is right: as somebody writes it who may write to the directory or the store. */
function forged(line: Buffer, change: Fields): Buffer {
  const { digest: _, ...meta } = JSON.parse(line.toString()) as Fields
  const text = JSON.stringify({ ...meta, ...change })
  const digest = createHash('sha256').update(text).digest('hex')
  return Buffer.from(`${text.slice(0, -1)},"digest":"${digest}"}\n`)
}

const harms: [string, Fields][] = [
  ...[0, 99, 100, 103, 199, 206, 304, 412, 416, 500, 503, 599, 999, -200, 200.5].map((status): [string, Fields] => [
    `the status ${status}`,
    { status },
  ]),
  ['a status that is text', { status: '200' }],
  ['no status', { status: null }],
  ['an age below zero', { initialAge: -1 }],
  ['an instant before all time', { storedAt: -1 }],
  ['a run of less than no time', { handlerTime: -1 }],
  ['a window that ends before its freshness', { freshSpan: 300_000, refreshSpan: -1 }],
  ['a cover that ends before its freshness', { freshSpan: 300_000, coverSpan: -1 }],
  ['a size that is not its body', { size: 1 }],
  ['a size below zero', { size: -1 }],
  ['chunks that end before the body', { chunkEnds: [1] }],
  ['chunks that end behind the body', { chunkEnds: [1, 100_000] }],
  ['chunks in the wrong order', { chunkEnds: [3, 2, 10] }],
  ['a line break in a header', { headers: { 'x-a': 'a\r\nset-cookie: session=1' } }],
  ['a line feed in one of several lines', { headers: { 'x-a': ['a', 'b\nset-cookie: session=1'] } }],
  ['a line break in the name of a header', { headers: { 'x-a\r\nset-cookie': 'a' } }],
  ['a space in the name of a header', { headers: { 'x a': 'a' } }],
  ['a cookie', { headers: { 'set-cookie': 'session=1' } }],
  ['a length among its headers', { headers: { 'content-length': '1' } }],
  ['a coding of the connection', { headers: { 'transfer-encoding': 'chunked' } }],
  ['a line break in its validator', { etag: '"a"\r\nset-cookie: session=1' }],
  ['a line break in what it takes away', { removed: ['x-a\r\nx-b'] }],
]

describe.each(expresses)('a record in the directory on %s', (_version, express) => {
  const directory = mkdtempSync(join(tmpdir(), 'reelcache-damaged-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  const start = async (cacheDir: string) => {
    const cache = testCache({ tts: { cacheDir } })
    const handler = counted((_req, res) => res.type('audio/mpeg').send(Buffer.from('ID3 hello')))
    const app = await serve(express().use(express.json()).post('/speak', cache.cacheTts(), handler))
    return { cache, handler, speak: () => postJson(app, '/speak', { text: 'hello' }) }
  }
  const metaIn = (cacheDir: string) =>
    (existsSync(cacheDir) ? readdirSync(cacheDir, { recursive: true, encoding: 'utf8' }) : [])
      .filter(name => name.endsWith('.meta'))
      .map(name => join(cacheDir, name))

  async function spokenAgain(name: string, change: Fields | undefined) {
    const cacheDir = join(directory, name.replace(/\W/g, '-'))
    const first = await start(cacheDir)
    await first.speak()
    await until('it is filed', () => metaIn(cacheDir).length === 1)
    await first.cache.close()
    const [path] = metaIn(cacheDir)
    if (change !== undefined) writeFileSync(path!, forged(readFileSync(path!), change))
    const second = await start(cacheDir)
    return { answer: await second.speak(), calls: second.handler.calls }
  }

  it.each(harms)('a stranger cannot make it say %s', async (name, change) => {
    const { answer, calls } = await spokenAgain(name, change)
    expect(answer.status).toBe(200)
    expect(answer.body.toString()).toBe('ID3 hello')
    expect(cacheStatus(answer)).toMatchObject({ fwd: 'miss' })
    expect(answer.headers['set-cookie']).toBeUndefined()
    expect(calls).toBe(1)
  })

  it('that nobody has touched, or that is written the same again, is served', async () => {
    for (const change of [undefined, {}]) {
      const { answer, calls } = await spokenAgain(`control ${change === undefined}`, change)
      expect(answer.headers['x-cache']).toBe('HIT')
      expect(calls).toBe(0)
    }
  })
})

describe('a record in Redis', () => {
  const entry = entryOf({ chunkEnds: [4, 22] })
  const changed = async (change: Fields) => {
    const value = (await encodeValue(entry))!
    const end = value.indexOf('\n') + 1
    return decodeValue(Buffer.concat([forged(value.subarray(0, end), change), value.subarray(end)]), entry.key)
  }

  it.each(harms)('a stranger cannot make it say %s', async (_name, change) => {
    expect(await changed(change)).toBeUndefined()
  })

  it('that is written the same again is read', async () => {
    expect(await changed({})).toEqual(entry)
    expect(await changed({ status: 404 })).toMatchObject({ status: 404 })
  })
})
