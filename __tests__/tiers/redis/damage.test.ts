import { createHash, randomBytes } from 'node:crypto'
import { libraries, type Library } from '../../support/redis-clients.js'
import { startRedis, withRedis, type RedisServer } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { share, startMachine, versionIn, World, type Machine } from './machines.js'

// As long as `until` may wait, on a machine with more to do.
jest.setTimeout(30_000)

/** What lies in the store: one line of JSON, and the body. */
type Harm = (value: Buffer, other: Buffer) => Buffer

/** Writes the line anew, with a digest that is right, as somebody would who may write to the store. */
function forged(value: Buffer, change: (meta: Record<string, unknown>) => object): Buffer {
  const end = value.indexOf('\n')
  const { digest: _, ...meta } = JSON.parse(value.toString('utf8', 0, end)) as Record<string, unknown>
  const text = JSON.stringify({ ...meta, ...change(meta) })
  const digest = createHash('sha256').update(text).digest('hex')
  const line = `${text.slice(0, -1)},"digest":"${digest}"}\n`
  return Buffer.concat([Buffer.from(line), value.subarray(end + 1)])
}

const withHeader = (name: string, line: unknown): Harm => {
  return value => forged(value, ({ headers }) => ({ headers: { ...(headers as object), [name]: line } }))
}

const flipped = (value: Buffer, at: number): Buffer => {
  const copy = Buffer.from(value)
  copy[at]! ^= 1
  return copy
}

const harms: readonly (readonly [string, Harm])[] = [
  ['garbage', ({ length }) => randomBytes(length)],
  ['no byte', () => Buffer.alloc(0)],
  ['one byte', value => value.subarray(0, 1)],
  ['half of it', value => value.subarray(0, value.length >> 1)],
  ['all but its last byte', value => value.subarray(0, -1)],
  ['its first line alone', value => value.subarray(0, value.indexOf('\n') + 1)],
  ['a byte more', value => Buffer.concat([value, Buffer.alloc(1)])],
  ['another first byte', value => flipped(value, 0)],
  ['another byte in its first line', value => flipped(value, value.indexOf('\n') >> 1)],
  ['another byte at the end of its body', value => flipped(value, value.length - 1)],
  ["another key's value", (_, other) => other],
  ['the body of another entry', (value, other) => Buffer.concat([line(value), bodyIn(other)])],
  ['what another version of the package wrote', value => forged(value, () => ({ version: 2 }))],
  ['a cookie', withHeader('set-cookie', 'session=1')],
  ['a line break in a header', withHeader('x-a', 'a\r\nset-cookie: session=1')],
  ['a header that is no text', withHeader('x-a', { toString: 'a' })],
  ['a header that frames the answer', withHeader('transfer-encoding', 'chunked')],
  ['a header whose name is none', withHeader('x a', 'a')],
  ['a status that is none', value => forged(value, () => ({ status: 99 }))],
  ['a status that is never stored', value => forged(value, () => ({ status: 503 }))],
  ['no instant of storing', value => forged(value, () => ({ storedAt: undefined }))],
]

const line = (value: Buffer): Buffer => value.subarray(0, value.indexOf('\n') + 1)
const bodyIn = (value: Buffer): Buffer => value.subarray(value.indexOf('\n') + 1)

withRedis.each(libraries)('a value in a store that %s reaches', (_, library: Library) => {
  let server: RedisServer
  let world: World
  let writer: Machine
  let reader: Machine

  beforeAll(async () => {
    server = await startRedis()
  })
  beforeEach(async () => {
    await server.order('FLUSHALL')
    world = new World()
    const client = library.single(server.port)
    writer = await startMachine({ name: 'writer', world, client })
    reader = await startMachine({ name: 'reader', world, client })
    await share(writer, reader, world)
    await share(reader, writer, world)
  })

  /** The name of the only value about a film, and its bytes. */
  async function stored(movie: string): Promise<{ name: string; value: Buffer }> {
    let names: string[] = []
    await until(`${movie} is stored`, async () => {
      const all = (await server.order('KEYS', `*{${movie}}*`)) as string[]
      names = all.filter(name => !name.endsWith(':lease'))
      return names.length > 0
    })
    expect(names).toHaveLength(1)
    return { name: names[0]!, value: (await server.bytes('GET', names[0]!)) as Buffer }
  }

  it.each(harms)('that has become %s is not served, goes, and is counted', async (_, harm) => {
    await writer.movie('603')
    await writer.movie('604')
    const [{ name, value }, other] = [await stored('603'), await stored('604')]
    await server.order('SET', name, harm(value, other.value))
    expect(await reader.holds('603')).toBeUndefined()
    await until('it is gone', async () => (await server.order('EXISTS', name)) === 0)
    expect(reader.cache.stats().redis).toMatchObject({ damaged: 1 })
    // The control: what has not been harmed is served, and what is made anew is stored again.
    expect(await reader.holds('604')).toBe(1)
    expect(versionIn(await reader.movie('603'), '603')).toBe(1)
    expect(world.made('movie 603')).toBe(2)
    expect((await stored('603')).value.length).toBeGreaterThan(1_000)
  })

  it('of another type than ours is not served', async () => {
    await writer.movie('603')
    const { name } = await stored('603')
    await server.order('DEL', name)
    await server.order('RPUSH', name, 'a', 'b')
    expect(await reader.holds('603')).toBeUndefined()
    expect(versionIn(await reader.movie('603'), '603')).toBe(1)
  })

  it('has no byte that was made into text: speech is there as it is sent', async () => {
    const answer = await writer.speak('605')
    let value: Buffer = Buffer.alloc(0)
    await until('the speech is stored', async () => {
      const names = (await server.order('KEYS', '*{605}*')) as string[]
      // The lease is there too, and may be given back before it is read.
      const values = (await Promise.all(names.map(name => server.bytes('GET', name)))) as (Buffer | null)[]
      value = values.find(read => read !== null && read.length > 1_000) ?? value
      return value.length > 0
    })
    expect(value.subarray(-answer.body.length).equals(answer.body)).toBe(true)
    expect(value.length).toBeLessThan(answer.body.length + 2_000)
  })

  it('goes by itself: the store knows how long it is good', async () => {
    await writer.movie('603')
    const { name } = await stored('603')
    const left = (await server.order('PTTL', name)) as number
    expect(left).toBeGreaterThan(60_000)
    expect(left).toBeLessThanOrEqual(24 * 3_600_000)
  })

  it('is not there where it would be too large', async () => {
    const small = await startMachine({
      name: 'small',
      world,
      client: library.single(server.port),
      redis: { maxEntryBytes: 5_000 },
    })
    await share(small, reader, world)
    const answer = await small.speak('606')
    expect(answer.body.length).toBeGreaterThan(5_000)
    await small.movie('606')
    const { value } = await stored('606')
    expect(bodyIn(value).length).toBeLessThan(5_000)
    expect(await reader.holdsSpeech('606')).toBe(false)
  })

  it('lies under a name of its own for each prefix', async () => {
    const elsewhere = await startMachine({
      name: 'elsewhere',
      world,
      client: library.single(server.port),
      redis: { prefix: 'other:' },
    })
    await writer.movie('603')
    await stored('603')
    expect(await elsewhere.holds('603')).toBeUndefined()
    expect(await reader.holds('603')).toBe(1)
  })
})
