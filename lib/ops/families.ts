import { ALERTS } from '../core/outcomes.js'
import { PROFILES, type ProfileName } from '../core/types.js'
import type { Health } from './health.js'
import type { CacheStats, ProfileStats } from './stats.js'

/** What is asked for the numbers: a cache. */
export interface Measured {
  stats(): CacheStats
  health(): Health
}

/** Labels are profile, tier, outcome and reason; their values are closed lists, never a key or a movie. */
export type Labels = Readonly<Partial<Record<'profile' | 'tier' | 'outcome' | 'reason', string>>>

interface Sample {
  readonly labels: Labels
  readonly value: number
}

export interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly values: readonly Sample[]
}

interface Kind {
  readonly type: Family['type']
  readonly labels: readonly (keyof Labels)[]
  readonly help: string
  readonly values: (stats: CacheStats, health: Health) => Sample[]
}

const MEMORY = 'memory'
const FILE = 'file'
const REDIS = 'redis'

const sample = (value: number, labels: Labels = {}): Sample => ({ labels, value })

const perProfile =
  (pick: (profile: ProfileStats) => number) =>
  ({ profiles }: CacheStats): Sample[] =>
    PROFILES.map(profile => sample(pick(profiles[profile]), { profile }))

/** One sample for each of what was counted by a word. */
const perWord =
  (label: 'outcome' | 'reason' | 'tier', pick: (profile: ProfileStats) => Readonly<Record<string, number>>) =>
  ({ profiles }: CacheStats): Sample[] =>
    PROFILES.flatMap(profile =>
      Object.entries(pick(profiles[profile])).map(([word, value]) => sample(value, { profile, [label]: word })),
    )

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

/** Each request once. */
const outcomesOf = (profile: ProfileStats): Record<string, number> => ({
  hit: profile.hits - profile.collapsed,
  collapsed: profile.collapsed,
  stale: profile.stale,
  miss: profile.misses,
  bypass: sumOf(profile.bypasses),
})

/** What memory holds by profile, and what the files hold, all of it speech. */
const held =
  (what: 'entries' | 'bytes') =>
  ({ profiles, files }: CacheStats): Sample[] => [
    ...PROFILES.map(profile => sample(profiles[profile][what], { profile, tier: MEMORY })),
    ...ofFiles(files?.[what]),
  ]

const ofFiles = (value: number | undefined): Sample[] =>
  value === undefined ? [] : [sample(value, { profile: 'tts' satisfies ProfileName, tier: FILE })]

const whereFiles = (value: number | undefined): Sample[] => (value === undefined ? [] : [sample(value, { tier: FILE })])

