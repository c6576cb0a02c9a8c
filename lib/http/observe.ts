import type { IncomingHttpHeaders } from 'node:http'
import type { Request } from 'express'
import type { CacheEntry } from '../core/types.js'
import type { Asked } from './asked.js'
import { lineOf } from './headers.js'
import { rootName, type VisibleQuery } from './query.js'
import { watchIdentity, type SessionOrigin } from './watched-identity.js'

/**
 * What the handler sees of a request on a miss, and what it looked at (promise 3: the key covers what the handler may read).
 *
 * Validators and Range are set aside: the cache answers them itself, from the whole answer. Reads of the other fields are noted; nothing
 * here runs on a hit.
 */

/** Fields that make the handler answer with a part, with nothing, or with a failure (412). */
const CONDITIONAL = [
  ...(['if-none-match', 'if-modified-since', 'range', 'if-range', 'if-match', 'if-unmodified-since'] as const),
]

/** Fields whose reading never matters: they are in the key, are set aside, or speak of the connection and not of the answer. */
const HARMLESS = new Set<string>([
  ...CONDITIONAL,
  ...['content-type', 'content-length', 'content-encoding', 'transfer-encoding', 'expect', 'te', 'trailer'],
  ...['connection', 'keep-alive', 'upgrade', 'http2-settings', 'date'],
  // They ask for a newer answer, which is stored no differently.
  ...['cache-control', 'pragma'],
])

/**
 * Fields whose reading makes the answer one for their value, as if `Vary` named them. `Host` carries a port that the key does not;
 * `cors` looks at `Origin` even where every origin gets the same.
 */
export const IMPLICITLY_VARIED: readonly string[] = ['host', 'origin']

/** Stands for every field: the handler looked at the whole list. */
const EVERYTHING = '*'

export interface Observation {
  /** The names read that are not harmless by themselves, in the order of the first reading. */
  readonly reads: ReadonlySet<string>
  /** Set once the handler has read whose session this is, or what only this one holds. */
  readonly sessionRead: SessionOrigin | undefined
  /** While paused, reads are those of middleware in front, which adds to an answer on its way out. */
  isPaused: boolean
  /** What the cache reads itself is not noted. */
  unnoticed<T>(read: () => T): T
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

type Writable<T> = { -readonly [Name in keyof T]: T[Name] }

export function observe(
  { req, headers }: Asked,
  validators: Validators,
  visibleQuery: VisibleQuery | undefined,
): Observation {
  const { rawHeaders } = req
  const reads = new Set<string>()
  const visible = visibleHeaders(headers, validators)
  const note = (name: string): void => {
    if (!observation.isPaused && !HARMLESS.has(name)) reads.add(name)
  }
  const noteEverything = (): void => note(EVERYTHING)
  req.headers = watch(visible, note)
  req.rawHeaders = watch<string[]>([], noteEverything, lines => lines.push(...linesOf(visible)))
  req.headersDistinct = watch({}, noteEverything, fields => Object.assign(fields, distinctOf(visible)))
  const showQuery = visibleQuery === undefined ? undefined : hideParameters(req, visibleQuery)
  const observation: Writable<Observation> = {
    isPaused: false,
    reads,
    sessionRead: undefined,
    unnoticed(read) {
      const wasPaused = observation.isPaused
      observation.isPaused = true
      try {
        return read()
      } finally {
        observation.isPaused = wasPaused
      }
    },
    restore() {
      req.headers = headers
      req.rawHeaders = rawHeaders
      showQuery?.()
      forget()
    },
  }
  const forget = watchIdentity(req, headers, {
    onCookie: () => note('cookie'),
    onSession: origin => {
      if (observation.isPaused) return
      observation.sessionRead ??= origin
      if (origin === 'found') note('cookie')
    },
    isPaused: () => observation.isPaused,
  })
  return observation
}

function visibleHeaders(headers: IncomingHttpHeaders, { etag, lastModified }: Validators): IncomingHttpHeaders {
  const visible = CONDITIONAL.some(name => headers[name] !== undefined) ? withoutConditions(headers) : { ...headers }
  if (etag !== undefined) visible['if-none-match'] = etag
  if (lastModified !== undefined) visible['if-modified-since'] = lastModified
  return visible
}

function withoutConditions(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const others = { ...headers }
  for (const name of CONDITIONAL) Reflect.deleteProperty(others, name)
  return others
}

const linesOf = (headers: IncomingHttpHeaders): string[] =>
  Object.entries(headers).flatMap(([name, value]) =>
    (typeof value === 'object' ? value : [value ?? '']).flatMap(line => [name, line]),
  )

const distinctOf = (headers: IncomingHttpHeaders): NodeJS.Dict<string[]> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'object' ? value : [value ?? '']]),
  )

/** The same object to its reader, who is noted by the name of what was read. What hardly anybody reads is made when it is read. */
const watch = <T extends object>(target: T, note: (name: string) => void, make?: (target: T) => void): T =>
  new Proxy(target, new Watcher(note, make))

class Watcher<T extends object> implements ProxyHandler<T> {
  constructor(
    private readonly note: (name: string) => void,
    private make: ((target: T) => void) | undefined,
  ) {}

  get(target: T, name: string | symbol): unknown {
    return Reflect.get(this.#read(target, name), name)
  }

  has(target: T, name: string | symbol): boolean {
    return Reflect.has(this.#read(target, name), name)
  }

  getOwnPropertyDescriptor(target: T, name: string | symbol): PropertyDescriptor | undefined {
    return Reflect.getOwnPropertyDescriptor(this.#read(target, name), name)
  }

  ownKeys(target: T): (string | symbol)[] {
    return Reflect.ownKeys(this.#read(target, EVERYTHING))
  }

  #read(target: T, name: string | symbol): T {
    this.make?.(target)
    this.make = undefined
    if (typeof name === 'string') this.note(name)
    return target
  }
}

/** Takes parameters outside the key out of the handler's sight: what it cannot see it cannot answer with. */
function hideParameters(req: Request, { text, hidden }: VisibleQuery): () => void {
  const { originalUrl } = req
  const withQuery = (url: string): string => url.slice(0, url.indexOf('?')) + (text === '' ? '' : `?${text}`)
  req.url = withQuery(req.url)
  req.originalUrl = withQuery(req.originalUrl)
  // Express 5 parses the URL at each reading; Express 4 has parsed it into a property by now.
  const parsed = Object.getOwnPropertyDescriptor(req, 'query')
  if (parsed !== undefined) {
    req.query = Object.fromEntries(Object.entries(req.query).filter(([name]) => !hidden.has(rootName(name))))
  }
  return () => {
    req.originalUrl = originalUrl
    if (parsed !== undefined) Object.defineProperty(req, 'query', parsed)
  }
}
