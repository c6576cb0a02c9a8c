import { makeEntry } from '../core/entry.js'
import { leadOf } from '../core/steady-clock.js'
import type { CacheEntry, Clock, Milliseconds } from '../core/types.js'

/**
 * What lies in files and in Redis is read by other processes, and after a restart: it says the time of the wall clock, which all of them
 * have. In a process, entries say the time of its own clock, which does not jump.
 */

/** So far the clocks of two processes may be apart. What was stored later than that has seen another time than ours. */
const MOST_SKEW = 5_000

/** The wall clock that belongs to the clock of a process. */
export const wallClock = (clock: Clock): Clock => ({ now: () => clock.now() - leadOf(clock) })

/** The entry as it is written down. */
export const toWallTime = (entry: CacheEntry, clock: Clock): CacheEntry => shifted(entry, -leadOf(clock))

/** The entry that was written down, in this process's time: stored now at the latest. */
export function fromWallTime(entry: CacheEntry, clock: Clock): CacheEntry {
  const late = Math.min(0, clock.now() - leadOf(clock) - entry.storedAt)
  return shifted(entry, leadOf(clock) + late)
}

/** Its age is unknown, because a clock was set back since: nobody can say how long it is good. */
export const isFromFuture = (storedAt: Milliseconds, wallNow: Milliseconds): boolean => storedAt > wallNow + MOST_SKEW

const shifted = (entry: CacheEntry, by: Milliseconds): CacheEntry =>
  by === 0 ? entry : makeEntry({ ...entry, storedAt: entry.storedAt + by })
