import type { Request } from 'express'
import type { IncomingHttpHeaders } from 'node:http'
import type { BypassReason } from '../core/outcomes.js'
import { movieTag, NO_MOVIE, urlTag } from '../core/tags.js'
import type { ProfileName } from '../core/types.js'
import type { BodyFilter, ResolvedRoute } from '../options.js'
import type { Asked } from './asked.js'
import { digestOf } from './body.js'
import { namesSomebody } from './identity.js'
import { isPlaceholder } from './read-body.js'
import { readQuery, type VisibleQuery } from './query.js'
import { keyPart } from './text.js'

/** Under which text a request is looked up, and what the handler may see of its URL. */
export interface RequestKey {
  /** `api 603 GET http://localhost /api/movies/603?page=2`, then the parts that only some routes have. */
  readonly text: string
  /** The movie's part of it, `-` where none is named. */
  readonly movie: string
  /** The route's `key` named something: whoever is asking is in the text. */
  readonly isIdentified: boolean
  /** Protocol and host name as Express computes them. */
  readonly origin: string
  /** Set when parameters outside the key are to be hidden from the handler. */
  readonly visibleQuery: VisibleQuery | undefined
}

/**
 * The key of a request. Parts are separated by spaces and hold none themselves, later parts begin with their name: no two different requests
 * share a text.
 */
export function keyOf(asked: Asked, profile: ProfileName, route: ResolvedRoute): RequestKey | BypassReason {
  const { req, headers } = asked
  const method = asked.method === 'HEAD' ? 'GET' : asked.method
  const { url, visible } = readTarget(req.originalUrl, route)
  const origin = originOf(asked)
  const movie = movieScope(req, route)
  if (movie === undefined) return 'key-error'

  let text = `${profile} ${movie} ${method} ${origin} ${url}`
  const rewritten = isRewritten(req)
  if (rewritten) text += ` rewritten:${keyPart(req.baseUrl + req.url)}`
  for (const name of route.vary) text += ` header:${name}${fieldPart(headers[name])}`
  const extra = route.key === undefined ? NO_EXTRA : extraPart(req, route.key)
  if (extra === undefined) return 'key-error'
  text += extra.text
  if (method === 'POST') {
    if (hasField(req.body, bypassing(route.body))) return 'body-reference'
    const body = bodyPart(asked, route.body)
    if (body === undefined) return 'body-complex'
    if (isPlaceholder(req, headers)) return 'body-unparsed'
    text += body
  }
  return {
    text,
    movie,
    isIdentified: extra.isIdentity,
    origin,
    visibleQuery: rewritten ? undefined : visible,
  }
}

/** A request's URL as it stands in keys, and what the handler may see of its query. */
function readTarget(target: string, route: ResolvedRoute): { url: string; visible: VisibleQuery | undefined } {
  const mark = target.indexOf('?')
  if (mark < 0) return { url: target, visible: undefined }
  const path = target.slice(0, mark)
  const { canonical, visible } = readQuery(target.slice(mark + 1), route.query)
  return { url: canonical === '' ? path : `${path}?${canonical}`, visible }
}

/** Middleware in front may have sent the request elsewhere, and a header may have told it where (X-Original-URL). */
export const isRewritten = ({ originalUrl, baseUrl, url }: Request): boolean =>
  originalUrl !== url &&
  // A mounted router sees `/` or `/?…` where the request ends with the mount path itself.
  originalUrl !== baseUrl + url &&
  originalUrl !== baseUrl + url.slice(1)

/** The tag of a movie as users name it. */
export const tagOfMovie = (movie: string | number): string => movieTag(movieText(movie))

/**
 * The tags of the stored answers that a successful unsafe request makes outdated (RFC 9111 section 4.4): those of its own URL, and of the
 * URLs it names in Location and Content-Location where they are of the same origin. Where the route says so, those of its movie too.
 */
