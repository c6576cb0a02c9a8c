import fc from 'fast-check'
import { Flights, type Flight, type Verdict } from '../../lib/core/flights.js'

const KEYS = ['a', 'b']

const operation = fc.record({
  does: fc.constantFrom('ask', 'ask', 'ask', 'ask', 'solo', 'land', 'refuse', 'abandon', 'stop', 'fence', 'wait'),
  key: fc.constantFrom(...KEYS),
  which: fc.nat(20),
  patience: fc.integer({ min: 1, max: 100 }),
})
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

/** Requests as the middleware makes them: lead where nobody does, follow where somebody does. */
class Requests {
  readonly flights = new Flights<string, string>()
  readonly running = new Set<Flight<string, string>>()
  readonly waiting = new Map<number, () => void>()
  /** How many verdicts each follower got, and who may get none. */
  readonly verdicts = new Map<number, number>()
  readonly stopped = new Set<number>()

  run({ does, key, which, patience }: Operation): void {
    const flight = pick(this.running, which)
    switch (does) {
      case 'ask':
        return this.#ask(key, patience)
      case 'solo':
        this.running.add(this.flights.solo(key))
        return
      case 'land':
      case 'refuse':
      case 'abandon':
        if (flight !== undefined) this.#end(flight, does)
        return
      case 'stop': {
        const who = pick(this.waiting.keys(), which)
        if (who !== undefined) this.#stop(who)
        return
      }
      case 'fence':
        this.flights.fence(flight => flight.key === key)
        for (const one of this.running) if (one.key === key) expect(one.fenced).toBe(true)
        expect(this.flights.leader(key)).toBeUndefined()
        return
      case 'wait':
        jest.advanceTimersByTime(which)
    }
  }

  /** The counts are the model's, a leader is somebody who runs and is not fenced, and no key has two. */
  check(): void {
    expect([this.flights.size, this.flights.waiting]).toEqual([this.running.size, this.waiting.size])
    for (const key of KEYS) {
      const leader = this.flights.leader(key)
      if (leader === undefined) continue
      expect(this.running.has(leader)).toBe(true)
      expect([leader.key, leader.fenced]).toEqual([key, false])
    }
  }

  /** All handlers end one way or another, and all patience with them. */
  finish(): void {
    for (const flight of this.running) this.#end(flight, flight.fenced ? 'abandon' : 'land')
    jest.runAllTimers()
    for (const flight of this.running) this.#end(flight, 'refuse')
  }

  #ask(key: string, patience: number): void {
    const leader = this.flights.leader(key)
    if (leader === undefined) {
      this.running.add(this.flights.lead(key))
      return
    }
    const who = this.verdicts.size
    this.verdicts.set(who, 0)
    this.waiting.set(
      who,
      leader.follow({ timeout: patience, takesLive: false, isCovered: false }, verdict =>
        this.#hear(who, key, verdict),
      ),
    )
  }

  #hear(who: number, key: string, verdict: Verdict<string, string>): void {
    this.verdicts.set(who, this.verdicts.get(who)! + 1)
    this.waiting.delete(who)
    if (verdict.is === 'answer') expect(verdict.answer).toBe(`answer ${key}`)
    if (verdict.is === 'alone') this.running.add(this.flights.solo(key))
    if (verdict.is === 'lead') {
      expect(this.running.has(verdict.flight)).toBe(false)
      expect(this.flights.leader(key)).toBe(verdict.flight)
      this.running.add(verdict.flight)
    }
  }

  #end(flight: Flight<string, string>, how: 'land' | 'refuse' | 'abandon'): void {
    this.running.delete(flight)
    if (how === 'land') flight.land(`answer ${flight.key}`)
    else flight[how]()
  }

  #stop(who: number): void {
    this.waiting.get(who)!()
    this.waiting.delete(who)
    this.stopped.add(who)
  }
}

const pick = <T>(from: Iterable<T>, which: number): T | undefined => {
  const all = [...from]
  return all[which % Math.max(1, all.length)]
}

describe('any sequence of requests, ends, departures, purges and waits', () => {
  beforeEach(() => jest.useFakeTimers())
  afterEach(() => jest.useRealTimers())

  it('gives each follower exactly one verdict, keeps true counts, and leaves nothing behind', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), operations => {
        const requests = new Requests()
        for (const one of operations) {
          requests.run(one)
          requests.check()
        }
        requests.finish()
        requests.check()
        for (const [who, count] of requests.verdicts)
          expect([who, count]).toEqual([who, requests.stopped.has(who) ? 0 : 1])
        expect([requests.flights.size, requests.flights.waiting]).toEqual([0, 0])
        for (const key of KEYS) expect(requests.flights.leader(key)).toBeUndefined()
        expect(jest.getTimerCount()).toBe(0)
      }),
      { numRuns: 1_000 },
    )
  })
})
