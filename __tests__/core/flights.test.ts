import { Flights, type Concern, type Flight } from '../../lib/core/flights.js'

/** Who was told what: the answer itself, `alone` or `lead`. */
type Told = [who: string, word: string]

function setup() {
  const flights = new Flights<string, string>()
  const told: Told[] = []
  /** The flights that heirs were given, by the heir's name. */
  const led = new Map<string, Flight<string, string>>()
  const follow = (flight: Flight<string, string>, who: string, timeout = 1_000): (() => void) =>
    flight.follow({ timeout, takesLive: false, isCovered: false }, verdict => {
      told.push([who, verdict.is === 'answer' ? verdict.answer : verdict.is])
      if (verdict.is === 'lead') led.set(who, verdict.flight)
    })
  const lead = (key = 'k'): Flight<string, string> => flights.lead(key)
  const expectRest = (): void => {
    expect([flights.size, flights.waiting, flights.leader('k')]).toEqual([0, 0, undefined])
    expect(jest.getTimerCount()).toBe(0)
  }
  return { flights, told, led, follow, lead, expectRest }
}

beforeEach(() => jest.useFakeTimers())
afterEach(() => jest.useRealTimers())

describe('a led flight', () => {
  it('is found by its key from the moment it begins until it ends', () => {
    const { flights, lead, expectRest } = setup()
    const flight = lead()
    expect(flights.leader('k')).toBe(flight)
    expect(flights.leader('other')).toBeUndefined()
    flight.land('answer')
    expectRest()
  })

  it('that lands gives every follower the answer, once', () => {
    const { flights, told, follow, lead, expectRest } = setup()
    const flight = lead()
    follow(flight, 'a')
    follow(flight, 'b')
    expect(flights.waiting).toBe(2)
    flight.land('answer')
    flight.land('another')
    flight.refuse()
    flight.abandon()
    expect(told).toEqual([
      ['a', 'answer'],
      ['b', 'answer'],
    ])
    expectRest()
  })

  it('that is refused sends every follower its own way', () => {
    const { told, follow, lead, expectRest } = setup()
    const flight = lead()
    follow(flight, 'a')
    follow(flight, 'b')
    flight.refuse()
    expect(told).toEqual([
      ['a', 'alone'],
      ['b', 'alone'],
    ])
    expectRest()
  })

  it('that is refused for what its own request carried lets go whom that concerns, and the others follow a new leader', () => {
    const { flights, told, expectRest } = setup()
    const personal: Concern<unknown> = { holdsFor: asker => asker === 'like', isPersonal: true }
    const heirs: Flight<string, string>[] = []
    const ended: string[] = []
    const follow = (flight: Flight<string, string>, who: string, asker: string): (() => void) =>
      flight.follow({ timeout: 1_000, takesLive: false, isCovered: false, asker }, verdict => {
        told.push([who, verdict.is])
        if (verdict.is === 'lead') heirs.push(verdict.flight)
      })
    const flight = flights.lead('k')
    flight.onEnd = outcome => ended.push(outcome)
    follow(flight, 'a', 'like')
    for (const who of ['b', 'c', 'd', 'e', 'f']) follow(flight, who, 'unlike')
    flight.refuse(personal)
    expect(told).toEqual([
      ['a', 'alone'],
      ['b', 'lead'],
    ])
    expect([ended, flight.wasPersonal]).toEqual([['abandoned'], true])
    for (let n = 0; n < 3; n++) heirs[n]!.refuse(personal)
    // After so many in a row nobody waits for another.
    expect(told.slice(2)).toEqual([
      ['c', 'lead'],
      ['d', 'lead'],
      ['e', 'alone'],
      ['f', 'alone'],
    ])
    expectRest()
  })

  it('that is abandoned is inherited by who has waited longest, with the others behind', () => {
    const { flights, told, led, follow, lead, expectRest } = setup()
    const flight = lead()
    for (const who of ['a', 'b', 'c']) follow(flight, who)
    flight.abandon()
    expect(told).toEqual([['a', 'lead']])
    const next = led.get('a')!
    expect(flights.leader('k')).toBe(next)
    expect(next.key).toBe('k')
    expect([flights.size, flights.waiting]).toEqual([1, 2])
    next.land('late')
    expect(told.slice(1)).toEqual([
      ['b', 'late'],
      ['c', 'late'],
    ])
    expectRest()
  })

  it('goes from heir to heir until one lands', () => {
    const { flights, told, led, follow, lead, expectRest } = setup()
    const first = lead()
    for (const who of ['a', 'b', 'c', 'd']) follow(first, who)
    first.abandon()
    led.get('a')!.abandon()
    led.get('b')!.abandon()
    expect(flights.leader('k')).toBe(led.get('c'))
    led.get('c')!.land('at last')
    expect(told.at(-1)).toEqual(['d', 'at last'])
    expectRest()
  })

  it('that is abandoned with nobody behind is gone', () => {
    const { lead, expectRest } = setup()
    lead().abandon()
    expectRest()
  })
})

