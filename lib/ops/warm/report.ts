import type { BypassReason, RefusalReason } from '../../core/outcomes.js'
import type { Milliseconds } from '../../core/types.js'
import type { Outcome } from './outcome.js'

/** How many requests have come to which outcome so far. */
export interface WarmCounts {
  /** Requests that have an outcome. */
  done: number
  /** The handler answered, and it was stored. */
  warmed: number
  /** It was there already, or an equal request was just making it. */
  fresh: number
  /** A stale answer was there; it is being refreshed in the background, or the last refresh failed a moment ago. */
  stale: number
  /** Not looked up or not stored, by reason, in the words of `Cache-Status`. */
  refused: Partial<Record<BypassReason | RefusalReason, number>>
  /** Answers that did not pass through a cache. */
  uncached: number
  /** Errors, 5xx, answers that were cut off or took too long, and what is no request at all. */
  failed: number
}

/** The last outcome, and all so far. */
export interface WarmProgress extends WarmCounts {
  readonly request: string
  readonly outcome: Outcome['is']
  /** Why it was refused, or failed. */
  readonly reason: string | undefined
}

export interface WarmFailure {
  readonly request: string
  readonly reason: string
}

/** What came of it. */
export interface WarmReport extends WarmCounts {
  /** Entries stored meanwhile that the cache still held at the end; undefined where that cannot be seen. */
  kept: number | undefined
  /** The first of what failed. */
  failures: WarmFailure[]
  milliseconds: Milliseconds
  /** It was ended before the requests were. */
  aborted: boolean
}

const MOST_FAILURES = 20

export const newReport = (): WarmReport => ({
  ...{ done: 0, warmed: 0, fresh: 0, stale: 0, refused: {}, uncached: 0, failed: 0 },
  ...{ kept: undefined, failures: [], milliseconds: 0, aborted: false },
})

export function count(report: WarmReport, request: string, outcome: Outcome): WarmProgress {
  report.done++
  if (outcome.is === 'refused') report.refused[outcome.reason] = (report.refused[outcome.reason] ?? 0) + 1
  else report[outcome.is]++
  if (outcome.is === 'failed' && report.failures.length < MOST_FAILURES) {
    report.failures.push({ request, reason: outcome.reason })
  }
  const { done, warmed, fresh, stale, refused, uncached, failed } = report
  return {
    ...{ done, warmed, fresh, stale, refused: { ...refused }, uncached, failed, request, outcome: outcome.is },
    reason: 'reason' in outcome ? outcome.reason : undefined,
  }
}
