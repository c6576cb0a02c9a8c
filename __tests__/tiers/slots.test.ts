import { Slots } from '../../lib/tiers/slots.js'
import { entryOf } from './tier-contract.js'

describe('Slots', () => {
  const [one, other] = [entryOf({ path: '/1' }), entryOf({ path: '/2' })]

  it('says what is known of each entry, and counts its uses', () => {
    const slots = new Slots()
    const [first, second] = [slots.add(one, 1_000, 5, 0), slots.add(other, 2_000, 6, 0)]
    expect([slots.use(first, 0), slots.use(first, 0)]).toEqual([one, one])
    expect(slots.held(first)).toEqual({ entry: one, bytes: 1_000, since: 5, uses: 2 })
    expect(slots.held(second)).toEqual({ entry: other, bytes: 2_000, since: 6, uses: 0 })
  })

  it('uses a slot again that was emptied, and begins it anew', () => {
    const slots = new Slots()
    const slot = slots.add(one, 1_000, 5, 7)
    slots.use(slot, 7)
    expect(slots.remove(slot)).toEqual({ bytes: 1_000, since: 5 })
    expect(slots.add(other, 2_000, 6, 0)).toBe(slot)
    expect(slots.held(slot)).toEqual({ entry: other, bytes: 2_000, since: 6, uses: 0 })
    expect(slots.credit(slot)).toBeLessThan(7)
  })

  it.each<[string, number, number, number]>([
    ['more uses', 12, 1_000, 3],
    ['a dearer handler', 1_200, 1_000, 1],
    ['fewer bytes', 12, 100, 1],
  ])('gives more credit for %s', (_, handlerTime, bytes, uses) => {
    const creditOf = (time: number, size: number, times: number): number => {
      const slots = new Slots()
      const slot = slots.add(entryOf({ handlerTime: time }), size, 0, 10)
      for (let n = 0; n < times; n++) slots.use(slot, 10)
      return slots.credit(slot)
    }
    expect(creditOf(handlerTime, bytes, uses)).toBeGreaterThan(creditOf(12, 1_000, 1))
    expect(creditOf(0, 1_000, 0)).toBeGreaterThan(10)
  })
})