describe('a solo flight', () => {
  it('is counted and fenced, and followed by nobody', () => {
    const { flights, expectRest } = setup()
    const solo = flights.solo('k')
    expect([flights.size, flights.leader('k')]).toEqual([1, undefined])
    flights.fence(flight => flight.key === 'k')
    expect(solo.fenced).toBe(true)
    solo.land('answer')
    expectRest()
  })

  it('does not end the lead of another flight of the same key', () => {
    const { flights, lead } = setup()
    const leader = lead()
    flights.solo('k').land('mine')
    expect(flights.leader('k')).toBe(leader)
  })
})

describe('a follower', () => {
  it('that stops waiting hears nothing more, also after its flight went to an heir', () => {
    const { flights, told, led, follow, lead, expectRest } = setup()
    const flight = lead()
    follow(flight, 'heir')
    const stopSecond = follow(flight, 'second')
    const stopThird = follow(flight, 'third')
    stopSecond()
    flight.abandon()
    stopThird()
    stopThird()
    expect(flights.waiting).toBe(0)
    led.get('heir')!.land('answer')
    jest.runAllTimers()
    expect(told).toEqual([['heir', 'lead']])
    expectRest()
  })

  it('takes over when the leader has been silent for its whole patience, and the rest goes on waiting', () => {
    const { flights, told, led, follow, lead, expectRest } = setup()
    const hanging = lead()
    follow(hanging, 'a', 1_000)
    jest.advanceTimersByTime(10)
    follow(hanging, 'b', 1_000)
    jest.advanceTimersByTime(989)
    expect(told).toEqual([])
    jest.advanceTimersByTime(1)
    expect(told).toEqual([['a', 'lead']])
    expect(flights.leader('k')).toBe(led.get('a'))
    led.get('a')!.land('answer')
    expect(told.at(-1)).toEqual(['b', 'answer'])
    hanging.land('too late')
    expect(told).toHaveLength(2)
    expectRest()
  })

  it('of a young leader goes alone when its time is up, and deposes nobody', () => {
    const { flights, told, led, follow, lead } = setup()
    const hanging = lead()
    follow(hanging, 'heir', 1_000)
    jest.advanceTimersByTime(10)
    follow(hanging, 'other', 1_000)
    jest.advanceTimersByTime(1_000)
    expect(told).toEqual([
      ['heir', 'lead'],
      ['other', 'alone'],
    ])
    expect(flights.leader('k')).toBe(led.get('heir'))
  })

  it('of a deposed leader that lands at last hears of the new leader only', () => {
    const { flights, told, led, follow, lead } = setup()
    const hanging = lead()
    follow(hanging, 'heir', 1_000)
    jest.advanceTimersByTime(500)
    follow(hanging, 'other', 1_000)
    jest.advanceTimersByTime(500)
    hanging.refuse()
    expect(flights.leader('k')).toBe(led.get('heir'))
    expect([flights.size, flights.waiting]).toEqual([1, 1])
    led.get('heir')!.land('new')
    expect(told.at(-1)).toEqual(['other', 'new'])
  })
})

describe('a fence', () => {
  it('marks what matches, and nobody joins it any more', () => {
    const { flights, lead } = setup()
    const [fenced, other] = [lead('k'), lead('l')]
    flights.fence(flight => flight.key === 'k')
    expect([fenced.fenced, other.fenced]).toEqual([true, false])
    expect([flights.leader('k'), flights.leader('l')]).toEqual([undefined, other])
    expect(lead('k').fenced).toBe(false)
  })

  it('sends who waited behind it to the leader that came after it', () => {
    const { flights, told, follow, lead, expectRest } = setup()
    const fenced = lead()
    follow(fenced, 'before')
    flights.fence(() => true)
    const next = lead()
    follow(next, 'after')
    fenced.abandon()
    expect(flights.leader('k')).toBe(next)
    next.land('fresh')
    expect(told.sort()).toEqual([
      ['after', 'fresh'],
      ['before', 'fresh'],
    ])
    expectRest()
  })

  it('makes an heir of who waited behind it when nobody came after it, and the heir is not fenced', () => {
    const { flights, told, led, follow, lead } = setup()
    const fenced = lead()
    follow(fenced, 'heir')
    flights.fence(() => true)
    fenced.abandon()
    expect(told).toEqual([['heir', 'lead']])
    expect(led.get('heir')!.fenced).toBe(false)
  })

  it('leaves who is out of patience to itself: the fenced leader is not to be replaced', () => {
    const { flights, told, follow, lead } = setup()
    follow(lead(), 'a', 1_000)
    flights.fence(() => true)
    jest.advanceTimersByTime(1_000)
    expect(told).toEqual([['a', 'alone']])
    expect([flights.size, flights.waiting]).toEqual([1, 0])
  })
})

describe('whoever holds something for a flight', () => {
  it.each<['landed' | 'refused' | 'abandoned', (flight: Flight<string, string>) => void]>([
    ['landed', flight => flight.land('answer')],
    ['refused', flight => flight.refuse()],
    ['abandoned', flight => flight.abandon()],
  ])('is told once that it has %s', (outcome, end) => {
    const { lead, follow } = setup()
    const flight = lead()
    const ends: string[] = []
    flight.onEnd = how => ends.push(how)
    follow(flight, 'other')
    end(flight)
    flight.land('later')
    flight.abandon()
    expect(ends).toEqual([outcome])
  })
})
