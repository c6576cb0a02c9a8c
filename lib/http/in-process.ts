import { IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { standInResponse } from './stand-in.js'

/** An app, or anything else that a server calls with a request. */
export type Dispatch = (req: IncomingMessage, res: ServerResponse) => void

export interface InProcessRequest {
  readonly method: string
  /** The request target, as it would stand in the request line. */
  readonly url: string
  /** Name, value, name, value, as they came. */
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
  req.rawHeaders = [...rawHeaders]
  if (body !== undefined) req.push(body)
  req.push(null)
  req.complete = true
  const res = standInResponse(req, socket)
  prepare(req, res)
  const over = new Promise<ServerResponse>(resolve => res.once('close', () => resolve(res)))
  dispatch(req, res)
  return over
}
