import { AsyncResource } from 'node:async_hooks'

/**
 * Who is making an answer, and who waits for it.
 *
 * A flight is one run of a handler that may fill a key. A led flight is in the table: equal requests follow it. Between "nobody is making
 * this" and "I am" there is no await, so two requests for one key never both lead. A solo flight nobody follows; it is known here only
 * so that a purge reaches it.
 */

/** What a follower is told: here is the answer; here it is being made; make your own; lead from here on; or your time is up. */
export type Verdict<Answer, Live, Asker = unknown> =
  | { is: 'answer'; answer: Answer }
  | { is: 'live'; live: Live }
  | { is: 'alone' }
  | { is: 'lead'; flight: Flight<Answer, Live, Asker> }
  | { is: 'late' }

/** Whom a refusal concerns, besides the request that was refused. */
export interface Concern<Asker> {
  readonly holdsFor: (asker: Asker) => boolean
  /** It comes of fields that the refused request carried and most others do not. */
  readonly isPersonal: boolean
}

export const EVERYBODY: Concern<unknown> = { holdsFor: () => true, isPersonal: false }

/** How a follower waits. Whoever gives it a verdict must not be hurt by what it does: `settle` throws nothing. */
export interface Waiting<Asker> {
  /** Milliseconds. */
  readonly timeout: number
  /** It can take an answer that is still being made. */
  readonly takesLive: boolean
  /** It has something to answer with when its time is up, and need not make its own. */
  readonly isCovered: boolean
  /** Who it is, where a refusal need not hold for everybody. */
  readonly asker?: Asker
  /** It needs no verdict any more: it is passed over. */
  readonly isGone?: () => boolean
}

/** Leaders in a row that may be refused for what is their own, before all who wait go their own way. */
const MOST_REFUSED = 3

/** Fences remembered for flights that learn later which movie they are about; with more of them, all that began before are fenced. */
const MOST_FENCES = 1_024

type Outcome = 'landed' | 'refused' | 'abandoned'

interface Follower<Answer, Live, Asker> extends Waiting<Asker> {
  /** Where it waits now: an heir's flight takes its followers along. */
  flight: Flight<Answer, Live, Asker>
  readonly timer: NodeJS.Timeout
  readonly settle: (verdict: Verdict<Answer, Live, Asker>) => void
}

type IsMeant<Answer, Live, Asker> = (follower: Follower<Answer, Live, Asker>) => boolean

type Matches<Answer, Live, Asker> = (flight: Flight<Answer, Live, Asker>) => boolean

export class Flights<Answer, Live, Asker = unknown> {
  readonly #led = new Map<string, Flight<Answer, Live, Asker>>()
  readonly #flying = new Set<Flight<Answer, Live, Asker>>()
  /** The fences since the first of those under way began. */
  readonly #fences: Matches<Answer, Live, Asker>[] = []
  /** Fences before these. */
  #forgotten = 0
  #waiting = 0
  readonly #handovers: (() => void)[] = []
  #isHandingOver = false

  /** How many runs are under way, and how many requests wait for one. */
  get size(): number {
    return this.#flying.size
  }

  get waiting(): number {
    return this.#waiting
  }

  leader(key: string): Flight<Answer, Live, Asker> | undefined {
    return this.#led.get(key)
  }

  /** Begins a flight that others may follow. */
  lead(key: string): Flight<Answer, Live, Asker> {
    const flight = this.solo(key)
    this.#led.set(key, flight)
    return flight
  }