export function outdatedTags(
  asked: Asked,
  profile: ProfileName,
  route: ResolvedRoute,
  locations: readonly string[],
  movie?: string,
): string[] {
  const { req, headers } = asked
  const origin = originOf(asked)
  const tagOf = (target: string): string => urlTag(profile, origin, readTarget(target, route).url)
  const host = `${protocolOf(asked)}://${hostField(headers) ?? ''}`
  // A request target may be anything; without a base there are no relative locations.
  const base = URL.canParse(req.originalUrl, host) ? new URL(req.originalUrl, host) : undefined
  const others = locations
    .filter(location => base !== undefined && URL.canParse(location, base.href))
    .map(location => new URL(location, base))
    .filter(url => url.origin === base?.origin)
  const isNamed = route.invalidate === 'movie' && movie !== undefined && movie !== NO_MOVIE
  const ofMovie = isNamed ? [movieTag(movie)] : []
  return [tagOf(req.originalUrl), ...others.map(url => tagOf(url.pathname + url.search)), ...ofMovie]
}

/** The field's value in a key. A field that is absent differs from one that is empty. Middleware in front may have made a number of a text. */
export const fieldPart = (value: string | string[] | number | boolean | undefined): string =>
  value === undefined ? '' : `=${keyPart(Array.isArray(value) ? value.join(', ') : String(value))}`

const originOf = (asked: Asked): string => `${protocolOf(asked)}://${hostOf(asked)}`

/** The protocol as Express computes it; without a forwarding header there is nothing to compute. */
function protocolOf({ req, headers }: Asked): string {
  if (headers['x-forwarded-proto'] !== undefined) return keyPart(req.protocol)
  return isEncrypted(req.socket) ? 'https' : 'http'
}

/** Some requests have no connection. */
export const isEncrypted = (socket: Request['socket'] | null | undefined): boolean =>
  typeof socket === 'object' && socket !== null && 'encrypted' in socket && socket.encrypted === true

/** HTTP/2 says it in a pseudo-field (RFC 9113 section 8.3.1). */
export const hostField = (headers: IncomingHttpHeaders): string | undefined =>
  headers.host ?? (headers[':authority'] as string | undefined)

/**
 * The host name as Express computes it: from X-Forwarded-Host only where the app trusts its proxy. The port is left out, as in
 * `req.hostname`; a handler that looks at `Host` gets an answer of its own for each value.
 */
function hostOf(asked: Asked): string {
  const host = forwardedHost(asked) ?? hostField(asked.headers) ?? ''
  const port = host.indexOf(':', host.startsWith('[') ? host.indexOf(']') : 0)
  return keyPart(port < 0 ? host : host.slice(0, port))
}

function forwardedHost({ req, headers }: Asked): string | undefined {
  const forwarded = headers['x-forwarded-host']
  if (forwarded === undefined) return undefined
  const { app, socket } = req as Partial<Request>
  const trusts = app?.get('trust proxy fn') as ((address: string | undefined, hop: number) => boolean) | undefined
  if (trusts?.(socket?.remoteAddress, 0) !== true) return undefined
  return String(forwarded).split(',', 1)[0]!.trimEnd()
}

/** Which movie the request is about, as a part of the key. Undefined: the route's own function failed. */
export function movieScope(req: Request, route: ResolvedRoute): string | undefined {
  if (route.movieId !== undefined) {
    try {
      const movie = onlyMember(route.movieId(req))
      if (movie === undefined || movie === null) return NO_MOVIE
      return isId(movie) ? movieText(movie) : undefined
    } catch {
      return undefined
    }
  }
  const movie = namedMovie(req)
  return movie === undefined ? NO_MOVIE : movieText(movie)
}

/** Express 5 gives a wildcard of a path as a list. Several members name no one movie. */
const onlyMember = (value: unknown): unknown => (Array.isArray(value) && value.length === 1 ? value[0] : value)

const MOVIE_FIELDS = ['movieId', 'tmdbId', 'imdbId'] as const

function namedMovie(req: Request): string | number | undefined {
  const params: Record<string, unknown> = req.params
  for (const value of [onlyMember(params['movieId']), onlyMember(params['id'])]) if (isId(value)) return value
  // Only a query that names one is worth parsing.
  if (/[?&](?:movieId|tmdbId|imdbId)=./.test(req.originalUrl)) {
    const query = new URLSearchParams(req.originalUrl.slice(req.originalUrl.indexOf('?')))
    for (const name of MOVIE_FIELDS) if (isId(query.get(name))) return query.get(name)!
  }
  return movieInBody(req)
}

