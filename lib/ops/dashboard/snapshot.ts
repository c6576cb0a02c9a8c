import type { Milliseconds } from '../../core/types.js'
import type { AdminSource, MovieUses } from '../admin/source.js'
import { healthOf, type Health } from '../health.js'
import type { History } from '../history.js'
import type { CacheStats } from '../stats.js'

/** All that the page shows by itself. */
export interface Snapshot {
  readonly now: Milliseconds
  readonly stats: CacheStats
  readonly status: Health['status']
  readonly heap: Health['memory']
  /** The movies asked for most. */
  readonly movies: readonly MovieUses[]
  readonly history: History
}

export function snapshotOf(source: AdminSource, stats: CacheStats, steps: number): Snapshot {
  const { status, memory } = healthOf(stats)
  return {
    now: source.now(),
    stats,
    status,
    heap: memory,
    movies: source.topMovies(),
    history: source.history(steps),
  }
}
