import type { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Request } from 'express'
import type { CacheEntry } from '../core/types.js'
import { Connection } from './connection.js'
import { runInProcess, type Dispatch } from './in-process.js'
import type { Visit } from './visit.js'

/** A refresh that has not ended by then is given up. */
const LONGEST_REFRESH = 300_000

/**
 * Refreshes a stale entry in the background: the request runs through the whole app once more, in this process, and what its handler answers
 * is stored. Never two at a time for one key; where it fails, the next try waits, longer each time.
 */
export function refresh(visit: Visit, stale: CacheEntry, flightKey: string): void {
  const { engine, profile, policy, route, req, key } = visit
  const { flights, backoff, unshared, refreshing } = engine
  // Not what it will be: a mounted router gives it back when the handler does.
  const { baseUrl } = req
  // A request whose own fields spoil the answer refreshes nothing: somebody else's will.
  if (unshared.isPersonal(flightKey, visit)) return
  if (flights.leader(flightKey) !== undefined) return
  const giveBack = refreshing.take()
  if (giveBack === undefined) return
  if (!backoff.begin(flightKey)) return giveBack()
  const flight = flights.lead(flightKey)
  flight.knowsStale = true
  const socket = new Connection(req).standIn()
  let isReported = false
  const report = (): void => {
    if (isReported || flight.fenced) return
    isReported = true
    engine.report({ type: 'refresh-failed', profile, key: key.text })
  }
  const late = (): void => {
    report()
    backoff.isLate(flightKey)
  }
  const over = (isFailure: boolean): void => {
    giveBack()
    // Where the app did not come to its handler, nobody else has ended the flight.
    flight.abandon()
    // A purge says nothing of the handler.
    if (flight.outcome === 'landed' || flight.fenced) return backoff.worked(flightKey)
    if (isFailure) report()
    if (flight.wasPersonal) return backoff.toldNothing(flightKey)
    backoff.failed(flightKey, isFailure)
  }
  const run = async (): Promise<ServerResponse> => {
    const body = bodyOf(req)
    const method = req.method === 'HEAD' ? 'GET' : req.method
    const again = { method, url: req.originalUrl, rawHeaders: headersFor(req), body, socket }
    const mark = { key: key.text, policy, baseUrl, stale, flight }
    return runInProcess(dispatcherOf(req), again, it => engine.refreshes.set(it, mark))
  }
  // Not before the client of this request has its answer, and not in its async context: the run is nobody's.
  engine.home.runInAsyncScope(() => {
    const timers = [
      setTimeout(() => socket.destroy(), LONGEST_REFRESH).unref(),
      setTimeout(late, route.handlerTimeout).unref(),
    ]
    const isOver = (isFailure: boolean): void => {
      timers.forEach(clearTimeout)
      over(isFailure)
    }
    setImmediate(
      () =>
        void run().then(
          res => isOver(hasFailed(res)),
          () => isOver(true),
        ),
    )
  })
}

/** What a stale entry covers on a miss as well: anything else is an answer. */
const hasFailed = (res: ServerResponse): boolean => res.statusCode >= 500 || !res.writableFinished

/** Whatever the server does with a request; without a server, the app of which this one may be a part. */
function dispatcherOf({ app, socket }: Request): Dispatch {
  const server = (socket as { server?: EventEmitter } | undefined)?.server
  if (server !== undefined) return (req, res) => void server.emit('request', req, res)
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

function headersFor(req: Request): string[] {
  const lines: string[] = []
  const rawHeaders = linesOf(req)
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (!LEFT_OUT.has(rawHeaders[at]!.toLowerCase())) lines.push(rawHeaders[at]!, rawHeaders[at + 1]!)
  }
  return lines
}

/** Requests that no parser of Node's made may have fields without their lines. */
function linesOf({ rawHeaders, headers }: { rawHeaders?: string[] } & Pick<Request, 'headers'>): readonly string[] {
  if (rawHeaders !== undefined && rawHeaders.length > 0) return rawHeaders
  return Object.entries(headers).flatMap(([name, value]) => [value ?? []].flat().flatMap(line => [name, line]))
}

/** Whether the request can be run once more: there is an app to run it, and its body can be written again as its parser read it. */
export function isRepeatable(req: Request): boolean {
  // A Router may be served on its own.
  if ((req as { app?: unknown }).app === undefined) return false
  if (req.method !== 'POST' || req.body === undefined || Buffer.isBuffer(req.body)) return true
  const type = req.headers['content-type'] ?? ''
  const isUtf8 = !/;\s*charset\s*=\s*(?!"?utf-8"?\s*(;|$))/i.test(type)
  // JSON that was parsed, or text of another kind: a text may be both the source of a JSON text and what was parsed of one.
  return isUtf8 && /^[^;]*[/+]json\s*(;|$)/i.test(type) === (typeof req.body !== 'string')
}

function bodyOf({ method, body }: Request): Buffer | undefined {
  if (method !== 'POST' || body === undefined) return undefined
  const parsed: unknown = body
  return Buffer.isBuffer(parsed) ? parsed : Buffer.from(typeof parsed === 'string' ? parsed : JSON.stringify(parsed))
}
