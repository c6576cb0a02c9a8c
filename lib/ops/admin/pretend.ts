import { IncomingMessage } from 'node:http'
import type { Express, Request } from 'express'
import type { FoundRoute } from './find-route.js'

/** A request that somebody wonders about. */
export interface Question {
  readonly method: string
  /** Path and query. */
  readonly url: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** As a parser would have left it. */
  readonly body: unknown
}

/** The request as a route would see it, if nothing but a body parser stood in front. It comes over the connection of whoever asks. */
export function pretend(app: Express, asker: Request, question: Question, found: FoundRoute): Request {
  const { method, url, body } = question
  const req = new IncomingMessage(asker.socket)
  Object.setPrototypeOf(req, app.request)
  Object.assign(req, {
    headers: { host: asker.headers.host, ...(body !== undefined && describe(body)), ...question.headers },
    ...{
      method,
      originalUrl: url,
      baseUrl: found.baseUrl,
      url: found.url,
      params: found.params,
      route: found.expressRoute,
    },
    ...(body !== undefined && { body }),
  })
  Object.defineProperty(req, 'readableEnded', { value: true })
  // Express 4 sets what Express 5 reads.
  if (!('query' in req)) {
    const query = Object.fromEntries(new URLSearchParams(url.split('?', 2)[1]))
    Object.assign(req, { query })
  }
  return req as Request
}

const describe = (body: unknown): Record<string, string> => ({
  'content-type': 'application/json',
  'content-length': String(Buffer.byteLength(JSON.stringify(body))),
})
