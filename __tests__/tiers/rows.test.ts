import fc from 'fast-check'
import type { CacheEntry } from '../../lib/core/types.js'
import { Rows } from '../../lib/tiers/rows.js'
import { collectGarbage } from '../support/gc.js'
import { entryOf } from './tier-contract.js'

const etags = fc.constantFrom(undefined, '"a"', 'W/"a"', 'W/W/"a"', 'W/undefined', '')
const spans = fc.oneof(fc.nat(), fc.constant(Infinity), fc.double({ noNaN: true, min: 0 }))
const entries: fc.Arbitrary<CacheEntry> = fc
  .record({
    path: fc.string(),
    status: fc.integer({ min: 200, max: 499 }),
    headers: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.array(fc.string()))),
    removed: fc.array(fc.string()),
    body: fc.uint8Array().map(bytes => Buffer.from(bytes)),
    ...{ etag: etags, handlerEtag: etags, explicit: fc.boolean(), initialAge: fc.nat(), storedAt: fc.integer() },
    ...{ freshSpan: spans, refreshSpan: spans, coverSpan: spans, handlerTime: spans },
    chunkEnds: fc.option(fc.array(fc.nat()), { nil: undefined }),
    asOf: fc.option(fc.string(), { nil: undefined }),
  })
  .map(entryOf)

describe('Rows', () => {
  it('give back what was put into each, whatever came and went in the others', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5), fc.option(entries))), steps => {
        const rows = new Rows()
        const model: (CacheEntry | undefined)[] = []
        for (const [row, entry] of steps) {
          if (entry === null) rows.clear(row)
          else rows.set(row, entry)
          model[row] = entry ?? undefined
          for (const [at, expected] of model.entries()) {
            if (expected === undefined) continue
            expect(rows.look(at)).toEqual(expected)
            expect(rows.use(at)).toEqual(expected)
            expect(rows.handlerTime(at)).toBe(expected.handlerTime)
            expect(rows.deleteAt(at)).toBe(expected.storedAt + Math.max(expected.refreshSpan, expected.coverSpan))
          }
        }
      }),
    )
  })

  describe('leave an entry put together', () => {
    const manyRows = (): Rows => {
      const rows = new Rows()
      for (let row = 0; row < 2_000; row++) rows.set(row, entryOf({ path: `/${row}` }))
      return rows
    }
    // Both have the same place.
    const [row, other] = [3, 3 + 1_024]

    it('that was used twice, however many others were used once', () => {
      const rows = manyRows()
      expect(rows.use(row)).not.toBe(rows.use(row))
      const kept = rows.use(row)
      for (let each = 0; each < 2_000; each++) rows.use(each)
      expect(rows.use(row)).toBe(kept)
      expect(rows.look(row)).not.toBe(kept)
    })

    it('until another in its place was used twice', () => {
      const rows = manyRows()
      rows.use(row)
      const kept = rows.use(row)
      expect(rows.use(other)).not.toBe(rows.use(other))
      expect(rows.use(other)).toBe(rows.use(other))
      expect(rows.use(row)).not.toBe(kept)
      expect(rows.use(row)).toEqual(kept)
    })
  })

  it('keep of a larger buffer only what is the body', () => {
    const rows = new Rows()
    const larger = Buffer.from('before body after')
    rows.set(0, entryOf({ body: larger.subarray(7, 11) }))
    larger.fill('x')
    const { body } = rows.use(0)
    expect(body.toString()).toBe('body')
    expect(body.buffer.byteLength).toBe(4)
  })

  it('hold nothing of an entry that has gone, or was replaced', async () => {
    const rows = new Rows()
    const put = (row: number): WeakRef<object>[] => {
      const headers = { 'x-row': String(row) }
      const body = Buffer.allocUnsafeSlow(8)
      rows.set(row, entryOf({ headers, body }))
      // What was used twice stays put together.
      rows.use(row)
      return [headers, body.buffer, rows.use(row)].map(object => new WeakRef(object))
    }
    const refs = [...put(0), ...put(1)]
    rows.clear(0)
    rows.set(1, entryOf())
    // A few kinds stay known after their entries.
    for (let age = 0; age < 40; age++) rows.set(2, entryOf({ initialAge: age }))
    // What a WeakRef was made of stays until the end of the turn.
    await new Promise(setImmediate)
    collectGarbage()
    expect(refs.map(ref => ref.deref())).toEqual(refs.map(() => undefined))
  })
})
