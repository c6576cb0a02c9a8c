import type { Request } from 'express'
import type { CacheEntry } from '../core/types.js'
import type { Visit } from './fill.js'
import { runInProcess, type Dispatch } from './in-process.js'
import { standInSocket } from './stand-in.js'

/** A refresh that has not ended by then is given up. */
const LONGEST_REFRESH = 300_000

/**
 * Refreshes a stale entry in the background: the request runs through the whole app once more, in this process, and what its handler answers
 * is stored. Never two at a time for one key; where it fails, the next try waits, longer each time.
 */
export function refresh(visit: Visit, stale: CacheEntry, flightKey: string): void {
  const { engine, req, key } = visit
  const { flights, backoff } = engine
  if (flights.leader(flightKey) !== undefined || !backoff.mayTry(flightKey)) return
  const body = bodyOf(req)
  const flight = flights.lead(flightKey, key.tags)
  const socket = standInSocket(req.socket)
  const timer = setTimeout(() => socket.destroy(), LONGEST_REFRESH).unref()
  const over = (): void => {
    clearTimeout(timer)
    // Where the app did not come to its handler, nobody else has ended the flight.
    flight.abandon()
    if (flight.outcome === 'landed') backoff.worked(flightKey)
    else backoff.failed(flightKey)
  }
  const { originalUrl: url } = req
  const rawHeaders = headersFor(req, body)
  const method = req.method === 'HEAD' ? 'GET' : req.method
  // Not before the client of this request has its answer.
  setImmediate(() => {
    const run = runInProcess(appOf(req), { method, url, rawHeaders, body, socket }, again =>
      engine.refreshes.set(again, { key: key.text, stale, flight }),
    )
    run.then(over, over)
  })
}

/** The app that the server calls, of which this one may be a part. */
function appOf({ app }: Request): Dispatch {
  let root = app as typeof app & { parent?: typeof app }
  while (root.parent !== undefined) root = root.parent
  return root
}

/** Fields of the connection and of a body that is written anew; conditions, which are the first client's own. */
const LEFT_OUT = new Set([
  ...['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'content-encoding', 'expect', 'upgrade', 'te'],
  ...['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'range', 'if-range'],
  ...['cache-control', 'pragma'],
])

function headersFor({ rawHeaders }: Request, body: Buffer | undefined): string[] {
  const lines: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (!LEFT_OUT.has(rawHeaders[at]!.toLowerCase())) lines.push(rawHeaders[at]!, rawHeaders[at + 1]!)
  }
  return body === undefined ? lines : [...lines, 'Content-Length', String(body.length)]
}

/** Whether the body can be written again as its parser read it. */
export const isRepeatable = ({ method, body, headers }: Request): boolean =>
  method !== 'POST' ||
  body === undefined ||
  typeof body === 'string' ||
  Buffer.isBuffer(body) ||
  /^[^;]*[/+]json\s*(;|$)/i.test(headers['content-type'] ?? '')

function bodyOf({ method, body }: Request): Buffer | undefined {
  if (method !== 'POST' || body === undefined) return undefined
  const parsed: unknown = body
  return Buffer.isBuffer(parsed) ? parsed : Buffer.from(typeof parsed === 'string' ? parsed : JSON.stringify(parsed))
}
