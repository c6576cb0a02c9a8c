import { IncomingMessage, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { linesByName, type Lines } from './headers.js'
import { standInResponse } from './stand-in.js'

/** An app, or anything else that a server calls with a request. */
export type Dispatch = (req: IncomingMessage, res: ServerResponse) => void

export interface InProcessRequest {
  readonly method: string
  /** The request target, as it would stand in the request line. */
  readonly url: string
  /** Name, value, name, value, as they came; without the length of the body, which is known here. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer | undefined
  readonly socket: Socket
}

/**
 * Runs a request through an app without a network: Node's own request and response on a connection that leads nowhere. Resolves with the
 * response when it is over; `prepare` sees the request before the app does.
 */
export async function runInProcess(
  dispatch: Dispatch,
  { method, url, rawHeaders, body, socket }: InProcessRequest,
  prepare: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<ServerResponse> {
  const req = new IncomingMessage(socket)
  Object.assign(req, { method, url, httpVersionMajor: 1, httpVersionMinor: 1, httpVersion: '1.1' })
  req.rawHeaders = body === undefined ? [...rawHeaders] : [...rawHeaders, 'Content-Length', String(body.length)]
  // Node reads the lines only of what came through its own parser.
  const lines = linesByName(req.rawHeaders)
  Object.assign(req, { headers: joinedFields(lines), headersDistinct: lines })
  if (body !== undefined) req.push(body)
  req.push(null)
  req.complete = true
  const res = standInResponse(req, socket)
  prepare(req, res)
  const over = new Promise<ServerResponse>(resolve => res.once('close', () => resolve(res)))
  dispatch(req, res)
  return over
}

/** Fields of which Node shows the first line alone (see `message.headers`). */
const SINGULAR = new Set([
  ...['age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host'],
  ...['if-modified-since', 'if-unmodified-since', 'last-modified', 'location', 'max-forwards'],
  ...['proxy-authorization', 'referer', 'retry-after', 'server', 'user-agent'],
])

function joinedFields(lines: Lines): IncomingHttpHeaders {
  const fields: Record<string, unknown> = {}
  for (const [name, values] of Object.entries(lines)) {
    if (name === 'set-cookie') fields[name] = values
    else fields[name] = SINGULAR.has(name) ? values[0] : values.join(name === 'cookie' ? '; ' : ', ')
  }
  return fields as IncomingHttpHeaders
}
