import type { Response } from 'express'
import { makeEntry } from '../core/entry.js'
import type { CacheEntry } from '../core/types.js'
import { isPromise } from '../core/maybe.js'
import type { RefusalReason } from '../core/outcomes.js'
import { newHeaderMap } from '../core/header-map.js'
import type { Refusal, Status } from './cache-status.js'
import { etagFor } from './etag.js'
import { entryTimes, type Freshness } from './freshness.js'
import { handlerFields, type HandlerFields } from './handler-fields.js'
import { lineOf, type Fields } from './headers.js'
import { isEventStream, judgeBody, judgeStart, START_BYTES } from './media.js'
import { IMPLICITLY_VARIED, type Observation } from './observe.js'
import { identityOf, isVouchedFor, judgeFields } from './policy.js'
import { setStatus } from './replay.js'
import { sessionCookieOf, sessionText, withoutSessionCookie, type IsSessionCookie } from './session.js'
import { variantKey, variesOn } from './vary.js'
import type { Visit } from './visit.js'

/** Chunks of an event stream that are told apart; one of more is replayed as a whole. */
const MOST_CHUNKS = 16_384

/** Fields that decide whether an answer may be given to others, and for how long. */
const DECISIVE = ['cache-control', 'set-cookie', 'vary', 'expires', 'trailer'] as const

/** What a handler has answered so far, what can be said against storing it, and the entry it would make. */
export class Draft {
  /** All that the client gets, and the handler's part of it. */
  status = 0
  fields: Fields = {}
  own: HandlerFields = { headers: {}, removed: [], etag: undefined }
  freshness: Freshness | undefined
  /** The movie, where the key names none and a router has named it meanwhile. */
  movie: string | undefined
  /** What `complete` has still to say against the whole body. */
  pending: Promise<RefusalReason | undefined> | undefined
  /** The last purge that was known when the handler began. */
  readonly asOf: string | undefined
  readonly #since = performance.now()
  readonly #session: string | undefined
  readonly #identity: string | undefined
  readonly #isSessionCookie: IsSessionCookie
  /** What middleware in front said while the head left changes how long the answer is fresh. */
  #isRetimed = false

  constructor(
    private readonly visit: Visit,
    /** What stood on the response before the handler ran. */
    private readonly before: Fields,
    private readonly sendsDate: boolean,
    private readonly observation: Observation,
  ) {
    this.asOf = visit.engine.asOf?.()
    this.#session = observation.unnoticed(() => sessionText(visit.req))
    this.#identity = observation.unnoticed(() => identityOf(visit.req))
    this.#isSessionCookie = observation.unnoticed(() => sessionCookieOf(visit.req))
  }

  readHead(res: Response): void {
    this.status = res.statusCode
    this.fields = res.getHeaders()
    this.own = handlerFields(this.before, this.fields)
    const hasNoDate = this.sendsDate && !res.sendDate && this.fields['date'] === undefined
    if (hasNoDate) this.own = { ...this.own, removed: [...this.own.removed, 'date'] }
  }

  /** Adds what became of the answer to what caches before this one have said (RFC 9211 section 2). */
  say(res: Response, status: Status): void {
    setStatus(res, status, this.fields['cache-status'])
  }

  /** The Date that hits will carry, unless the handler has set one or wants none. */
  date(res: Response): void {
    const { engine } = this.visit
    if (!res.sendDate || res.hasHeader('date')) return
    const date = engine.dates.of(engine.clock.now())
    res.setHeader('date', date)
    // An Age says that the answer was made before: only then the entry does not know when it left.
    if (this.fields['age'] === undefined) return
    this.own = { ...this.own, headers: Object.assign(newHeaderMap(), this.own.headers, { date }) }
  }

  line(name: string): string | undefined {
    return lineOf(this.fields, name)
  }

  /** The key of this answer: the request's, or with the fields that chose it among variants. */
  get key(): string {
    const { text } = this.visit.key
    const { varied } = this
    return varied.length === 0 ? text : variantKey(text, varied, this.visit.headers)
  }

  /** Fields that chose this answer: those it names in Vary, and those that count as named once they are read. */
  get varied(): readonly string[] {
    const named = variesOn(this.own.headers) ?? []
    const { reads } = this.observation
    if (named.length === 0 && reads.size === 0) return named
    const read = IMPLICITLY_VARIED.filter(name => reads.has(name) && !named.includes(name))
    return [...named, ...read].filter(name => !this.visit.route.vary.includes(name)).sort()
  }

  /** The request fields that the handler has read. */
  get reads(): ReadonlySet<string> {
    return this.observation.reads
  }

  get isEventStream(): boolean {
    return isEventStream(this.line('content-type')) && !this.#isEncoded
  }

