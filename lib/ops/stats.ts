import type { Metrics, ProfileCounters, Savings } from '../core/metrics.js'
import { PROFILES, type Milliseconds, type ProfileName, type StoreUsage, type TierUsage } from '../core/types.js'
import type { Alert } from './alerts.js'

/** Part of the look-ups that were answered without waiting for a handler, 0 to 1; 0 where there was none. Up to five seconds are missing. */
export interface HitRates {
  lastMinute: number
  last5Minutes: number
  lastHour: number
}

/** One profile's counters since the cache was made, and what it holds now. */
export interface ProfileStats extends ProfileCounters {
  /** Part of the look-ups that were answered without waiting for a handler, 0 to 1; 0 before the first. */
  hitRate: number
  hitRates: HitRates
  /** Entries held in memory. */
  entries: number
  /** Bytes held in memory: bodies, headers, keys and overhead. */
  bytes: number
}

/** All profiles together, and each. */
export interface CacheStats {
  hits: number
  misses: number
  /** Part of the look-ups that were answered without waiting for a handler, 0 to 1; 0 before the first. */
  hitRate: number
  hitRates: HitRates
  evictions: number
  entries: number
  bytes: number
  /** The budget that `bytes` stays within. */
  maxBytes: number
  saved: Savings
  /** Handler runs under way that may fill a key, and requests that wait for one. */
  flights: { running: number; waiting: number }
  profiles: Record<ProfileName, ProfileStats>
  /** What the files hold, and what is off with them; undefined where there are none. */
  files: TierUsage | undefined
  /** What is off with the store that machines share; undefined where there is none. */
  redis: StoreUsage | undefined
  /** Failures of tiers, by tier. */
  tierErrors: Record<string, number>
  /** What somebody should look at; empty when all is well. */
  alerts: Alert[]
}

/** What is asked for the numbers. */
export interface Counted {
  readonly metrics: Metrics
  readonly memory: { usage(profile: ProfileName): { entries: number; bytes: number } }
  readonly maxBytes: number
  readonly files: { usage(): TierUsage } | undefined
  readonly redis: { usage(): StoreUsage } | undefined
  readonly flights: { readonly size: number; readonly waiting: number }
}

const rate = (answered: number, all: number): number => (all === 0 ? 0 : answered / all)

const rateOf = ({ hits, stale, misses }: Pick<ProfileCounters, 'hits' | 'stale' | 'misses'>): number =>
  rate(hits + stale, hits + stale + misses)

function ratesOf(metrics: Metrics, profiles: readonly ProfileName[]): HitRates {
  const over = (span: Milliseconds): number => {
    const { answered, all } = metrics.lookUps(profiles, span)
    return rate(answered, all)
  }
  return { lastMinute: over(60_000), last5Minutes: over(300_000), lastHour: over(3_600_000) }
}

/** What has happened and what is held, as a copy of its own. */
export function statsOf({ metrics, memory, maxBytes, files, redis, flights }: Counted, alerts: Alert[]): CacheStats {
  const profiles = Object.fromEntries(
    PROFILES.map(name => {
      const counters = structuredClone(metrics.profiles[name])
      const rates = { hitRate: rateOf(counters), hitRates: ratesOf(metrics, [name]) }
      return [name, { ...counters, ...rates, ...memory.usage(name) }]
    }),
  ) as Record<ProfileName, ProfileStats>
  const sum = (pick: (profile: ProfileStats) => number): number =>
    PROFILES.reduce((total, name) => total + pick(profiles[name]), 0)
  const looked = { hits: sum(one => one.hits), stale: sum(one => one.stale), misses: sum(one => one.misses) }
  return {
    hits: looked.hits,
    misses: looked.misses,
    hitRate: rateOf(looked),
    hitRates: ratesOf(metrics, PROFILES),
    evictions: sum(one => one.evictions),
    entries: sum(one => one.entries),
    bytes: sum(one => one.bytes),
    maxBytes,
    saved: {
      runs: sum(one => one.saved.runs),
      time: sum(one => one.saved.time),
      cost: sum(one => one.saved.cost),
    },
    flights: { running: flights.size, waiting: flights.waiting },
    profiles,
    files: files?.usage(),
    redis: redis?.usage(),
    tierErrors: { ...metrics.tierErrors },
    alerts,
  }
}
