import type { Request, Response } from 'express'
import type { Flight } from '../core/flights.js'
import type { RefusalReason } from '../core/outcomes.js'
import type { CacheEntry, HeaderMap, ProfileName } from '../core/types.js'
import type { ResolvedRoute } from '../options.js'
import { miss, revalidated, withKey, type Refusal, type Status } from './cache-status.js'
import { capture, type Capture, type Sink } from './capture.js'
import type { Answer, Engine } from './engine.js'
import { etagFor } from './etag.js'
import type { Freshness } from './freshness.js'
import { handlerFields, lineOf, type Fields, type HandlerFields } from './headers.js'
import { outdatedTags, type RequestKey } from './key.js'
import { judgeBody } from './media.js'
import { observe, type Observation } from './observe.js'
import type { Policy } from './policy.js'
import { mayBeTransformed, replay, writeStatus } from './replay.js'
import { store } from './store.js'
import { variantKey, variesOn } from './vary.js'

/** How long a key whose answer may not be shared is remembered; errors pass sooner. */
const UNSHARED_SPAN = 10_000
const FAILED_SPAN = 1_000

/** RFC 9111 section 3.2: fields of a 304 that do not replace stored ones, because they speak of the body. `date` is renewed or gone. */
const NOT_RENEWED = new Set(['content-length', 'content-encoding', 'content-range', 'content-md5', 'etag'])

/** One request on one route. */
export interface Visit {
  readonly engine: Engine
  readonly profile: ProfileName
  readonly route: ResolvedRoute
  readonly policy: Policy
  readonly req: Request
  readonly res: Response
  readonly key: RequestKey
}

/** One run of the handler on a miss: what it answers goes to the client, and into the store where the policy agrees. */
export class Fill implements Sink {
  isOpen = true
  readonly #before: Fields
  readonly #session: string | undefined
  readonly #observation: Observation
  readonly #capture: Capture
  /** All that the client gets, and the handler's part of it. */
  #fields: Fields = {}
  #own: HandlerFields = { headers: {}, removed: [] }
  #chunks: Buffer[] = []
  #length = 0
  #freshness: Freshness | undefined
  #entry: CacheEntry | undefined
  #isHeld = false
  #isConfirmed = false

  constructor(
    private readonly visit: Visit,
    private readonly flight: Flight<Answer>,
    /** What is stored under the key and has become stale: the handler is asked to confirm it. */
    private readonly stale: CacheEntry | undefined,
  ) {
    const { req, res, key } = visit
    this.#before = res.getHeaders()
    this.#session = sessionText(req)
    this.#observation = observe(req, validatorsOf(stale), key.visibleQuery)
    this.#capture = capture(res, this)
  }

