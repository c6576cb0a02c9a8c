import type { Flights } from './core/flights.js'
import type { Metrics, ProfileCounters } from './core/metrics.js'
import { PROFILES, type ProfileName } from './core/types.js'
import type { FileTier, FileUsage } from './tiers/file/tier.js'
import type { MemoryTier } from './tiers/memory.js'

/** One profile's counters since the cache was made, and what it holds now. */
export interface ProfileStats extends ProfileCounters {
  /** Hits by hits and misses, 0 to 1; 0 before the first request. */
  hitRate: number
  /** Entries held in memory. */
  entries: number
  /** Bytes held in memory: bodies, headers, keys and overhead. */
  bytes: number
}

/** All profiles together, and each. */
export interface CacheStats {
  hits: number
  misses: number
  /** Hits by hits and misses, 0 to 1; 0 before the first request. */
  hitRate: number
  evictions: number
  entries: number
  bytes: number
  /** The budget that `bytes` stays within. */
  maxBytes: number
  /** Handler runs under way that may fill a key, and requests that wait for one. */
  flights: { running: number; waiting: number }
  profiles: Record<ProfileName, ProfileStats>
  /** What the files hold, and what is off with them; undefined where there are none. */
  files: FileUsage | undefined
  /** What somebody should look at; empty when all is well. */
  alerts: Alert[]
}

/** One thing that is off, and what it means. */
export interface Alert {
  code: 'files-damaged' | 'files-failing'
  message: string
}

const rate = (hits: number, misses: number): number => (hits + misses === 0 ? 0 : hits / (hits + misses))

/** What has happened and what is held, as a copy of its own. */
export function statsOf(
  metrics: Metrics,
  memory: MemoryTier,
  files: FileTier | undefined,
  { size, waiting }: Pick<Flights<never, never>, 'size' | 'waiting'>,
  maxBytes: number,
): CacheStats {
  const profiles = Object.fromEntries(
    PROFILES.map(name => {
      const counters = structuredClone(metrics.profiles[name])
      return [name, { ...counters, hitRate: rate(counters.hits, counters.misses), ...memory.usage(name) }]
    }),
  ) as Record<ProfileName, ProfileStats>
  const usage = files?.usage()
  const sum = (field: 'hits' | 'misses' | 'evictions' | 'entries' | 'bytes'): number =>
    PROFILES.reduce((total, name) => total + profiles[name][field], 0)
  return {
    hits: sum('hits'),
    misses: sum('misses'),
    hitRate: rate(sum('hits'), sum('misses')),
    evictions: sum('evictions'),
    entries: sum('entries'),
    bytes: sum('bytes'),
    maxBytes,
    flights: { running: size, waiting },
    profiles,
    files: usage,
    alerts: usage === undefined ? [] : alertsOf(usage),
  }
}

function alertsOf({ damaged, failing }: FileUsage): Alert[] {
  const alerts: Alert[] = []
  if (failing !== undefined) {
    alerts.push({ code: 'files-failing', message: `The file tier fails, and speech is made anew: ${failing}` })
  }
  if (damaged > 0) {
    alerts.push({ code: 'files-damaged', message: `${damaged} damaged files were found and removed: look at the disk` })
  }
  return alerts
}
