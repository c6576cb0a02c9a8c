import type { CacheEvent } from './events.js'
import type { EvictionCause } from './outcomes.js'
import { Recent } from './recent.js'
import { mapProfiles, type Clock, type Milliseconds, type ProfileName } from './types.js'

/** What one profile has seen since the cache was made. */
export interface ProfileCounters {
  /** Requests answered without a handler run. */
  hits: number
  /** Hits that waited for another request's handler run (RFC 9211 `collapsed`). */
  collapsed: number
  /** The other hits, by the tier where the answer lay. */
  hitsByTier: Record<string, number>
  /** Requests that ran the handler after a look-up. */
  misses: number
  /** Requests answered from a stale entry without waiting for the handler. */
  stale: number
  /** Handler runs that failed while a stale entry answered: on a miss, or refreshing in the background. */
  covered: number
  /** Handler runs in the background that refresh a stale entry. */
  refreshes: number
  /** Misses that ended in a 304 of the handler: the stored answer was renewed and sent. */
  revalidated: number
  /** Requests that were not looked up, by reason. */
  bypasses: Record<string, number>
  stored: number
  /** Answers that were not stored, by reason. */
  refusals: Record<string, number>
  /** Entries pushed out of memory by a bound. */
  evictions: number
  /** The same by the bound: of entries or of bytes. */
  evictionsByCause: Record<EvictionCause, number>
  /** Entries removed by the sweep because their time was over. */
  expired: number
  /** What hits have saved. */
  saved: Savings
}

/** Handler runs that hits made unnecessary; one play of an audio is one, however many parts the player asked for. */
export interface Savings {
  runs: number
  /** Milliseconds those runs would have taken: each as long as the one that made the stored answer. */
  time: Milliseconds
  /** What those runs would have cost, by the option `cost`, in its currency. */
  cost: number
}

/** What became of a request; a failed handler run that a stale answer covered is a miss. */
export const OUTCOMES = ['hit', 'stale', 'miss', 'bypass'] as const

export type Outcome = (typeof OUTCOMES)[number]

/** An entry that memory held for no longer had hardly a chance to be asked for again. */
const SOON = 60_000

/** Counts events. The reasons, tiers and causes are closed lists, so the counters are bounded. */
export class Metrics {
  readonly profiles = mapProfiles(newCounters)
  /** Failures of tiers, by tier. */
  readonly tierErrors: Record<string, number> = {}
  /** Evictions of the last hour, and those that came soon after the entry was stored. */
  readonly recentEvictions: Recent
  readonly recentEarlyEvictions: Recent
  /** Failures of handlers that stale answers hid within the last hour, and the answers that hid them until the next try. */
  readonly recentCovers: Recent
  /** Requests of the last hour. */
  readonly recent: Readonly<Record<ProfileName, Readonly<Record<Outcome, Recent>>>>

  constructor(clock: Clock) {
    this.recentEvictions = new Recent(clock)
    this.recentEarlyEvictions = new Recent(clock)
    this.recentCovers = new Recent(clock)
    const newRecent = (): Recent => new Recent(clock)
    this.recent = mapProfiles(() => ({
      hit: newRecent(),
      stale: newRecent(),
      miss: newRecent(),
      bypass: newRecent(),
    }))
  }

  /** Look-ups of these profiles within the last so many milliseconds, at most an hour, and how many of them the cache answered. */
  lookUps(profiles: readonly ProfileName[], span: Milliseconds): { all: number; answered: number } {
    const sum = (outcome: Outcome): number =>
      profiles.reduce((total, name) => total + this.recent[name][outcome].within(span), 0)
    const answered = sum('hit') + sum('stale')
    return { all: answered + sum('miss'), answered }
  }

  /** `now` where it is known already. */
  count(event: CacheEvent, now?: Milliseconds): void {
    switch (event.type) {
      case 'hit':
        return this.#hit(event, now)
      case 'miss':
        this.profiles[event.profile].misses++
        return this.recent[event.profile].miss.add()
      case 'stale':
        if (event.failing === true) this.recentCovers.add()
        return event.why === 'stale-if-error' ? this.#cover(event.profile) : this.#stale(event.profile)
      case 'refresh':
        this.profiles[event.profile].refreshes++
        break
      case 'refresh-failed':
        return this.#cover(event.profile)
      case 'revalidated':
        this.profiles[event.profile].revalidated++
        break
      case 'bypass':
        increment(this.profiles[event.profile].bypasses, event.reason)
        return this.recent[event.profile].bypass.add()
      case 'stored':
        this.profiles[event.profile].stored++
        break
      case 'refused':
        increment(this.profiles[event.profile].refusals, event.reason)
        break
      case 'evicted':
        this.profiles[event.profile].evictions++
        this.profiles[event.profile].evictionsByCause[event.cause]++
        this.recentEvictions.add()
        if (event.age < SOON) this.recentEarlyEvictions.add()
        break
      case 'expired':
        this.profiles[event.profile].expired++
        break
      case 'tier-error':
        increment(this.tierErrors, event.tier)
        break
      case 'purged':
      case 'alert':
        break
    }
  }

  #hit({ profile, collapsed, tier, saved }: Extract<CacheEvent, { type: 'hit' }>, now?: Milliseconds): void {
    const counters = this.profiles[profile]
    counters.hits++
    if (collapsed) counters.collapsed++
    else if (tier !== undefined) increment(counters.hitsByTier, tier)
    if (saved !== undefined) {
      counters.saved.runs++
      counters.saved.time += saved.time
      counters.saved.cost += saved.cost
    }
    this.recent[profile].hit.add(1, now)
  }

  #stale(profile: ProfileName): void {
    this.profiles[profile].stale++
    this.recent[profile].stale.add()
  }

  #cover(profile: ProfileName): void {
    this.profiles[profile].covered++
    this.recentCovers.add()
  }
}

function newCounters(): ProfileCounters {
  return {
    hits: 0,
    collapsed: 0,
    hitsByTier: {},
    misses: 0,
    stale: 0,
    covered: 0,
    refreshes: 0,
    revalidated: 0,
    bypasses: {},
    stored: 0,
    refusals: {},
    evictions: 0,
    evictionsByCause: { entries: 0, bytes: 0 },
    expired: 0,
    saved: { runs: 0, time: 0, cost: 0 },
  }
}

const increment = (counters: Record<string, number>, reason: string): void => {
  counters[reason] = (counters[reason] ?? 0) + 1
}
