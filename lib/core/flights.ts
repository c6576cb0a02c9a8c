/**
 * Who is making an answer, and who waits for it.
 *
 * A flight is one run of a handler that may fill a key. A led flight is in the table: equal requests follow it. Between "nobody is making
 * this" and "I am" there is no await, so two requests for one key never both lead. A solo flight nobody follows; it is known here only
 * so that a purge reaches it.
 */

/** What a follower is told: here is the answer; make your own; or lead from here on. */
export type Verdict<Answer> =
  { is: 'answer'; answer: Answer } | { is: 'alone' } | { is: 'lead'; flight: Flight<Answer> }

interface Follower<Answer> {
  /** Where it waits now: an heir's flight takes its followers along. */
  flight: Flight<Answer>
  readonly patience: number
  readonly timer: NodeJS.Timeout
  readonly settle: (verdict: Verdict<Answer>) => void
}

export class Flights<Answer> {
  readonly #led = new Map<string, Flight<Answer>>()
  readonly #flying = new Set<Flight<Answer>>()
  #waiting = 0

  /** How many runs are under way, and how many requests wait for one. */
  get size(): number {
    return this.#flying.size
  }

  get waiting(): number {
    return this.#waiting
  }

  leader(key: string): Flight<Answer> | undefined {
    return this.#led.get(key)
  }

  /** Begins a flight that others may follow. */
  lead(key: string, tags: readonly string[]): Flight<Answer> {
    const flight = this.solo(key, tags)
    this.#led.set(key, flight)
    return flight
  }

  /** Begins a flight on its own. */
  solo(key: string, tags: readonly string[]): Flight<Answer> {
    const flight = new Flight<Answer>(key, tags, this)
    this.#flying.add(flight)
    return flight
  }

  /** What these flights make will not be stored, and nobody joins them any more. */
  fence(matches: (flight: Flight<Answer>) => boolean): void {
    for (const flight of this.#flying) {
      if (!matches(flight)) continue
      flight.fenced = true
      this.depose(flight)
    }
  }

  /** Nobody joins this flight from now on. */
  depose(flight: Flight<Answer>): void {
    if (this.#led.get(flight.key) === flight) this.#led.delete(flight.key)
  }

  /** @internal */
  leave(flight: Flight<Answer>): void {
    this.depose(flight)
    this.#flying.delete(flight)
  }

  /** @internal */
  countWaiting(change: number): void {
    this.#waiting += change
  }
}

export class Flight<Answer> {
  /** Who leads, so that the same request does not wait for itself. */
  owner: object | undefined
  /** A purge has come while the answer was made: it must not be stored. */
  fenced = false
  readonly #followers = new Set<Follower<Answer>>()
  readonly #since = performance.now()
  #landed = false

  constructor(
    readonly key: string,
    readonly tags: readonly string[],
    private readonly flights: Flights<Answer>,
  ) {}

  /** Waits for this flight at most `timeout` milliseconds. The function that comes back stops waiting without a verdict. */
  follow(timeout: number, settle: (verdict: Verdict<Answer>) => void): () => void {
    const timer = setTimeout(() => this.#giveUp(follower), timeout).unref()
    const follower: Follower<Answer> = { flight: this, patience: timeout, timer, settle }
    this.#followers.add(follower)
    this.flights.countWaiting(1)
    return () => void follower.flight.#dismiss(follower)
  }

  /** The answer is there: every follower gets it. */
  land(answer: Answer): void {
    this.#end({ is: 'answer', answer })
  }

  /** The answer may not be shared: every follower makes its own, side by side. */
  refuse(): void {
    this.#end({ is: 'alone' })
  }

  /** The leader left without an answer: who has waited longest leads, the others follow the new leader. */
  abandon(): void {
    if (this.#landed) return
    this.#landed = true
    this.flights.leave(this)
    const [heir] = this.#followers
    const leader = this.flights.leader(this.key)
    // After a purge somebody else may lead the key already.
    if (leader !== undefined) this.#handOver(leader)
    else if (heir !== undefined) this.#bequeath(heir)
  }

  /** A follower's time is up. The first to find that the leader has had its time takes over; the others make their own answer. */
  #giveUp(follower: Follower<Answer>): void {
    const flight = follower.flight
    const silent = performance.now() - flight.#since >= follower.patience
    if (silent && flight.flights.leader(flight.key) === flight) return flight.#bequeath(follower)
    flight.#dismiss(follower)
    follower.settle({ is: 'alone' })
  }

  /** The heir leads a new flight and takes the other followers along. */
  #bequeath(heir: Follower<Answer>): void {
    this.#dismiss(heir)
    const next = this.flights.lead(this.key, this.tags)
    this.#handOver(next)
    heir.settle({ is: 'lead', flight: next })
  }

  #handOver(next: Flight<Answer>): void {
    for (const follower of this.#followers) {
      follower.flight = next
      next.#followers.add(follower)
    }
    this.#followers.clear()
  }

  /** False: it was not waiting any more. */
  #dismiss(follower: Follower<Answer>): boolean {
    if (!this.#followers.delete(follower)) return false
    clearTimeout(follower.timer)
    this.flights.countWaiting(-1)
    return true
  }

  #end(verdict: Verdict<Answer>): void {
    if (this.#landed) return
    this.#landed = true
    this.flights.leave(this)
    for (const follower of [...this.#followers]) {
      if (this.#dismiss(follower)) follower.settle(verdict)
    }
  }
}
