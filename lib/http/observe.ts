import type { IncomingHttpHeaders } from 'node:http'
import type { Request } from 'express'
import type { CacheEntry } from '../core/types.js'
import type { ResolvedRoute } from '../options.js'
import { lineOf, linesByName } from './headers.js'
import { isNoField } from './field-names.js'
import { hideParameters } from './hidden-parameters.js'
import { isVouchedFor } from './policy.js'
import { attempt, show, type Undo } from './step-aside.js'
import type { Visit } from './visit.js'
import { watchConnection, watchSocket } from './watched-connection.js'
import { EVERYTHING, watchedFields, watchedLines } from './watched-fields.js'
import { watchIdentity, type SessionOrigin } from './watched-identity.js'
import { accessorsFor, unwatchProperties, watchProperties, type Watcher } from './watched-properties.js'

/**
 * What the handler sees of a request on a miss, and what it looked at (promise 3: the key covers what the handler may read).
 *
 * Validators and Range are set aside: the cache answers them itself, from the whole answer. Reads of all other fields are noted, and so are
 * reads of what the connection says; nothing here runs on a hit.
 */

/** Fields that make the handler answer with a part, with nothing, or with a failure (412). */
const CONDITIONAL = [
  ...(['if-none-match', 'if-modified-since', 'range', 'if-range', 'if-match', 'if-unmodified-since'] as const),
]

/** What says how a body comes: without one there is nothing to say, and `Content-Length: 0` is out of sight. */
const FRAMING = ['content-length', 'transfer-encoding'] as const

/** A client that reloads would have `req.fresh` say no to the cache's own validators: they are out of sight beside those. */
const RELOADING = ['cache-control', 'pragma'] as const

/**
 * Fields whose reading makes the answer one for their value, as if `Vary` named them. `Host` carries a port that the key does not;
 * `cors` looks at `Origin` even where every origin gets the same; `req.is` looks at what frames a body.
 */
export const IMPLICITLY_VARIED: readonly string[] = ['host', 'origin', ...FRAMING]

export interface Observation {
  /** The names of the fields read that others may have said otherwise, in the order of the first reading. */
  readonly reads: ReadonlySet<string>
  /** Properties read of the request and its connection, such as `ip` and `socket.remoteAddress`. */
  readonly properties: ReadonlySet<string>
  /** Set once the handler has read whose session this is, or what only this one holds. */
  readonly sessionRead: SessionOrigin | undefined
  /** While paused, reads are those of middleware in front, which adds to an answer on its way out. It is, until the handler begins. */
  isPaused: boolean
  /** What the cache reads itself is not noted. */
  unnoticed<T>(read: () => T): T
  /** Takes for covered what `key(req)` reads. It runs once more for that, so only ask where something else was read. */
  coverKey(key: (req: Request) => unknown): void
  /** The handler has been given this connection instead of its client's. */
  moveTo(socket: object | null): void
  /** Gives the request back as it came. */
  restore(): void
}

/** The validators of a stored answer that the handler is asked to confirm (RFC 9111 section 4.3.1). */
export interface Validators {
  readonly etag: string | undefined
  readonly lastModified: string | undefined
}

/** Of a stale answer: those its handler gave it. One that the cache made would tell the handler nothing. */
export const validatorsOf = (stale: CacheEntry | undefined): Validators => ({
  etag: stale?.handlerEtag,
  lastModified: stale && lineOf(stale.headers, 'last-modified'),
})

export const observe = (visit: Visit, validators: Validators, undo: Undo): Observation =>
  new Observer(visit, validators, undo)

/** Properties of a request that say something of the client. What Express computes of them for the key is no reading of the connection. */
const KEYED = ['protocol', 'hostname', 'host'] as const
const OF_REQUEST = {
  // The last two are those of HTTP/2.
  ...accessorsFor(['ip', 'ips', ...KEYED, 'authority', 'scheme']),
  ...accessorsFor(['httpVersion', 'httpVersionMajor', 'httpVersionMinor'], { enumerable: true }),
}
const IN_KEY: ReadonlySet<string> = new Set(KEYED)
const IS_ADDRESS: ReadonlySet<string> = new Set(['ip', 'ips'])

