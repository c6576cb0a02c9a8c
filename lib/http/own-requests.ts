import type { Socket } from 'node:net'
import { mayBeStored, saidIn, type Ending, type Said, type Send } from '../core/exchange.js'
import type { Trace, Traces } from '../core/traces.js'
import { runInProcess, type Dispatch } from './in-process.js'
import type { CacheHandler } from './middleware.js'
import { standInSocket } from './stand-in.js'

/** The same middleware, which notes the key of a request that is followed. */
export function traced(middleware: CacheHandler, traces: Traces): CacheHandler {
  const reelcache: (...args: Parameters<CacheHandler>) => void = (req, res, next) => {
    const trace = traces.of(req)
    if (trace !== undefined) trace.key = middleware.key(req)
    middleware(req, res, next)
  }
  return Object.assign(reelcache, { key: middleware.key }) as CacheHandler
}

export interface SendingThrough {
  readonly traces: Traces
  readonly isBeingMade: (key: string) => boolean
  readonly onStored: (key: string) => void
}

/** Sends requests through an app in this process, without a network, and follows their answers into the store. */
export function sendThrough(app: Dispatch, { traces, isBeingMade, onStored }: SendingThrough): Send {
  return async (request, signal) => {
    const socket = localSocket(request.url)
    // As a client that leaves, whose handler may go on: without an error it would be this side that breaks the answer off.
    const cutOff = (): void => void socket.destroy(new Error('The request was aborted'))
    signal.addEventListener('abort', cutOff, { once: true })
    let trace: Trace | undefined
    try {
      const { method, url, rawHeaders, body } = request
      const target = { method, url: url.pathname + url.search, rawHeaders, body, socket }
      const res = await runInProcess(app, target, req => (trace = traces.begin(req, onStored)))
      const said = saidIn(String(res.getHeader('cache-status') ?? ''))
      const isWhole = res.writableFinished
      const ending = isWhole ? await endingOf(trace!, said, isBeingMade) : undefined
      return { status: res.statusCode, said, isWhole, ending }
    } finally {
      signal.removeEventListener('abort', cutOff)
      if (trace !== undefined) traces.end(trace)
    }
  }
}

/** A head speaks of what is about to happen, or leaves it open; and a stale answer of a refresh that has just begun. */
async function endingOf(
  trace: Trace,
  said: Said | undefined,
  isBeingMade: (key: string) => boolean,
): Promise<Ending | undefined> {
  const { key, ending } = trace
  if (key === undefined || ending !== undefined) return ending
  const isRefreshed = said?.get('detail') === 'stale-while-revalidate' && isBeingMade(key)
  return mayBeStored(said) || isRefreshed ? trace.settled() : undefined
}

/** A connection from this machine, encrypted where the URL says so: `req.protocol` is in the key. */
const localSocket = ({ protocol }: URL): Socket =>
  standInSocket({ remoteAddress: '127.0.0.1', ...(protocol === 'https:' && { encrypted: true }) })