/** The metrics by name, in base units, as the conventions of Prometheus ask. */
export const METRICS: Readonly<Record<string, Kind>> = {
  reelcache_requests_total: {
    type: 'counter',
    labels: ['profile', 'outcome'],
    help: 'Requests, by what the cache did with them; a miss is one whose handler ran.',
    values: perWord('outcome', outcomesOf),
  },
  reelcache_hits_total: {
    type: 'counter',
    labels: ['profile', 'tier'],
    help: 'Hits by the tier where the answer lay; collapsed ones lay nowhere yet.',
    values: perWord('tier', profile => profile.hitsByTier),
  },
  reelcache_bypasses_total: {
    type: 'counter',
    labels: ['profile', 'reason'],
    help: 'Requests that were not looked up.',
    values: perWord('reason', profile => profile.bypasses),
  },
  reelcache_stored_total: {
    type: 'counter',
    labels: ['profile'],
    help: 'Answers that were stored.',
    values: perProfile(profile => profile.stored),
  },
  reelcache_refusals_total: {
    type: 'counter',
    labels: ['profile', 'reason'],
    help: 'Answers that were not stored.',
    values: perWord('reason', profile => profile.refusals),
  },
  reelcache_refreshes_total: {
    type: 'counter',
    labels: ['profile'],
    help: 'Handler runs in the background that refresh a stale entry.',
    values: perProfile(profile => profile.refreshes),
  },
  reelcache_revalidations_total: {
    type: 'counter',
    labels: ['profile'],
    help: 'Stale entries that the handler confirmed with a 304.',
    values: perProfile(profile => profile.revalidated),
  },
  reelcache_covered_errors_total: {
    type: 'counter',
    labels: ['profile'],
    help: 'Failures of handlers that a stale entry hid, on a miss or in a background refresh.',
    values: perProfile(profile => profile.covered),
  },
  reelcache_evictions_total: {
    type: 'counter',
    labels: ['profile', 'tier', 'reason'],
    help: 'Entries pushed out by a bound.',
    values: ({ profiles, files }) => [
      ...PROFILES.flatMap(profile =>
        Object.entries(profiles[profile].evictionsByCause).map(([reason, value]) =>
          sample(value, { profile, tier: MEMORY, reason }),
        ),
      ),
      ...(files === undefined ? [] : [sample(files.evicted, { profile: 'tts', tier: FILE, reason: 'bytes' })]),
    ],
  },
  reelcache_expirations_total: {
    type: 'counter',
    labels: ['profile', 'tier'],
    help: 'Entries removed because their time was over.',
    values: ({ profiles, files }) => [
      ...PROFILES.map(profile => sample(profiles[profile].expired, { profile, tier: MEMORY })),
      ...ofFiles(files?.expired),
    ],
  },
  reelcache_entries: { type: 'gauge', labels: ['profile', 'tier'], help: 'Entries held.', values: held('entries') },
  reelcache_size_bytes: {
    type: 'gauge',
    labels: ['profile', 'tier'],
    help: 'Bytes held, with keys, headers and overhead.',
    values: held('bytes'),
  },
  reelcache_budget_bytes: {
    type: 'gauge',
    labels: ['tier'],
    help: 'Bytes that may be held.',
    values: ({ maxBytes, files }) => [sample(maxBytes, { tier: MEMORY }), ...whereFiles(files?.maxBytes)],
  },
  reelcache_saved_runs_total: {
    type: 'counter',
    labels: ['profile'],
    help: 'Handler runs that hits made unnecessary.',
    values: perProfile(({ saved }) => saved.runs),
  },
  reelcache_saved_seconds_total: {
    type: 'counter',
    labels: ['profile'],
    help: 'Seconds that those runs would have taken.',
    values: perProfile(({ saved }) => saved.time / 1000),
  },
  reelcache_saved_cost_total: {
    type: 'counter',
    labels: ['profile'],
    help: 'What those runs would have cost, in the currency of the option cost.',
    values: perProfile(({ saved }) => saved.cost),
  },
  reelcache_handlers_running: {
    type: 'gauge',
    labels: [],
    help: 'Handler runs under way that may fill a key.',
    values: ({ flights }) => [sample(flights.running)],
  },
  reelcache_requests_waiting: {
    type: 'gauge',
    labels: [],
    help: 'Requests that wait for another request with the same key.',
    values: ({ flights }) => [sample(flights.waiting)],
  },
  reelcache_tier_errors_total: {
    type: 'counter',
    labels: ['tier'],
    help: 'Failures of tiers; the answers came from handlers.',
    values: ({ tierErrors }) => Object.entries(tierErrors).map(([tier, value]) => sample(value, { tier })),
  },
  reelcache_damaged_total: {
    type: 'counter',
    labels: ['tier'],
    help: 'Damaged entries that were found and removed.',
    values: ({ files, redis }) => [
      ...whereFiles(files?.damaged),
      ...(redis === undefined ? [] : [sample(redis.damaged, { tier: REDIS })]),
    ],
  },
  reelcache_alert: {
    type: 'gauge',
    labels: ['reason'],
    help: '1 while the alert with this code as its reason is raised, else 0.',
    values: (_, { alerts }) =>
      Object.keys(ALERTS).map(code => sample(Number(alerts.some(alert => alert.code === code)), { reason: code })),
  },
}

/** All metrics with their values of now. */
export function familiesOf(cache: Measured): Family[] {
  const [stats, health] = [cache.stats(), cache.health()]
  return Object.entries(METRICS).map(([name, { type, help, values }]) => ({
    ...{ name, type, help },
    values: values(stats, health),
  }))
}
