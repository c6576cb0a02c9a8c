import type { IncomingHttpHeaders } from 'node:http'
import type { Request } from 'express'

/** A request, with what the client has said, taken once. */
export interface Asked {
  readonly req: Request
  readonly method: string
  readonly headers: IncomingHttpHeaders
}

export const askedBy = (req: Request): Asked => ({ req, method: req.method, headers: req.headers })
