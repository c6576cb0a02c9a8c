import type { IncomingHttpHeaders } from 'node:http'
import type { Request } from 'express'
import type { BypassReason, RefusalReason } from '../core/outcomes.js'
import { isStorableStatus } from '../core/storable-status.js'
import type { Milliseconds } from '../core/types.js'
import type { ResolvedRoute } from '../options.js'
import { isAnalyticsCookie } from './analytics-cookies.js'
import type { Asked } from './asked.js'
import { parseCacheControl, type Directives } from './cache-control.js'
import { cookieFilter, cookieNames, type CookieFilter } from './cookies.js'
import { isNoField } from './field-names.js'
import { freshnessOf, type Freshness } from './freshness.js'
import { joined, lineOf, type Fields } from './headers.js'
import type { RequestKey } from './key.js'
import { hasBody, hasTrailers, isBodyRead } from './read-body.js'
import { keyPart } from './text.js'
import { variesOn } from './vary.js'
import type { SessionOrigin } from './watched-identity.js'

/** What a request's key says of fields that are not in it by their names. */
type KnownOf = Pick<RequestKey, 'origin' | 'isIdentified'>

/** Who is looked up and what is stored, for one route. Fails closed: what is not clearly shareable is not shared. */
export class Policy {
  readonly #isIgnoredCookie: CookieFilter
  readonly #isDeclaredCookie: CookieFilter
  readonly #covers: ReadonlySet<string>
  /** Nothing but URL, host and protocol is in the key of a GET. */
  readonly isKeyedByUrl: boolean
  /** The `key` of its middleware, by which the middleware is recognized in the layers of a route. */
  mark: unknown

  constructor(readonly route: ResolvedRoute) {
    this.#isDeclaredCookie = cookieFilter(route.ignoreCookies)
    this.#isIgnoredCookie = name => isAnalyticsCookie(name) || this.#isDeclaredCookie(name)
    this.#covers = new Set(route.vary)
    this.isKeyedByUrl = route.key === undefined && route.movieId === undefined && route.vary.length === 0
  }

  /** Why a request goes past the cache; undefined when it is looked up. */
  bypassReason(asked: Asked): BypassReason | undefined {
    const { req, method, headers } = asked
    if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') return 'method'
    if (headers.upgrade !== undefined && isHandshake(req, headers.upgrade)) return 'upgrade'
    // With a key function it is known later whether the key says who is asking.
    const personal = this.route.key === undefined ? this.credentials(asked) : undefined
    if (personal !== undefined) return personal
    if (method === 'POST') {
      if (!isBodyRead(req, headers)) return 'body-unparsed'
      if (hasTrailers(req, headers)) return 'trailers'
      // What is to be done only where nothing has changed meanwhile is for the handler to judge.
      if (hasPrecondition(headers)) return 'conditional'
    } else if (hasBody(req, headers)) return 'get-body'
    return this.route.bypass === undefined ? undefined : this.#askRoute(req, this.route.bypass)
  }