  head(whole: Buffer | undefined): boolean {
    const { engine, policy, req, res, profile, route } = this.visit
    this.#forgetBody()
    this.#fields = res.getHeaders()
    this.#own = handlerFields(this.#before, this.#fields)
    if (this.stale !== undefined && res.statusCode === 304) return this.#hold(true)
    if (req.method === 'POST' && res.statusCode < 400) {
      engine.invalidate(outdatedTags(req, profile, route, locationsIn(this.#fields)))
    }
    const now = engine.clock.now()
    const verdict = policy.judgeHead(req.method, res.statusCode, this.#fields, now)
    const refusal = typeof verdict === 'string' ? { reason: verdict } : this.#judgeRun()
    if (typeof verdict === 'string' || refusal !== undefined) return this.#passOn(refusal!)
    this.#freshness = verdict
    if (whole !== undefined) return this.#takeWhole(whole)
    this.#writeStatus(miss(this.#was, undefined))
    return this.#hold(this.#isConditional && res.statusCode === 200)
  }

  pause(isPaused: boolean): void {
    this.#observation.isPaused = isPaused
  }

  chunk(bytes: Buffer): void {
    this.#length += bytes.length
    this.#chunks.push(bytes)
    if (this.#length <= this.visit.route.maxEntryBytes) return
    const chunks = this.#chunks
    this.#refuse({ reason: 'too-large' })
    if (this.#isHeld) this.#letGo(chunks, { reason: 'too-large' })
  }

  end(): void {
    if (this.#isConfirmed) return this.#renew()
    if (this.isOpen && this.#entry === undefined) this.#takeStream()
    if (this.#entry !== undefined) this.#settle(this.#entry)
    this.#observation.restore()
  }

  abort(): void {
    this.#observation.restore()
    if (!this.isOpen) return
    this.isOpen = false
    this.#report('aborted')
    this.#forgetBody()
    this.flight.abandon()
  }

  /** The whole answer came with its head: the client can be told exactly what became of it. */
  #takeWhole(body: Buffer): boolean {
    const refusal = this.#judgeWhole(body)
    if (refusal !== undefined) return this.#passOn(refusal)
    this.#entry = this.#build(body)
    this.#showEtag(this.#entry)
    this.#writeStatus(miss(this.#was, undefined))
    return this.#hold(this.#isConditional && this.#entry.status === 200)
  }

  #takeStream(): void {
    const body = Buffer.concat(this.#chunks)
    const refusal = this.#judgeWhole(body)
    if (refusal === undefined) {
      this.#entry = this.#build(body)
      return
    }
    const chunks = this.#chunks
    this.#refuse(refusal)
    if (!this.#isHeld) return
    this.#letGo(chunks, refusal)
    this.visit.res.end()
  }

  /** The last look, when the head has left: then the entry is kept, and whoever waits gets it. */
  #settle(entry: CacheEntry): void {
    const { engine, res } = this.visit
    this.#capture.release()
    const late = this.#judgeAfterwards()
    if (late !== undefined) {
      this.#refuse(late)
    } else {
      this.isOpen = false
      this.#keep(entry)
      this.#forgetBody()
    }
    if (this.#isHeld) {
      resetHeaders(res, this.#before)
      this.#replay(entry, miss(this.#was, late), engine.clock.now())
    }
  }

  #keep(entry: CacheEntry): void {
    const { engine, key, profile } = this.visit
    const varied = this.#varied
    store(engine, profile, key.text, varied, entry)
    if (entry.staleAt > engine.clock.now()) {
      engine.unshared.unmark(this.flight.key)
      this.flight.land({ entry, varied })
    } else {
      // Good for its own client and as something to confirm, not for those who wait.
      engine.unshared.mark(this.flight.key, UNSHARED_SPAN)
      this.flight.refuse()
    }
  }

  /** The handler answered 304 to the stored validator (RFC 9111 section 4.3.4): the stored answer is renewed and sent. */
  #renew(): void {
    const { engine, policy, req, res } = this.visit
    const stale = this.stale!
    this.#capture.release()
    const now = engine.clock.now()
    const fresh = Object.entries(this.#own.headers)
    const { date: _, ...stored } = stale.headers
    const headers: HeaderMap = { ...stored, ...Object.fromEntries(fresh.filter(([name]) => !NOT_RENEWED.has(name))) }
    const age = this.#fields['age'] === undefined ? {} : { age: this.#fields['age'] }
    const verdict = policy.judgeHead(req.method, stale.status, { ...this.#before, ...headers, ...age }, now)
    const refusal = typeof verdict === 'string' ? { reason: verdict } : this.#judgeRun()
    const entry = typeof verdict === 'string' ? stale : { ...stale, headers, ...timesOf(verdict, now) }
    if (refusal === undefined && !this.flight.fenced) {
      engine.report({ type: 'revalidated', profile: this.visit.profile, key: entry.key })
      this.isOpen = false
      this.#keep(entry)
    } else {
      void engine.tier.delete(stale.key)
      this.#refuse(refusal ?? { reason: 'purged' })
    }
    this.#observation.restore()
    resetHeaders(res, this.#before)
    this.#replay(entry, revalidated(refusal === undefined), now)
  }

  #replay(entry: CacheEntry, status: Status, now: number): void {
    const { req, res } = this.visit
    this.#observation.restore()
    replay(req, res, entry, this.#observation.conditions, this.#decorated(status), now)
  }

  /** What can be said against storing before the body is known. */
  #judgeRun(): Refusal | undefined {
    const { policy, req, route, key } = this.visit
    const length = lineOf(this.#fields, 'content-length')
    if (length !== undefined && Number(length) > route.maxEntryBytes) return { reason: 'too-large' }
    const name = policy.unkeyedHeader(this.#observation, key.origin, this.#varied)
    if (name !== undefined) return { reason: 'unkeyed-header', name }
    if (sessionText(req) !== this.#session) return { reason: 'session' }
    return undefined
  }

  #judgeWhole(body: Buffer): Refusal | undefined {
    const { profile, route } = this.visit
    if (body.length > route.maxEntryBytes) return { reason: 'too-large' }
    const length = lineOf(this.#fields, 'content-length')
    if (length !== undefined && Number(length) !== body.length) return { reason: 'length-mismatch' }
    const encoding = lineOf(this.#fields, 'content-encoding')
    const reason = judgeBody(profile, lineOf(this.#fields, 'content-type'), encoding !== undefined, body)
    if (reason !== undefined) return { reason }
    return this.flight.fenced ? { reason: 'purged' } : this.#judgeRun()
  }

  /** Middleware in front writes its own fields while the head leaves: a cookie there may be the answer's, unless it is the session's own. */
  #judgeAfterwards(): Refusal | undefined {
    const { req, res } = this.visit
    if (this.flight.fenced) return { reason: 'purged' }
    const refusal = this.#judgeRun()
    if (refusal !== undefined || this.#isHeld) return refusal
    if (!res.headersSent) return { reason: 'set-cookie' }
    const isForeign = res.getHeader('set-cookie') !== undefined && sessionText(req) === undefined
    return isForeign ? { reason: 'set-cookie' } : undefined
  }

  #build(body: Buffer): CacheEntry {
    const { engine, profile, key } = this.visit
    const status = this.visit.res.statusCode
    const varied = this.#varied
    return {
      key: varied.length === 0 ? key.text : variantKey(key.text, varied, this.#observation.headers),
      profile,
      status,
      ...this.#own,
      body: ownBytes(body),
      etag: status === 200 ? etagFor(body, lineOf(this.#own.headers, 'etag')) : undefined,
      tags: key.tags,
      ...timesOf(this.#freshness!, engine.clock.now()),
    }
  }

  /** Fields that chose this answer: those it names in Vary, and Origin where the handler (`cors`) looked at it without saying so. */
  get #varied(): readonly string[] {
    const named = variesOn(this.#own.headers) ?? []
    const { vary } = this.visit.route
    const read = this.#observation.reads.has('origin') && !named.includes('origin') ? ['origin'] : []
    return [...named, ...read].filter(name => !vary.includes(name)).sort()
  }

  get #was(): 'miss' | 'stale' {
    return this.stale === undefined ? 'miss' : 'stale'
  }

  get #isConditional(): boolean {
    return this.visit.req.method === 'GET' && Object.keys(this.#observation.conditions).length > 0
  }

  #hold(isHeld: boolean): boolean {
    this.#isHeld = isHeld
    this.#isConfirmed = isHeld && this.visit.res.statusCode === 304
    return isHeld
  }

  #showEtag(entry: CacheEntry): void {
    const { res } = this.visit
    if (entry.etag !== undefined && !mayBeTransformed(this.#observation.headers, res, entry))
      res.setHeader('ETag', entry.etag)
  }

  #passOn(refusal: Refusal): boolean {
    this.#refuse(refusal)
    this.#writeStatus(miss(this.#was, refusal))
    return this.#hold(false)
  }

  #letGo(chunks: readonly Buffer[], refusal: Refusal): void {
    this.#isHeld = false
    this.#writeStatus(miss(this.#was, refusal))
    this.#capture.letGo(chunks)
  }

  /** Nothing of this answer is kept; those who wait make their own. */
  #refuse(refusal: Refusal): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#entry = undefined
    this.#forgetBody()
    this.#report(refusal.reason, refusal.name)
    this.#observation.restore()
    // The answer is only too old, not unshareable: somebody else makes it anew for those who wait.
    if (refusal.reason === 'purged') return this.flight.abandon()
    const hasFailed = this.visit.res.statusCode >= 500
    this.visit.engine.unshared.mark(this.flight.key, hasFailed ? FAILED_SPAN : UNSHARED_SPAN)
    this.flight.refuse()
  }

  #report(reason: RefusalReason, name?: string): void {
    const { engine, profile, key } = this.visit
    engine.report({ type: 'refused', profile, key: key.text, reason, ...(name !== undefined && { name }) })
  }

  #writeStatus(status: Status): void {
    const { res } = this.visit
    res.removeHeader('Cache-Status')
    const others = this.#fields['cache-status']
    if (others !== undefined) res.setHeader('Cache-Status', String(others))
    writeStatus(res, this.#decorated(status))
  }

  #decorated(status: Status): Status {
    const { engine, key } = this.visit
    return engine.showKey ? withKey(status, key.text) : status
  }

  #forgetBody(): void {
    this.#chunks = []
    this.#length = 0
  }
}

const validatorsOf = (stale: CacheEntry | undefined): { etag?: string; lastModified?: string } => {
  if (stale === undefined) return {}
  const etag = lineOf(stale.headers, 'etag')
  const lastModified = lineOf(stale.headers, 'last-modified')
  return { ...(etag !== undefined && { etag }), ...(lastModified !== undefined && { lastModified }) }
}

const timesOf = (
  { generatedAt, staleAt }: Freshness,
  now: number,
): Pick<CacheEntry, 'generatedAt' | 'storedAt' | 'staleAt' | 'deleteAt'> => ({
  generatedAt,
  storedAt: now,
  staleAt,
  deleteAt: staleAt,
})

const locationsIn = (fields: Fields): string[] =>
  ['location', 'content-location'].map(name => lineOf(fields, name)).filter(location => location !== undefined)

/** A copy of its own: a part of Node's shared pool would keep the whole pool in memory. */
function ownBytes(body: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(body.length)
  body.copy(own)
  return own
}

function resetHeaders(res: Response, before: Fields): void {
  for (const name of res.getHeaderNames()) if (before[name] === undefined) res.removeHeader(name)
  for (const [name, value] of Object.entries(before)) if (value !== undefined) res.setHeader(name, value as string)
}

/** What the session holds, beside its own cookie: a handler that changes it answers one visitor. */
function sessionText(req: Request): string | undefined {
  const { session } = req as { session?: unknown }
  if (typeof session !== 'object' || session === null) return undefined
  try {
    return JSON.stringify(session, (name, value: unknown) => (name === 'cookie' ? undefined : value))
  } catch {
    return undefined
  }
}
