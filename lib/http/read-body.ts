import type { Request } from 'express'
import type { IncomingHttpHeaders } from 'node:http'
import { essence } from '../core/media-type.js'

/**
 * Whether somebody in front has read the body, and left in `req.body` what it held. Of a form with files `req.body` has only the fields, so
 * that it does not count.
 */
export function isBodyRead(req: Request, headers: IncomingHttpHeaders): boolean {
  if (!hasBody(req, headers)) return true
  if (!req.readableEnded || req.body === undefined) return false
  const files = req as { file?: unknown; files?: unknown }
  if (files.file !== undefined || files.files !== undefined) return false
  return Buffer.isBuffer(req.body) || !essence(headers['content-type']).startsWith('multipart/')
}

/**
 * Whether `req.body` says nothing although bytes were sent. Express 4 and middleware such as `req.body ??= {}` put such a value there while
 * somebody else keeps the text, in a place that no key covers. It counts only where the bytes were JSON that says just this, such as `{}`.
 */
export function isPlaceholder(req: Request, headers: IncomingHttpHeaders): boolean {
  const body: unknown = req.body
  if (body === undefined || !isEmpty(body) || !hasBody(req, headers)) return false
  const isJson = /[/+]json$/.test(essence(headers['content-type']))
  return !isJson || String(headers['content-length']) !== String(JSON.stringify(body).length)
}

function isEmpty(body: unknown): boolean {
  if (typeof body !== 'object' || body === null)
    return typeof body === 'boolean' || body === null || body === '' || body === 0
  if (Buffer.isBuffer(body)) return body.length === 0
  for (const name in body) if (Object.hasOwn(body, name)) return false
  return true
}

/**
 * A request has a body when it says how long it is or that it comes in chunks (RFC 9112 section 6.3). In HTTP/2 it need say neither: there
 * is a body unless the stream ended with the head.
 */
export function hasBody(req: Request, headers: IncomingHttpHeaders): boolean {
  // serverless-http says it as a number.
  const length = headers['content-length'] as string | number | undefined
  if (headers['transfer-encoding'] !== undefined) return true
  if (length !== undefined) return String(length) !== '0'
  if (isRaw(req.body)) return true
  return req.httpVersionMajor >= 2 && (req as { stream?: Http2Stream }).stream?.endAfterHeaders === false
}

/** Adapters of serverless platforms leave the bytes of a body there, whatever its fields say. */
const isRaw = (body: unknown): boolean => (typeof body === 'string' || Buffer.isBuffer(body)) && body.length > 0

interface Http2Stream {
  readonly endAfterHeaders?: boolean
}

/** Trailers come behind a body, and only there where its length was not said. */
export const hasTrailers = ({ rawTrailers }: Partial<Request>, headers: IncomingHttpHeaders): boolean =>
  headers['content-length'] === undefined && rawTrailers !== undefined && rawTrailers.length > 0