  /** The entry this answer makes with `body`, which is its own from now on; `chunks` are what that came in. */
  entry(body: Buffer, chunks: readonly Buffer[] = []): CacheEntry {
    const { engine, profile } = this.visit
    const { status } = this
    const { headers, removed, etag: handlerEtag } = this.own
    const times = entryTimes(this.freshness!, engine.clock.now())
    // Each by its name: to spread them would take five times as long.
    const { storedAt, initialAge, freshSpan, refreshSpan, coverSpan, explicit } = times
    const isKept = this.isEventStream && chunks.length > 0 && chunks.length <= MOST_CHUNKS
    return makeEntry({
      key: this.key,
      movie: this.movie,
      profile,
      status,
      headers,
      removed,
      body,
      etag: status === 200 ? etagFor(body, handlerEtag) : handlerEtag,
      handlerEtag,
      storedAt,
      initialAge,
      freshSpan,
      refreshSpan,
      coverSpan,
      explicit,
      handlerTime: performance.now() - this.#since,
      asOf: this.asOf,
      chunkEnds: isKept ? endsOf(chunks) : undefined,
    })
  }

  /** What can be said against storing before the body is known. */
  judgeRun(): Refusal | undefined {
    const { policy, req, route, key } = this.visit
    const length = this.line('content-length')
    if (length !== undefined && Number(length) > route.maxEntryBytes) return { reason: 'too-large' }
    if (this.observation.unnoticed(() => sessionText(req)) !== this.#session) return { reason: 'session' }
    const { sessionRead } = this.observation
    if (sessionRead !== undefined && !policy.coversSession(sessionRead, key)) return { reason: 'session' }
    return this.#lateIdentity() ?? this.#unkeyed()
  }

  /** Somebody behind the cache has found out who is asking: what the handler answers then is for that one. */
  #lateIdentity(): Refusal | undefined {
    const { req, key, route } = this.visit
    const name = this.observation.unnoticed(() => identityOf(req))
    if (name === undefined || name === this.#identity || key.isIdentified) return undefined
    return isVouchedFor(name, route) ? undefined : { reason: 'user', name }
  }

  /** What the handler read and the key does not cover. */
  #unkeyed(): Refusal | undefined {
    const { observation } = this
    const { key } = this.visit.route
    const found = this.#firstUnkeyed()
    if (found === undefined || key === undefined) return found
    observation.coverKey(key)
    return this.#firstUnkeyed()
  }

  #firstUnkeyed(): Refusal | undefined {
    const { policy, headers, key } = this.visit
    const { reads, properties } = this.observation
    const header = policy.unkeyedHeader(reads, headers, key, this.varied)
    if (header !== undefined) return { reason: 'unkeyed-header', name: header }
    const [property] = properties
    return property === undefined ? undefined : { reason: 'unkeyed-property', name: property }
  }

  /** What can be said against a body from its first bytes; undefined also as long as there are too few of them. */
  judgeStart(chunks: readonly Buffer[], length: number): Refusal | undefined {
    const start = Buffer.concat(chunks, Math.min(length, START_BYTES))
    const reason = judgeStart(this.visit.profile, this.line('content-type'), this.#isEncoded, start)
    return reason === undefined ? undefined : { reason }
  }

  judgeBody(body: Buffer): Refusal | undefined {
    const { profile, route } = this.visit
    if (body.length > route.maxEntryBytes) return { reason: 'too-large' }
    const length = this.line('content-length')
    if (length !== undefined && Number(length) !== body.length) return { reason: 'length-mismatch' }
    const reason = judgeBody(profile, this.line('content-type'), this.#isEncoded, body, route.complete)
    this.pending = isPromise(reason) ? reason : undefined
    return isPromise(reason) || reason === undefined ? this.judgeRun() : { reason }
  }

  /**
   * What can be said against the answer by the fields with which its head leaves. Middleware in front adds its own to it: they hold for this
   * answer as the handler's do. Nothing but the session's own cookie is left out, which each request gets, on hits too.
   */
  judgeDeparture(sent: Fields): Refusal | undefined {
    const { engine, policy, method } = this.visit
    if (DECISIVE.every(name => sent[name] === this.fields[name])) return undefined
    // A field that has gone unsays nothing: some forms of an answer are sent without it.
    const fields = withoutSessionCookie({ ...this.fields, ...sent }, this.#isSessionCookie)
    const verdict =
      this.freshness === undefined
        ? judgeFields(fields)
        : policy.judgeHead(method, this.status, fields, engine.clock.now(), engine.clock.lead?.())
    if (typeof verdict === 'string') return { reason: verdict }
    this.#isRetimed ||= verdict !== undefined
    this.freshness = verdict
    return undefined
  }

  /** The entry as it is to be kept, now that its head has left. */
  final(entry: CacheEntry): CacheEntry {
    if (!this.#isRetimed) return entry
    return makeEntry({ ...entry, ...entryTimes(this.freshness!, this.visit.engine.clock.now()) })
  }

  get #isEncoded(): boolean {
    return this.line('content-encoding') !== undefined
  }
}

/** Where the chunks of an event stream end: on a hit they come as they came first. */
function endsOf(chunks: readonly Buffer[]): number[] {
  let end = 0
  return chunks.map(chunk => (end += chunk.length))
}