  /** What makes this request personal and is not in the key; undefined when there is nothing. */
  credentials({ req, headers }: Asked): BypassReason | undefined {
    const { authorization, cookie } = headers
    if (authorization !== undefined && !this.#covers.has('authorization')) return 'authorization'
    if (isSet(req, 'user')) return 'user'
    if (cookie !== undefined && !this.#covers.has('cookie') && this.#hasPersonalCookie(cookie)) return 'cookie'
    return undefined
  }

  /**
   * Whether an answer with this status and header may be stored, and how long it is fresh. `fields` are all that the client gets, not only
   * the handler's: a `no-store` set by middleware in front counts.
   */
  judgeHead(
    method: string,
    status: number,
    fields: Fields,
    now: Milliseconds,
    lead?: Milliseconds,
  ): RefusalReason | Freshness {
    if (method === 'HEAD') return 'head'
    const directives = parseCacheControl(joined(fields, 'cache-control'))
    const refusal = judgeFields(fields, directives)
    if (refusal !== undefined || directives === undefined) return refusal ?? 'cache-control'
    if (directives.has('must-understand') && !UNDERSTOOD.has(status)) return 'status'
    const ttl = this.#ttlFor(status)
    if (ttl === undefined) return 'status'
    const freshness = freshnessOf(fields, directives, ttl, this.route, now, lead)
    if (freshness === undefined) return status === 200 ? 'no-freshness' : 'status'
    return isUseful(freshness, directives, now) || (status === 200 && method === 'GET' && hasValidator(fields))
      ? freshness
      : 'no-freshness'
  }

  /** The request header that the handler read and the key does not cover. */
  unkeyedHeader(
    reads: Iterable<string>,
    headers: IncomingHttpHeaders,
    key: KnownOf,
    varied: readonly string[],
  ): string | undefined {
    for (const name of reads) if (!varied.includes(name) && !this.#isCovered(name, headers[name], key)) return name
    return undefined
  }

  /** Those of the fields read that speak against storing only because this request carries them. */
  ownHeaders(
    reads: Iterable<string>,
    headers: IncomingHttpHeaders,
    key: KnownOf,
    varied: readonly string[],
  ): readonly string[] {
    return [...reads].filter(
      name =>
        !varied.includes(name) && !this.#isCovered(name, headers[name], key) && this.#isCovered(name, undefined, key),
    )
  }

  /** A new session is one visitor's whatever the key says of cookies; one that a cookie named is covered with the cookie. */
  coversSession(origin: SessionOrigin, { isIdentified }: RequestKey): boolean {
    return isIdentified || (origin === 'found' && this.#covers.has('cookie'))
  }

  #isCovered(name: string, value: string | string[] | undefined, { origin, isIdentified }: KnownOf): boolean {
    if (this.#covers.has(name)) return true
    switch (name) {
      case 'authorization':
        // Absent here means absent for everybody who is looked up; present means that key() names who it is.
        return value === undefined || isIdentified
      case 'cookie':
        return value === undefined || isIdentified || cookieNames(value as string).every(this.#isDeclaredCookie)
      case 'x-forwarded-host':
        // Express's own req.hostname looks here first. Absent, or trusted and therefore in the key: no difference is hidden.
        return value === undefined || origin.endsWith(`://${keyPart(String(value))}`)
      case 'x-forwarded-proto':
        return value === undefined || origin.startsWith(`${keyPart(String(value))}://`)
      default:
        return value === undefined && isNoField(name)
    }
  }

  #hasPersonalCookie(field: string): boolean {
    return !cookieNames(field).every(this.#isIgnoredCookie)
  }

  #askRoute(req: Request, bypass: (req: Request) => boolean): BypassReason | undefined {
    try {
      return bypass(req) ? 'option' : undefined
    } catch {
      return 'key-error'
    }
  }

  /** How long a status stays fresh when its headers do not say; 0 when only they can say it; undefined when it is never stored. */
  #ttlFor(status: number): Milliseconds | undefined {
    const { ttl, ttlJitter, negativeTtl } = this.route
    if (status === 200) return ttl * (1 - ttlJitter * Math.random())
    if (status === 404 || status === 410) return negativeTtl
    return isStorableStatus(status) ? 0 : undefined
  }
}

/** What an answer's fields say against giving it to others, whatever its status. */
export function judgeFields(
  fields: Fields,
  directives = parseCacheControl(joined(fields, 'cache-control')),
): RefusalReason | undefined {
  if (directives === undefined) return 'cache-control'
  if (fields['set-cookie'] !== undefined) return 'set-cookie'
  for (const name of ['private', 'no-store', 'no-cache'] as const) if (directives.has(name)) return name
  if (variesOn(fields) === undefined) return 'vary'
  return fields['trailer'] === undefined ? undefined : 'trailer'
}

/** Fresh for a while, or stale already and of use to the handler that says so. */
const isUseful = (
  { staleAt, refreshUntil, coverUntil }: Freshness,
  directives: Directives,
  now: Milliseconds,
): boolean =>
  staleAt > now ||
  (directives.has('stale-while-revalidate') && refreshUntil > now) ||
  (directives.has('stale-if-error') && coverUntil > now)

/** The final statuses whose meaning this cache knows (RFC 9111 section 5.2.2.3). */
const UNDERSTOOD = new Set([200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414])

/** Where authentication says who is asking. */
const IDENTITIES = ['user', 'auth'] as const
type Identity = (typeof IDENTITIES)[number]

/** By which name it has said so. */
export const identityOf = (req: Request): Identity | undefined => IDENTITIES.find(name => isSet(req, name))

function isSet(req: Request, name: Identity): boolean {
  const value = (req as { [N in Identity]?: unknown })[name]
  return value !== undefined && value !== null
}

/** Whether `ignoreProperties` has the name, or that of the object which holds it. */
export const isVouchedFor = (name: string, { ignoreProperties }: ResolvedRoute): boolean =>
  ignoreProperties === true || ignoreProperties.some(one => one === name || name.startsWith(`${one}.`))

/**
 * A WebSocket's: nobody ends its response. Node sets `upgrade` where somebody listens for other protocols; `h2c`, which curl offers with every
 * request, is offered to all and meant by few (RFC 9110 section 7.8).
 */
const isHandshake = (req: Request, protocols: string): boolean =>
  (req as { upgrade?: unknown }).upgrade === true || /(?:^|[\s,])websocket(?:$|[\s,/])/i.test(protocols)

const hasPrecondition = (headers: IncomingHttpHeaders): boolean =>
  headers['if-match'] !== undefined || headers['if-unmodified-since'] !== undefined

export const hasValidator = (fields: Fields): boolean =>
  lineOf(fields, 'etag') !== undefined || lineOf(fields, 'last-modified') !== undefined
