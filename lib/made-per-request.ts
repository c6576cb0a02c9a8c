import { warnOfCachePerRequest } from './warnings.js'

/** Of this process, in whichever of the package's builds. */
const WARNED = Symbol.for('reelcache.madePerRequest')

/** Where Node's servers take requests, and where Express hands them on. */
const SERVER = /node:_http_server|node:internal\/http2\/|[\\/]router[\\/](?:lib[\\/])?layer\.js/

/**
 * Warns of the first cache that is made while a request is answered: each holds memory and timers, and none is ever asked twice. What is on the
 * stack tells it, which costs requests nothing; a handler that has waited before it makes one is not seen.
 */
export function warnIfMadePerRequest(make: (...given: never[]) => unknown): void {
  const said = globalThis as { [WARNED]?: boolean }
  if (said[WARNED] === true) return
  const frames = stackAbove(make)
  if (!frames.some(frame => SERVER.test(frame))) return
  said[WARNED] = true
  warnOfCachePerRequest(placeIn(frames[0] ?? ''))
}

/** All calls that led to this one, the nearest first. */
function stackAbove(callee: (...given: never[]) => unknown): string[] {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = Infinity
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, callee)
  Error.stackTraceLimit = stackTraceLimit
  return String(holder.stack).split('\n').slice(1)
}

/** `/app/movies.js:12` of `    at handler (file:///app/movies.js:12:34)`. */
const placeIn = (frame: string): string => /\(?(?:file:\/\/)?([^()\s]*:\d+):\d+\)?$/.exec(frame)?.[1] ?? frame.trim()
