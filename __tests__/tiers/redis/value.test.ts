import fc from 'fast-check'
import { decodeValue, encodeValue } from '../../../lib/tiers/redis/value.js'
import { entryOf } from '../tier-contract.js'

const bodies = fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes))

describe('a value in the store', () => {
  it('is read as the entry that was written, whatever the bytes of its body', async () => {
    await fc.assert(
      fc.asyncProperty(
        bodies,
        fc.option(fc.constant('1779000000000-3 1779000000001-0'), { nil: undefined }),
        async (body, asOf) => {
          const entry = entryOf({ body, ...(asOf !== undefined && { asOf }) })
          expect(await decodeValue(await encodeValue(entry), entry.key)).toEqual(entry)
        },
      ),
    )
  })

  it('is as long as its body and a line', async () => {
    const body = Buffer.alloc(100_000, 0xff)
    const value = (await encodeValue(entryOf({ body })))!
    expect(value.subarray(-body.length).equals(body)).toBe(true)
    expect(value.indexOf('\n')).toBe(value.length - body.length - 1)
  })

  it('is nothing under another key', async () => {
    const entry = entryOf()
    expect(await decodeValue(await encodeValue(entry), `${entry.key}0`)).toBeUndefined()
  })

  it('is nothing with any bit another, a byte less or a byte more', async () => {
    const entry = entryOf({ asOf: '1779000000000-3 1779000000001-0' })
    const value = (await encodeValue(entry))!
    await fc.assert(
      fc.asyncProperty(fc.nat(value.length - 1), fc.nat(7), async (at, bit) => {
        const harmed = Buffer.from(value)
        harmed[at]! ^= 1 << bit
        expect(await decodeValue(harmed, entry.key)).toBeUndefined()
        expect(await decodeValue(value.subarray(0, at), entry.key)).toBeUndefined()
        expect(await decodeValue(Buffer.concat([value, value.subarray(0, at + 1)]), entry.key)).toBeUndefined()
      }),
    )
    expect(await decodeValue(value, entry.key)).toEqual(entry)
  })

  it.each<[string, unknown]>([
    ['text', 'text'],
    ['a number', 1],
    ['nothing', null],
  ])('is nothing where the reply is %s', async (_, reply) => {
    expect(await decodeValue(reply, entryOf().key)).toBeUndefined()
  })

  it('has a body of its own, and not a part of what was received', async () => {
    const entry = entryOf()
    const received = Buffer.concat([Buffer.alloc(10_000), (await encodeValue(entry))!])
    const { body } = (await decodeValue(received.subarray(10_000), entry.key))!
    received.fill(0)
    expect(body.equals(entry.body)).toBe(true)
  })
})