/** The movie that a body names, for requests whose path and query name none. */
export function movieInBody({ body }: { readonly body?: unknown }): string | number | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  for (const name of MOVIE_FIELDS) {
    const value: unknown = Object.hasOwn(body, name) ? (body as Record<string, unknown>)[name] : undefined
    if (isId(value)) return value
  }
  return undefined
}

const isId = (value: unknown): value is string | number =>
  (typeof value === 'string' && value !== '') || (typeof value === 'number' && Number.isFinite(value))

const movieText = (movie: string | number): string => {
  const text = keyPart(plainNumber(String(movie)))
  return text === NO_MOVIE ? '%2D' : text
}

/** `603` for `0603`, `+603` and `603.0`: for a handler that makes a number of it they are one movie, and so they must be for a purge. */
const plainNumber = (text: string): string => /^\s*\+?0*([1-9]\d*|0)(?:\.0*)?\s*$/.exec(text)?.[1] ?? text

interface Extra {
  readonly text: string
  /** It says who is asking. */
  readonly isIdentity: boolean
}

const NO_EXTRA: Extra = { text: '', isIdentity: false }

/** What the route's `key` adds. Undefined: it threw, or returned what cannot stand in a key. */
function extraPart(req: Request, key: (req: Request) => unknown): Extra | undefined {
  try {
    const value = key(req)
    if (value === undefined || value === null) return NO_EXTRA
    if (typeof value === 'string') return { text: ` key:text=${keyPart(value)}`, isIdentity: namesSomebody(value) }
    const digest = digestOf(value)
    return digest === undefined ? undefined : { text: ` key:data=${digest}`, isIdentity: namesSomebody(value) }
  } catch {
    return undefined
  }
}

/**
 * Bytes of a body whose fields are listed. V8 takes longer to list the names of a large object than JSON.parse took to make it, and cannot
 * say beforehand how many there are.
 */
const MOST_LISTED = 1_048_576

/** Names of one object, above which its values are not looked at. */
const MOST_NAMES = 2_500

/** The parsed body and the type it was parsed by. Undefined: it cannot be hashed. */
function bodyPart({ req, headers }: Asked, filter: BodyFilter | undefined): string | undefined {
  // The whole field as it came: parsers and handlers look at its parameters, and at what they like of its letters.
  const field = headers['content-type']
  const type = field === undefined ? '' : keyPart(field).replace('%2F', '/')
  // Without a byte a parser may still leave `{}`, or an empty Buffer, by the type it was told.
  if (req.body === undefined) return ` body:${type === '' ? '' : `${type}=`}none`
  const isListed = isFields(req.body) && !(filter !== undefined && 'only' in filter)
  if (isListed && Number(headers['content-length'] ?? 0) > MOST_LISTED) return undefined
  try {
    const digest = digestOf(filteredBody(req.body, filter))
    return digest === undefined ? undefined : ` body:${type}=${digest}`
  } catch {
    // A getter or a proxy in the body; nothing that a parser makes.
    return undefined
  }
}

/** The fields that belong to the key, with what stands for those that are absent. */
function filteredBody(body: unknown, filter: BodyFilter | undefined): unknown {
  if (filter === undefined || !isFields(body)) return body
  const names = 'only' in filter ? filter.only.filter(name => Object.hasOwn(body, name)) : Object.keys(body)
  if (names.length > MOST_NAMES) return undefined
  const ignored = 'ignore' in filter ? filter.ignore : []
  const kept = Object.fromEntries(names.filter(name => !ignored.includes(name)).map(name => [name, body[name]]))
  return 'defaults' in filter ? { ...filter.defaults, ...kept } : kept
}

const bypassing = (filter: BodyFilter | undefined): readonly string[] =>
  filter !== undefined && 'bypass' in filter ? (filter.bypass ?? []) : []

/** A field that is there and says something. */
const hasField = (body: unknown, names: readonly string[]): boolean =>
  names.length > 0 && isFields(body) && names.some(name => Object.hasOwn(body, name) && !isNothing(body[name]))

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0)

const isFields = (body: unknown): body is Record<string, unknown> =>
  typeof body === 'object' && body !== null && !Array.isArray(body) && !Buffer.isBuffer(body)
