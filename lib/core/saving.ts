import type { CacheEntry, Milliseconds } from './types.js'

/** What a hit spared: one run of the handler. */
export interface Saving {
  /** How long the run took that made the stored answer. */
  readonly time: Milliseconds
  /** What the route says that a run costs. */
  readonly cost: number
}

/** What was sent. */
interface Sent {
  readonly statusCode: number
  getHeader(name: string): unknown
}

/**
 * What a hit saved: as much as the run of the handler would have taken, had the cache not been there. A 304 counts, because the handler would have run
 * to find out that nothing has changed. What a player asks for beside the beginning of a sound does not count, so that one play is
 * one saving: parts from further on, a range that does not exist, a recording that is another by now, HEAD, and the first two bytes, which Safari asks for before it plays.
 * Stale answers do not count, because the handler runs for them after all. So the figures are a lower bound.
 */
export function savingOf(entry: CacheEntry, cost: number, method: string, sent: Sent): Saving | undefined {
  const { statusCode } = sent
  if (method === 'HEAD' || statusCode === 412 || statusCode === 416) return undefined
  if (statusCode === 206 && !isBeginning(String(sent.getHeader('content-range')))) return undefined
  return { time: entry.handlerTime, cost }
}

const isBeginning = (contentRange: string): boolean =>
  contentRange.startsWith('bytes 0-') && !contentRange.startsWith('bytes 0-1/')
