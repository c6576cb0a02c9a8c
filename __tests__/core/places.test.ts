import { Places } from '../../lib/core/places.js'

describe('Places', () => {
  it('are so many at a time, and those that are given back can be taken again', () => {
    const places = new Places(2)
    const [first, second, third] = [places.take(), places.take(), places.take()]
    expect([typeof first, typeof second, third, places.taken]).toEqual(['function', 'function', undefined, 2])
    first!()
    expect([typeof places.take(), places.take()]).toEqual(['function', undefined])
  })

  it('are given back once, however often that is said', () => {
    const places = new Places(2)
    const giveBack = places.take()!
    places.take()
    giveBack()
    giveBack()
    expect(places.taken).toBe(1)
  })

  it('may be none', () => {
    expect(new Places(0).take()).toBeUndefined()
  })
})
