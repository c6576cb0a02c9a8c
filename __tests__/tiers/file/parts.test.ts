import fc from 'fast-check'
import { Ledger } from '../../../lib/tiers/file/ledger.js'
import { Locks } from '../../../lib/tiers/file/locks.js'
import { decodeMeta, encodeMeta, metaOf } from '../../../lib/tiers/meta.js'
import { parseMark, parseName, temporaryName } from '../../../lib/tiers/file/names.js'
import { Oldest } from '../../../lib/tiers/file/oldest.js'
import { speech } from './support.js'

describe('the oldest of many', () => {
  it('are what sorting them would have given', () => {
    const items = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 50 }), usedAt: fc.nat(1_000) }), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(items, fc.integer({ min: 0, max: 800 }), (list, need) => {
        const unique = list.filter(({ usedAt }, at) => list.findIndex(one => one.usedAt === usedAt) === at)
        const oldest = new Oldest(need)
        for (const item of unique) oldest.add({ ...item, folder: '-', digest: String(item.usedAt) })
        const expected: number[] = []
        let sum = 0
        for (const { bytes, usedAt } of unique.toSorted((a, b) => a.usedAt - b.usedAt)) {
          if (sum >= need) break
          sum += bytes
          expected.push(usedAt)
        }
        expect(oldest.isWhole).toBe(expected.length === unique.length)
        const taken: number[] = []
        for (let one = oldest.take(); one !== undefined; one = oldest.take()) taken.push(one.usedAt)
        expect(taken.reverse()).toEqual(expected)
      }),
    )
  })
})

describe('the ledger', () => {
  it('is exact after a walk, whatever was changed before the walk came by', () => {
    const ledger = new Ledger()
    ledger.change('before', 0, 10)
    ledger.beginWalk()
    ledger.change('new', 0, 7)
    ledger.change('before', 10, 12)
    ledger.change('others', 5, 0)
    for (const [digest, bytes] of [
      ['new', 7],
      ['before', 12],
      ['of another process', 100],
    ] as const)
      ledger.found(digest, bytes)
    ledger.endWalk()
    expect(ledger).toMatchObject({ bytes: 119, entries: 3, written: 19 })
  })

  it('keeps what it knew when a walk is cut short', () => {
    const ledger = new Ledger()
    ledger.change('a', 0, 10)
    ledger.beginWalk()
    ledger.found('b', 500)
    ledger.abandonWalk()
    expect(ledger).toMatchObject({ bytes: 10, entries: 1 })
  })
})

describe('a lock', () => {
  it('lets one at a time in for a name, also after one that failed, and forgets names', async () => {
    const locks = new Locks()
    const order: string[] = []
    const work = (name: string) => async () => {
      order.push(`${name} in`)
      await Promise.resolve()
      order.push(`${name} out`)
      if (name === 'b') throw new Error('b failed')
      return name
    }
    const all = [locks.run('x', work('a')), locks.run('x', work('b')), locks.run('x', work('c'))]
    await expect(locks.run('y', work('other'))).resolves.toBe('other')
    const settled = await Promise.allSettled(all)
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(order.filter(step => !step.startsWith('other'))).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
    await expect(locks.run('x', work('d'))).resolves.toBe('d')
  })
})

describe('a meta', () => {
  const meta = metaOf(speech(), { size: 9, sha256: 'a'.repeat(64) }, undefined)!

  it('is read as it was written', () => {
    expect(decodeMeta(encodeMeta(meta))).toEqual(meta)
  })

  it.each<[string, (text: string) => string]>([
    ['one more field', text => text.replace('{', '{"more":1,')],
    ['one field less', text => text.replace('"removed":[],', '')],
    ['a field twice', text => text.replace('"removed":[],', '"removed":[],"removed":[],')],
    ['white space', text => text.replace(':', ': ')],
    ['another way to write a text', text => text.replace('"tts"', '"\\u0074ts"')],
    ['another version', text => text.replace('"version":1', '"version":2')],
    ['no end of line', text => text.trimEnd()],
    ['a list', () => '[]'],
    ['null', () => 'null'],
    ['nothing', () => ''],
  ])('with %s is none', (_, change) => {
    const text = encodeMeta(meta).toString()
    expect(change(text)).not.toBe(text)
    expect(decodeMeta(Buffer.from(change(text)))).toBeUndefined()
  })

  it.each([
    ['status', '200'],
    ['status', 206.5],
    ['status', 503],
    ['status', 101],
    ['profile', 'other'],
    ['headers', { 'x-a': 1 }],
    ['headers', { 'X-A': '1' }],
    ['headers', { 'x-a': 'a\nb' }],
    ['headers', { 'set-cookie': 'a=1' }],
    ['headers', { 'transfer-encoding': 'chunked' }],
    ['headers', []],
    ['removed', ['x a']],
    ['etag', '"a"\r\n'],
    ['explicit', 1],
    ['size', -1],
    ['size', 1.5],
    ['sha256', 'abc'],
    ['freshSpan', null],
    ['variants', [{ names: 'accept', key: 'a' }]],
    ['key', null],
  ])('whose digest is right but whose %s is %j is none', (name, value) => {
    const forged = encodeMeta({ ...meta, [name]: value })
    expect(forged.toString()).toContain(JSON.stringify(value))
    expect(decodeMeta(forged)).toBeUndefined()
  })
})

describe('a name', () => {
  const digest = 'ab'.repeat(32)

  it('of a temporary file is told apart from all others', () => {
    expect(parseName(temporaryName(digest, 'f'.repeat(16), 35))).toEqual({
      is: 'temporary',
      digest,
      pid: process.pid,
      instance: 'f'.repeat(16),
    })
  })

  it.each([
    `${digest}.mp3/..`,
    `${digest}.meta\n`,
    `x${digest}.meta`,
    `.${digest}.meta`,
    `.${digest}.-1.${'f'.repeat(16)}-0.tmp`,
  ])('%j is not ours', name => expect(parseName(name)).toBeUndefined())

  it.each([`603.${digest}`, `-.${digest}`, `~${'0'.repeat(32)}.${digest}`])('%j marks an entry', name =>
    expect(parseMark(name)?.digest).toBe(digest),
  )

  it.each([`..${digest}`, `../603.${digest}`, `A.${digest}`, `~a.${digest}`, digest])('%j marks nothing', name =>
    expect(parseMark(name)).toBeUndefined(),
  )
})
