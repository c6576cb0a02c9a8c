import type { Request, RequestHandler } from 'express'
import type { Express } from './express.js'

/** Says everything of a request that a key has to cover. */
export const echo: RequestHandler = (req, res) => void res.json(seenIn(req))

export interface Seen {
  method: string
  host: string | undefined
  url: string
  path: string
  query: Record<string, unknown>
  body?: unknown
}

export function seenIn(req: Request): Seen {
  const { method, originalUrl: url, path, query } = req
  return { method, host: req.get('host'), url, path, query, body: tagged(req.body) }
}

/** Bytes and text are told apart from JSON that looks like them. */
function tagged(body: unknown): unknown {
  if (Buffer.isBuffer(body)) return { bytes: body.toString('hex') }
  return body === undefined ? undefined : { value: body }
}

/** Every body parser that Express has, so that any content type may have been read. */
export function parsers(express: Express): RequestHandler[] {
  return [
    express.json({ strict: false, limit: '2mb' }),
    express.urlencoded({ extended: true, limit: '2mb' }),
    express.text({ limit: '2mb' }),
    express.raw({ limit: '2mb' }),
  ]
}

const TRACKING = /^(utm_.*|fbclid|gclid)$/

/** An echo without what a key may leave out: tracking parameters, and the order of parameters with different names. */
export function comparable(seen: Seen): Seen {
  const query = Object.entries(seen.query).filter(([name]) => !TRACKING.test(name))
  return { ...seen, url: canonicalUrl(seen.url), query: Object.fromEntries(query) }
}

/** The parameters that belong to the key: a cache may hide the others from the handler. */
export function withoutTracking(query: readonly string[]): string[] {
  return query.filter(piece => !TRACKING.test(decoded(piece.split('=', 1)[0]!)))
}

function canonicalUrl(url: string): string {
  const at = url.indexOf('?')
  if (at < 0) return url
  const pairs = url
    .slice(at + 1)
    .split('&')
    .filter(piece => piece !== '')
    .map(piece => {
      const equals = piece.indexOf('=')
      return equals < 0 ? [decoded(piece), ''] : [decoded(piece.slice(0, equals)), decoded(piece.slice(equals + 1))]
    })
    .filter(([name]) => !TRACKING.test(name!))
  // Array.prototype.sort is stable: repeated names keep their order.
  pairs.sort(([a], [b]) => (a! < b! ? -1 : a! > b! ? 1 : 0))
  return pairs.length === 0 ? url.slice(0, at) : `${url.slice(0, at)}?${JSON.stringify(pairs)}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return `undecodable ${text}`
  }
}