  /** Begins a flight on its own. */
  solo(key: string): Flight<Answer, Live, Asker> {
    const flight = new Flight<Answer, Live, Asker>(key, this, this.#fenceCount)
    this.#flying.add(flight)
    return flight
  }

  /** What these flights make will not be stored, and nobody joins them any more. */
  fence(matches: Matches<Answer, Live, Asker>): void {
    if (this.#flying.size > 0) this.#fences.push(matches)
    if (this.#fences.length > MOST_FENCES) this.#forgetFences()
    for (const flight of this.#flying) {
      if (!matches(flight)) continue
      flight.fenced = true
      this.depose(flight)
    }
  }

  get #fenceCount(): number {
    return this.#forgotten + this.#fences.length
  }

  #forgetFences(): void {
    this.#forgotten = this.#fenceCount
    this.#fences.length = 0
  }

  /** Nobody joins this flight from now on. */
  depose(flight: Flight<Answer, Live, Asker>): void {
    if (this.#led.get(flight.key) === flight) this.#led.delete(flight.key)
  }

  /** @internal */
  leave(flight: Flight<Answer, Live, Asker>): void {
    this.depose(flight)
    this.#flying.delete(flight)
    if (this.#flying.size === 0 && this.#fences.length > 0) this.#forgetFences()
  }

  /** @internal Whether one of the fences since the flight began, or one that is forgotten, meant what is now known of it. */
  wasFenced(flight: Flight<Answer, Live, Asker>, begun: number): boolean {
    return begun < this.#forgotten || this.#fences.slice(begun - this.#forgotten).some(matches => matches(flight))
  }

  /** @internal One after the other: a thousand heirs that give up at once, each within the one before, would fill the stack. */
  handOver(work: () => void): void {
    this.#handovers.push(work)
    if (this.#isHandingOver) return
    this.#isHandingOver = true
    try {
      for (let next; (next = this.#handovers.shift()) !== undefined;) next()
    } finally {
      this.#isHandingOver = false
    }
  }

  /** @internal */
  countWaiting(change: number): void {
    this.#waiting += change
  }
}

export class Flight<Answer, Live, Asker = unknown> {
  /** Who leads, so that the same request does not wait for itself. */
  owner: object | undefined
  /** It renews a stale answer: whoever comes may be served that one. */
  knowsStale = false
  /** Which movie it is about, where its key names none and it is known by now. */
  movie: string | undefined
  /** What was stored before is nobody's answer any more: a purge has come, which bars this one from the store too, or the handler has said no. */
  fenced = false
  /** How it ended, for whoever began it. */
  outcome: 'flying' | Outcome = 'flying'
  /** It was refused for what its own request carried. */
  wasPersonal = false
  /** Told when it ends: what was held for it can go. */
  onEnd: ((outcome: Outcome) => void) | undefined
  /** Told when the first comes to wait for it, and when nobody does any more. */
  onCompany: (() => void) | undefined
  readonly #followers = new Set<Follower<Answer, Live, Asker>>()
  readonly #since = performance.now()
  #live: Live | undefined
  /** Leaders before this one that were refused, whose followers it has inherited. */
  #refused = 0

  constructor(
    readonly key: string,
    private readonly flights: Flights<Answer, Live, Asker>,
    /** How many fences there had been when it began. */
    private readonly begun: number,
  ) {}

  /** The answer while it is being made, for those who can take it so. */
  get live(): Live | undefined {
    return this.#live
  }

  /** How many wait for it. */
  get waiting(): number {
    return this.#followers.size
  }

  /** Milliseconds since it began. */
  get age(): number {
    return performance.now() - this.#since
  }

  /**
   * Waits for this flight. `settle` runs in the async context of whoever waits, although somebody else calls it. The function that comes back
   * stops waiting without a verdict.
   */
  follow(waiting: Waiting<Asker>, settle: (verdict: Verdict<Answer, Live, Asker>) => void): () => void {
    const timer = setTimeout(() => follower.flight.#giveUp(follower), waiting.timeout).unref()
    const own = { flight: this, timer, settle: AsyncResource.bind(settle) }
    const follower: Follower<Answer, Live, Asker> = { ...waiting, ...own }
    this.#followers.add(follower)
    this.flights.countWaiting(1)
    if (this.#followers.size === 1) this.onCompany?.()
    return () => {
      const { flight } = follower
      if (flight.#dismiss(follower) && flight.waiting === 0) flight.onCompany?.()
    }
  }

  /** It is about this movie, which may have been purged since it began. */
  learn(movie: string): void {
    this.movie = movie
    if (!this.flights.wasFenced(this, this.begun)) return
    this.fenced = true
    this.flights.depose(this)
  }

  /** The answer is being made before everybody's eyes: whoever can take it so waits no longer. */
  share(live: Live): void {
    this.#live = live
    this.#settle({ is: 'live', live }, follower => follower.takesLive)
  }

  /** Nobody waits for this answer, or joins it: others make their own, and it is stored all the same where it ends. */
  withdraw(): void {
    this.flights.depose(this)
    this.#settle({ is: 'alone' })
  }

  /** Nobody joins what is being made any more. */
  unshare(): void {
    this.#live = undefined
  }

  /** Whoever waits now is given this instead of what is still being made. */
  release(answer: Answer): void {
    this.#settle({ is: 'answer', answer })
  }

  /** The answer is there: every follower gets it. */
  land(answer: Answer): void {
    this.#end('landed', { is: 'answer', answer })
  }

  /**
   * The answer may not be shared: whomever that concerns makes its own, side by side. For the others it is as if the leader had left.
   */
  refuse(concern: Concern<Asker> = EVERYBODY): void {
    if (this.outcome !== 'flying') return
    this.wasPersonal = concern.isPersonal
    const isForAll = this.#refused >= MOST_REFUSED
    // Other machines need not make their own for what one client has sent here.
    this.#end(concern.isPersonal ? 'abandoned' : 'refused', { is: 'alone' }, ({ asker }) => {
      return isForAll || asker === undefined || concern.holdsFor(asker)
    })
    this.#passOn(this.#refused + 1)
  }

  /** The leader left without an answer: who has waited longest leads, the others follow the new leader. */
  abandon(): void {
    if (this.outcome !== 'flying') return
    this.outcome = 'abandoned'
    this.flights.leave(this)
    this.onEnd?.('abandoned')
    this.#passOn(this.#refused)
  }

  #passOn(refused: number): void {
    if (this.#followers.size > 0) this.flights.handOver(() => this.#appoint(refused))
  }

  #appoint(refused: number): void {
    const leader = this.flights.leader(this.key)
    // After a purge somebody else may lead the key already.
    if (leader !== undefined) return this.#handOver(leader)
    for (const follower of this.#followers) {
      if (follower.isGone?.() !== true) return this.#bequeath(follower, refused)
      this.#dismiss(follower)
    }
  }

  /** A follower's time is up. The first to find that the leader has had its time takes over; the others make their own answer. */
  #giveUp(follower: Follower<Answer, Live, Asker>): void {
    if (follower.isGone?.() === true) return void this.#dismiss(follower)
    const isLeader = this.flights.leader(this.key) === this
    const isSilent = isLeader && this.#live === undefined && this.age >= follower.timeout
    if (isSilent && !follower.isCovered) return this.#bequeath(follower)
    this.#dismiss(follower)
    follower.settle({ is: follower.isCovered ? 'late' : 'alone' })
    if (this.waiting === 0) this.onCompany?.()
  }

  /** The heir leads a new flight and takes the other followers along. */
  #bequeath(heir: Follower<Answer, Live, Asker>, refused = this.#refused): void {
    this.#dismiss(heir)
    const next = this.flights.lead(this.key)
    next.#refused = refused
    this.#handOver(next)
    heir.settle({ is: 'lead', flight: next })
  }

  #handOver(next: Flight<Answer, Live, Asker>): void {
    for (const follower of this.#followers) {
      follower.flight = next
      next.#followers.add(follower)
    }
    this.#followers.clear()
    next.onCompany?.()
    if (this.outcome === 'flying') this.onCompany?.()
  }

  /** False: it was not waiting any more. */
  #dismiss(follower: Follower<Answer, Live, Asker>): boolean {
    if (!this.#followers.delete(follower)) return false
    clearTimeout(follower.timer)
    this.flights.countWaiting(-1)
    return true
  }

  #end(outcome: Outcome, verdict: Verdict<Answer, Live, Asker>, isMeant?: IsMeant<Answer, Live, Asker>): void {
    if (this.outcome !== 'flying') return
    this.outcome = outcome
    this.flights.leave(this)
    this.onEnd?.(outcome)
    this.#settle(verdict, isMeant)
  }

  #settle(verdict: Verdict<Answer, Live, Asker>, isMeant: IsMeant<Answer, Live, Asker> = () => true): void {
    for (const follower of [...this.#followers].filter(isMeant)) {
      if (this.#dismiss(follower) && follower.isGone?.() !== true) follower.settle(verdict)
    }
  }
}
