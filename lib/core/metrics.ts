import type { CacheEvent } from './events.js'
import { PROFILES, type ProfileName } from './types.js'

/** What one profile has seen since the cache was made. */
export interface ProfileCounters {
  /** Requests answered without a handler run. */
  hits: number
  /** Hits that waited for another request's handler run (RFC 9211 `collapsed`). */
  collapsed: number
  /** Requests that ran the handler after a look-up. */
  misses: number
  /** Requests answered from a stale entry without waiting for the handler. */
  stale: number
  /** Misses whose handler failed, and that were answered from a stale entry. */
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
  /** Entries pushed out by a bound: of entries or of bytes. */
  evictions: number
  /** Entries removed by the sweep because their time was over. */
  expired: number
}

/** Counts events. The reasons are closed lists, so the counters are bounded. */
export class Metrics {
  readonly profiles = Object.fromEntries(PROFILES.map(name => [name, newCounters()])) as Record<
    ProfileName,
    ProfileCounters
  >
  tierErrors = 0

  count(event: CacheEvent): void {
    switch (event.type) {
      case 'hit':
        this.profiles[event.profile].hits++
        if (event.collapsed) this.profiles[event.profile].collapsed++
        break
      case 'miss':
        this.profiles[event.profile].misses++
        break
      case 'stale':
        if (event.why === 'stale-if-error') this.profiles[event.profile].covered++
        else this.profiles[event.profile].stale++
        break
      case 'refresh':
        this.profiles[event.profile].refreshes++
        break
      case 'revalidated':
        this.profiles[event.profile].revalidated++
        break
      case 'bypass':
        increment(this.profiles[event.profile].bypasses, event.reason)
        break
      case 'stored':
        this.profiles[event.profile].stored++
        break
      case 'refused':
        increment(this.profiles[event.profile].refusals, event.reason)
        break
      case 'evicted':
        this.profiles[event.profile].evictions++
        break
      case 'expired':
        this.profiles[event.profile].expired++
        break
      case 'tier-error':
        this.tierErrors++
        break
      case 'purged':
        break
    }
  }
}

const newCounters = (): ProfileCounters => ({
  hits: 0,
  collapsed: 0,
  misses: 0,
  stale: 0,
  covered: 0,
  refreshes: 0,
  revalidated: 0,
  bypasses: {},
  stored: 0,
  refusals: {},
  evictions: 0,
  expired: 0,
})

const increment = (counters: Record<string, number>, reason: string): void => {
  counters[reason] = (counters[reason] ?? 0) + 1
}
