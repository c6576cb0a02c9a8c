import type { RefusalReason } from './outcomes.js'

/** A request of the cache's own, for nobody's sake but the answer's. */
export interface OwnRequest {
  readonly method: string
  readonly url: URL
  /** Name, value, name, value. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer | undefined
}

/** What became of an answer once it was over. */
export type Ending = 'stored' | RefusalReason

/** What came of a request. */
export interface Reply {
  readonly status: number
  /** What the cache has said of it; undefined: it did not pass through one. */
  readonly said: Said | undefined
  /** False: the answer was cut off. */
  readonly isWhole: boolean
  /** What was seen of the answer's end; undefined where nobody could look. */
  readonly ending: Ending | undefined
}

/** Sends a request, and resolves when its answer is over. Once the signal has aborted nobody waits for it. */
export type Send = (request: OwnRequest, signal: AbortSignal) => Promise<Reply>

/** The parameters of one cache in `Cache-Status`: `hit`, `fwd`, `detail` and their like. */
export type Said = ReadonlyMap<string, string | undefined>

// One that is not closed goes on to the end: to look for another reading of it would take quadratic time.
const QUOTED = '"(?:[^"\\\\]|\\\\.?)*(?:"|$)'
const MEMBERS = new RegExp(`(?:${QUOTED}|[^,"])+`, 'g')
const PARAMETERS = new RegExp(`(?:${QUOTED}|[^;"])+`, 'g')

/** Reads `Cache-Status` (RFC 9211). Of several caches of this name the last one counts: it is closest to the client. */
export function saidIn(cacheStatus: string): Said | undefined {
  const members = (cacheStatus.match(MEMBERS) ?? []).map(member =>
    (member.match(PARAMETERS) ?? []).map(parameter => parameter.trim()),
  )
  const parameters = members.findLast(([name]) => name === 'reelcache')
  return parameters && new Map(parameters.slice(1).map(nameAndValue))
}

function nameAndValue(parameter: string): [name: string, value: string | undefined] {
  const [name = '', value] = parameter.split('=', 2)
  return [name, value]
}

/** Before the reason for which the last answer of a key was not kept, where it is not known yet what becomes of this one. */
export const LAST = 'last-'

/** Whether the answer is stored, or its head left before that was known. */
export function mayBeStored(said: Said | undefined): boolean {
  if (said === undefined) return false
  if (said.has('stored')) return true
  const fwd = said.get('fwd')
  const detail = said.get('detail')
  const isOpen = detail === undefined ? !said.has('collapsed') && !said.has('fwd-status') : detail.startsWith(LAST)
  return isOpen && (fwd === 'miss' || fwd === 'stale')
}
