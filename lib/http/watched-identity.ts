import type { IncomingHttpHeaders } from 'node:http'
import type { Request } from 'express'
import { EVERYTHING, watchedFields } from './watched-fields.js'

/**
 * Who is asking, as middleware in front has found out: its session and its parsed cookies. A handler that reads them on a miss answers that
 * visitor, even where the request came without a cookie: then the session's id is new, and nobody else's.
 */

/** A session made for this request, or one that a cookie of this request named. */
export type SessionOrigin = 'fresh' | 'found'

export interface IdentityListener {
  /** The handler read a cookie that the request carries. */
  readonly onCookie: () => void
  /** The handler read what differs from session to session. */
  readonly onSession: (origin: SessionOrigin) => void
  /** Middleware in front reads, not the handler. */
  readonly isPaused: () => boolean
}

/** Watches until what `restores` has learned is called. */
export function watchIdentity(
  req: Request,
  headers: IncomingHttpHeaders,
  listener: IdentityListener,
  restores: { push(restore: () => void): unknown },
): void {
  for (const name of ['cookies', 'signedCookies'] as const) {
    if (headers.cookie !== undefined && isObject(own(req, name)?.value)) {
      restores.push(replace(req, name, listener, cookies => watchedCookies(cookies, listener.onCookie)))
    }
  }
  if (own(req, 'session') !== undefined) {
    const origin = originOf(req, headers)
    const onRead = (): void => listener.onSession(origin)
    restores.push(replace(req, 'session', listener, session => watchedSession(req, session, origin, onRead)))
    if (own(req, 'sessionID') !== undefined) {
      restores.push(
        replace(req, 'sessionID', listener, id => {
          onRead()
          return id
        }),
      )
    }
  }
}

const own = (req: Request, name: string): PropertyDescriptor | undefined => Object.getOwnPropertyDescriptor(req, name)

/** Shows the handler `shown` of the property's value. Middleware in front gets the value itself, and sets it. */
function replace(
  req: Request,
  name: string,
  { isPaused }: IdentityListener,
  shown: (value: unknown) => unknown,
): () => void {
  const real = own(req, name)!
  // Nobody can watch it; whoever made it so has reasons of his own.
  if (real.configurable !== true) return () => undefined
  const isAccessor = 'get' in real
  let { value } = real as { value?: unknown }
  let last: { value: unknown; shown: unknown } | undefined
  const current = (): unknown => (isAccessor ? (real.get?.call(req) as unknown) : value)
  const get = (): unknown => {
    const now = current()
    if (isPaused() || now === undefined || now === null) return now
    if (last?.value !== now || typeof now !== 'object') last = { value: now, shown: shown(now) }
    return last.shown
  }
  const set = (next: unknown): void => {
    const unwatched = last !== undefined && next === last.shown ? last.value : next
    if (isAccessor) real.set?.call(req, unwatched)
    else value = unwatched
  }
  Object.defineProperty(req, name, { get, set, enumerable: real.enumerable === true, configurable: true })
  return () => {
    // Whoever has put something else there meanwhile keeps it.
    if (own(req, name)?.get === get) Object.defineProperty(req, name, isAccessor ? real : { ...real, value })
  }
}

/** What one cookie parser found. A name that is absent here is absent for everybody who is looked up. */
const watchedCookies = (cookies: unknown, onCookie: () => void): unknown =>
  watched(cookies as object, (name, isThere) => {
    if (name === EVERYTHING || isThere) onCookie()
  })

/** What says nothing of a session that was made for this request: these are the same for all such. */
const SAME_FOR_FRESH: ReadonlySet<string> = new Set(['isNew', 'isChanged', 'isPopulated'])

function watchedSession(req: Request, session: unknown, origin: SessionOrigin, onRead: () => void): unknown {
  // A class that is not known may have private fields, which no proxy reaches.
  if (!isObject(session) || !isKnown(req, session)) {
    onRead()
    return session
  }
  return watched(session, (name, isThere) => {
    // What is absent in a fresh session is absent in all of them: `if (req.session.user)` tells visitors without one nothing new.
    const isSame = origin === 'fresh' && name !== EVERYTHING && (!isThere || SAME_FOR_FRESH.has(name))
    if (!isSame) onRead()
  })
}

function originOf(req: Request, { cookie }: IncomingHttpHeaders): SessionOrigin {
  if (cookie === undefined) return 'fresh'
  const { session, sessionID, sessionOptions } = req as {
    session?: unknown
    sessionID?: unknown
    sessionOptions?: unknown
  }
  if (sessionOptions !== undefined) return (session as { isNew?: unknown } | null)?.isNew === true ? 'fresh' : 'found'
  // express-session writes `s:ID.SIGNATURE`.
  const isNamed =
    typeof sessionID !== 'string' || [sessionID, encodeURIComponent(sessionID)].some(id => cookie.includes(id))
  return isNamed ? 'found' : 'fresh'
}

/** The sessions of express-session and cookie-session, and plain objects. */
function isKnown(req: Request, session: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(session)
  return (
    prototype === Object.prototype ||
    prototype === null ||
    (session as { req?: unknown }).req === req ||
    'sessionOptions' in req
  )
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Told of each member that is read, and whether it is there. */
type NoteMember = (name: string, isThere: boolean) => void

const watched = (real: object, note: NoteMember): object =>
  watchedFields(
    () => real,
    name => {
      // What every object has says nothing.
      if (name === EVERYTHING || !(name in Object.prototype)) note(name, name === EVERYTHING || Reflect.has(real, name))
    },
  )
