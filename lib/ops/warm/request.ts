import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { OwnRequest } from '../../core/exchange.js'
import type { ResolvedWarm } from './options.js'

/** A URL or a path to GET, or more of a request. With a body it is a POST, and the body JSON unless it is a text or a Buffer. */
export type WarmRequest = string | URL | Detailed

interface Detailed {
  readonly method?: string
  readonly url: string | URL
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: unknown
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** What a request of the list is as a real one. Throws where it is none. */
export function parseRequest(request: unknown, { base, headers }: Pick<ResolvedWarm, 'base' | 'headers'>): OwnRequest {
  const given =
    typeof request === 'object' && request !== null && !(request instanceof URL) ? request : { url: request }
  const { method, url, headers: own = {}, body } = given as Record<string, unknown>
  const target = urlOf(url, base)
  const bytes = bytesOf(body)
  const verb = method ?? (bytes === undefined ? 'GET' : 'POST')
  if (typeof verb !== 'string' || !TOKEN.test(verb)) throw new TypeError('the method is not the name of one')
  if (typeof own !== 'object' || own === null) throw new TypeError('headers are not an object')
  const lines = new Map([['host', ['Host', target.host]]])
  if (bytes !== undefined) lines.set('content-type', ['Content-Type', typeOf(body)])
  for (const [name, value] of Object.entries({ ...headers, ...own })) lines.set(name.toLowerCase(), lineOf(name, value))
  return { method: verb.toUpperCase(), url: target, rawHeaders: [...lines.values()].flat(), body: bytes }
}

/** For people: what is asked. */
export function nameOf(request: unknown): string {
  if (typeof request === 'string') return request
  if (request instanceof URL) return request.href
  const { method, url, body } = (typeof request === 'object' && request !== null ? request : {}) as Partial<Detailed>
  const verb = method ?? (body === undefined ? 'GET' : 'POST')
  return typeof url === 'string' || url instanceof URL ? `${verb} ${url.toString()}` : 'what is no request'
}

function urlOf(url: unknown, base: URL): URL {
  const text = url instanceof URL ? url.href : url
  const isAddress = typeof text === 'string' && /^(https?:\/\/|\/(?!\/))/i.test(text) && URL.canParse(text, base.href)
  if (!isAddress) throw new TypeError('the url is neither a path (/api/movies/603) nor an address (https://…)')
  return new URL(text, base)
}

function bytesOf(body: unknown): Buffer | undefined {
  if (body === undefined) return undefined
  if (Buffer.isBuffer(body)) return body
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

function typeOf(body: unknown): string {
  if (Buffer.isBuffer(body)) return 'application/octet-stream'
  return typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json'
}

/** Name, value, name, value of one field. */
function lineOf(name: string, value: unknown): string[] {
  validateHeaderName(name)
  const values: unknown[] = Array.isArray(value) ? value : [value]
  return values.flatMap(one => {
    validateHeaderValue(name, one as string)
    return [name, String(one)]
  })
}
