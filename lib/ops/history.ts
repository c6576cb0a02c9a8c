import { OUTCOMES, type Metrics, type Outcome } from '../core/metrics.js'
import { WIDTH } from '../core/recent.js'
import { PROFILES, type Milliseconds, type ProfileName } from '../core/types.js'

/** What happened lately, in steps of equal length: the oldest first, the last is still under way. */
export interface History {
  /** When the first step began. */
  readonly from: Milliseconds
  readonly step: Milliseconds
  readonly profiles: Readonly<Record<ProfileName, Readonly<Record<Outcome, readonly number[]>>>>
  readonly evictions: readonly number[]
}

/** The last so many steps, at most an hour's. */
export function historyOf(metrics: Metrics, now: Milliseconds, steps: number): History {
  const countsOf = (profile: ProfileName): Record<Outcome, number[]> =>
    map(OUTCOMES, outcome => metrics.recent[profile][outcome].until(now, steps))
  return {
    from: (Math.floor(now / WIDTH) - steps + 1) * WIDTH,
    step: WIDTH,
    profiles: map(PROFILES, countsOf),
    evictions: metrics.recentEvictions.until(now, steps),
  }
}

const map = <Name extends string, T>(names: readonly Name[], make: (name: Name) => T): Record<Name, T> =>
  Object.fromEntries(names.map(name => [name, make(name)])) as Record<Name, T>