/** Of these a key may read a part, as one cookie of several: they are covered where it names somebody, as the policy says. */
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'cookie'])

class Observer implements Observation, Watcher {
  readonly reads = new Set<string>()
  readonly properties = new Set<string>()
  sessionRead: SessionOrigin | undefined
  isPaused = true
  /** Getters under way: of any property, and of those that look at the fields of proxies for it. */
  #getters = 0
  #addresses = 0
  #covered: { readonly fields: ReadonlySet<string>; readonly properties: ReadonlySet<string> } | undefined
  readonly #route: ResolvedRoute
  readonly #req: Request
  readonly #unseen: ReadonlySet<string>
  readonly #stops: ((() => void) | undefined)[] = []
  #isOver = false

  constructor(visit: Visit, validators: Validators, undo: Undo) {
    const { engine, req, res, method, headers, route, key } = visit
    const { visibleQuery } = key
    this.#req = req
    this.#route = route
    const { rawHeaders } = req
    this.#unseen = unseenFields(method, validators, route)
    const visible = visibleHeaders(headers, validators, this.#unseen)
    const note = (name: string): void => {
      if (Object.hasOwn(headers, name) || !isNoField(name)) this.#noteField(name)
    }
    const { url } = req
    undo.add(() => (req.url = url))
    undo.keep(req, ['headersDistinct'])
    // Node makes them anew when they are asked for.
    undo.add(() => Reflect.set(req, 'headersDistinct', undefined))
    undo.add(() => unwatchProperties(req, OF_REQUEST))
    undo.add(() => this.restore())
    this.#stops.push(
      () => show(req, 'headers', headers),
      () => show(req, 'rawHeaders', rawHeaders),
    )
    const lines = (): string[] => visibleLines(rawHeaders, validators, this.#unseen)
    show(
      req,
      'headers',
      watchedFields(() => visible, note),
    )
    show(req, 'rawHeaders', watchedLines(lines, note))
    const all = watchedFields(
      () => linesByName(lines()),
      () => note(EVERYTHING),
    )
    show(req, 'headersDistinct', all)
    if (visibleQuery !== undefined) {
      const hiding = hideParameters(req, visibleQuery, this.#stops)
      this.#watchLeaks(hiding.leaks)
    }
    this.#stops.push(watchProperties(req, OF_REQUEST, this))
    this.#stops.push(watchConnection(req, res, this))
    engine.putInFront.watch(req, res, {
      ...{ watcher: this, stops: this.#stops, undo },
      onFixed: name => this.#add(name),
    })
    const listener = {
      onCookie: () => note('cookie'),
      onSession: (origin: SessionOrigin) => this.#noteSession(origin),
      isPaused: () => this.isPaused,
    }
    watchIdentity(req, headers, listener, this.#stops)
  }

  unnoticed<T>(read: () => T): T {
    const wasPaused = this.isPaused
    this.isPaused = true
    try {
      return read()
    } finally {
      this.isPaused = wasPaused
    }
  }

  note(name: string): void {
    if (!this.isPaused && this.#getters === 0 && !IN_KEY.has(name)) this.#add(name)
  }

  #add(name: string): void {
    if (!isVouchedFor(name, this.#route) && this.#covered?.properties.has(name) !== true) this.properties.add(name)
  }

  enter(name: string): void {
    this.#getters++
    if (IS_ADDRESS.has(name)) this.#addresses++
  }

  leave(name: string): void {
    this.#getters--
    if (IS_ADDRESS.has(name)) this.#addresses--
  }

  coverKey(key: (req: Request) => unknown): void {
    if (this.#covered !== undefined) return
    const { isPaused } = this
    const found = [this.reads, this.properties].map(names => [...names])
    const { sessionRead } = this
    this.reads.clear()
    this.properties.clear()
    this.isPaused = false
    try {
      // A promise cannot be in a key, but it can reject.
      void Promise.resolve(key(this.#req)).catch(() => undefined)
    } catch {
      // It has read what it has read.
    }
    this.isPaused = isPaused
    this.sessionRead = sessionRead
    this.#covered = { fields: new Set(this.reads), properties: new Set(this.properties) }
    this.reads.clear()
    this.properties.clear()
    for (const name of found[0]!) this.#addField(name)
    for (const name of found[1]!) this.#add(name)
  }

  moveTo(socket: object | null): void {
    if (socket !== null && !this.#isOver) this.#stops.push(watchSocket(socket, this))
  }

  restore(): void {
    this.#isOver = true
    for (const stop of this.#stops.splice(0)) if (stop !== undefined) attempt(stop)
  }

  #noteSession(origin: SessionOrigin): void {
    if (this.isPaused) return
    this.sessionRead ??= origin
    if (origin === 'found') this.#noteField('cookie')
  }

  #noteField(name: string): void {
    if (!this.isPaused && this.#addresses === 0 && !this.#unseen.has(name)) this.#addField(name)
  }

  #addField(name: string): void {
    const { ignoreHeaders } = this.#route
    if (ignoreHeaders === true || ignoreHeaders.includes(name)) return
    const fields = this.#covered?.fields
    const isCovered = fields !== undefined && !CREDENTIALS.has(name) && (fields.has(name) || fields.has(EVERYTHING))
    if (!isCovered) this.reads.add(name)
  }

  /** What still shows a hidden parameter counts once it is read, or at once where that cannot be seen. */
  #watchLeaks(names: readonly string[]): void {
    for (const name of names) {
      const isFixed = Object.getOwnPropertyDescriptor(this.#req, name)?.configurable === false
      if (isFixed) this.#add(name)
      else this.#stops.push(watchProperties(this.#req, accessorsFor([name], { enumerable: true }), this))
    }
  }
}

/** Fields that the handler does not see, or that are in the key as they are: to read them tells nothing of the client. */
function unseenFields(
  method: string,
  { etag, lastModified }: Validators,
  { vary }: ResolvedRoute,
): ReadonlySet<string> {
  const isPost = method === 'POST'
  const isConfirming = etag !== undefined || lastModified !== undefined
  const unseen = UNSEEN[`${isPost ? 'post' : 'get'}${isConfirming ? 'Confirming' : ''}`]
  return vary.length === 0
    ? unseen
    : new Set([...unseen].filter(name => !vary.includes(name) || (CONDITIONAL as readonly string[]).includes(name)))
}

const UNSEEN = {
  get: new Set<string>([...CONDITIONAL, ...FRAMING]),
  getConfirming: new Set<string>([...CONDITIONAL, ...FRAMING, ...RELOADING]),
  // Content-Type is in the key with the body.
  post: new Set<string>([...CONDITIONAL, 'content-type']),
  postConfirming: new Set<string>([...CONDITIONAL, ...RELOADING, 'content-type']),
} as const

const REMOVABLE: readonly string[] = [...CONDITIONAL, ...FRAMING, ...RELOADING]

function visibleHeaders(
  headers: IncomingHttpHeaders,
  { etag, lastModified }: Validators,
  unseen: ReadonlySet<string>,
): IncomingHttpHeaders {
  const visible = { ...headers }
  for (const name of REMOVABLE)
    if (unseen.has(name) && headers[name] !== undefined) Reflect.deleteProperty(visible, name)
  if (etag !== undefined) visible['if-none-match'] = etag
  if (lastModified !== undefined) visible['if-modified-since'] = lastModified
  return visible
}

/** As they came: in their spelling, and those of one name beside each other. */
function visibleLines(
  raw: readonly string[] | undefined,
  { etag, lastModified }: Validators,
  unseen: ReadonlySet<string>,
): string[] {
  const isVisible = (name: string): boolean => !REMOVABLE.includes(name) || !unseen.has(name)
  const lines = (raw ?? []).filter((_, at, all) => isVisible(all[at - (at % 2)]!.toLowerCase()))
  if (etag !== undefined) lines.push('If-None-Match', etag)
  if (lastModified !== undefined) lines.push('If-Modified-Since', lastModified)
  return lines
}
