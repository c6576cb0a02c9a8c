import { ENTRY_OVERHEAD } from '../core/entry.js'
import type { Milliseconds, Tier } from '../core/types.js'
import type { FileTier } from './file/tier.js'
import type { MemoryTier } from './memory.js'

/** What was brought from files into memory at start. */
export interface WarmUpReport {
  entries: number
  bytes: number
  milliseconds: Milliseconds
}

export interface WarmUpLimits {
  readonly maxBytes: number
  readonly maxTime: Milliseconds
  /** The bounds of memory: nothing is pushed out for what is only hoped to be asked for. */
  readonly memoryBytes: number
  readonly memoryEntries: number
}

/** Brings the audio used last from files into memory, as far as the limits allow. */
export async function warmUp(
  memory: MemoryTier,
  files: FileTier,
  /** Both: reads are verified, brought up and held back by purges as those of clients are. */
  stored: Tier,
  limits: WarmUpLimits,
  signal: AbortSignal,
): Promise<WarmUpReport> {
  const since = performance.now()
  const keys: string[] = []
  let bytes = 0
  const isOver = (): boolean => signal.aborted || performance.now() - since >= limits.maxTime
  const hasRoomFor = (size: number): boolean =>
    bytes + size <= limits.maxBytes &&
    memory.bytes + size + ENTRY_OVERHEAD <= limits.memoryBytes &&
    memory.usage('tts').entries < limits.memoryEntries
  for await (const found of files.recent(limits.maxBytes, isOver)) {
    if (isOver() || !hasRoomFor(found.bytes)) break
    if (memory.get(found.key) !== undefined || (await stored.get(found.key)) === undefined) continue
    keys.push(found.key)
    bytes += found.bytes
  }
  // What was read last would count as used last, and it is the other way round.
  for (const key of keys.reverse()) memory.get(key)
  return { entries: keys.length, bytes, milliseconds: performance.now() - since }
}
