import type { Request, Response } from 'express'
import type { Undo } from './step-aside.js'
import { accessorsFor, unwatchProperties, watchProperties, type Accessors, type Watcher } from './watched-properties.js'

/**
 * What middleware in front has found out about a request, and put there for the handler: `req.tenant`, `res.locals.language`. It may have
 * learned it from a field, an address or a token; to read it is to read that.
 */

/** Node's own, on every request. */
const NODE = [
  ...[
    '_events',
    '_eventsCount',
    '_maxListeners',
    '_readableState',
    'socket',
    'client',
    'complete',
    'aborted',
    'upgrade',
  ],
  ...['httpVersion', 'httpVersionMajor', 'httpVersionMinor', 'headers', 'headersDistinct', 'rawHeaders'],
  ...['trailers', 'trailersDistinct', 'rawTrailers', 'joinDuplicateHeaders', 'optimizeEmptyRequests'],
  ...['url', 'method', 'statusCode', 'statusMessage', '_consuming', '_dumped', '_paused', 'timeoutCb'],
] as const

/** Express's own and its routers'; the last are what `parseurl` remembers. */
const EXPRESS = [
  ...['app', 'res', 'next', 'baseUrl', 'originalUrl', 'params', 'query', 'route', 'secret'],
  ...['_parsedUrl', '_parsedOriginalUrl'],
] as const

/** The body, which is in the key; files beside it are not. */
const BODY = ['body', '_body', 'rawBody'] as const

/** What is watched by itself: a member of it may be harmless, or its presence sends the request past the cache. */
const WATCHED_ELSEWHERE = [
  ...['cookies', 'signedCookies', 'session', 'sessionID', 'user'],
  ...['ip', 'ips', 'protocol', 'hostname', 'host', 'authority', 'scheme'],
] as const

/**
 * What names the request, its log or its time, and nobody who asks; and what passport and session middleware put on every request alike, which
 * tell of `req.user` and `req.session` alone.
 */
const HARMLESS = [
  ...['id', 'requestId', 'reqId', 'correlationId', 'traceId', 'log', 'logger', 'span', 'startTime'],
  ...['_startTime', '_startAt', '_routeWhitelists', '_routeBlacklists', 'timedout', 'clearTimeout'],
  ...['_passport', 'login', 'logIn', 'logout', 'logOut', 'isAuthenticated', 'isUnauthenticated', '_sessionManager'],
  ...['sessionStore', 'sessionOptions', 'sessionCookies', 'sessionKey'],
] as const

const KNOWN: ReadonlySet<string> = new Set([...NODE, ...EXPRESS, ...BODY, ...WATCHED_ELSEWHERE, ...HARMLESS])
const HARMLESS_LOCALS: ReadonlySet<string> = new Set(HARMLESS)

/** Sets of names that are remembered: an app's own middleware puts the same ones on every request. */
const MOST = 256

/** Who watches, and how to take it off again. */
export interface Watch {
  readonly watcher: Watcher
  readonly stops: { push(stop: (() => void) | undefined): unknown }
  readonly undo: Undo
  /** Told of what cannot be watched. */
  readonly onFixed: (name: string) => void
}

/** The accessors for what apps put in front, made once for each set of names. */
export class PutInFront {
  readonly #known = new Map<string, Accessors>()

  /** Watches what stands there when the handler begins. */
  watch(req: Request, res: Response, watch: Watch): void {
    this.#watch(req, foundOn(req), '', watch)
    const { locals } = res as Partial<Response>
    if (locals === undefined) return
    const members = Object.getOwnPropertyNames(locals).filter(name => !HARMLESS_LOCALS.has(name))
    this.#watch(locals, members, 'locals.', watch)
  }

  #watch(target: object, names: readonly string[], prefix: string, watch: Watch): void {
    for (const enumerable of [true, false]) {
      const those = names.filter(name => Object.prototype.propertyIsEnumerable.call(target, name) === enumerable)
      if (those.length > 0) watchAll(target, this.#accessorsFor(those, prefix, enumerable), prefix, watch)
    }
  }

  #accessorsFor(names: readonly string[], prefix: string, enumerable: boolean): Accessors {
    const set = [prefix, enumerable, ...names].join('\0')
    const accessors = this.#known.get(set) ?? accessorsFor(names, { prefix, enumerable })
    if (this.#known.size < MOST) this.#known.set(set, accessors)
    return accessors
  }
}

function watchAll(
  target: object,
  accessors: Accessors,
  prefix: string,
  { watcher, stops, undo, onFixed }: Watch,
): void {
  const isWatchable = Object.isExtensible(target)
  for (const name of Object.keys(accessors)) if (!isWatchable || isFixed(target, name)) onFixed(prefix + name)
  undo.add(() => unwatchProperties(target, accessors))
  stops.push(watchProperties(target, accessors, watcher))
}

/** What neither Node nor Express nor a parser has put on the request. A method that somebody has replaced is called by all alike. */
const foundOn = (req: Request): string[] =>
  Object.getOwnPropertyNames(req).filter(name => !KNOWN.has(name) && !isOverride(req, name))

function isOverride(req: Request, name: string): boolean {
  if (!(name in (Object.getPrototypeOf(req) as object))) return false
  return typeof Object.getOwnPropertyDescriptor(req, name)?.value === 'function'
}

const isFixed = (target: object, name: string): boolean =>
  Object.getOwnPropertyDescriptor(target, name)?.configurable === false
