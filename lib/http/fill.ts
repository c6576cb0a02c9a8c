import type { Request, Response } from 'express'
import type { Flight } from '../core/flights.js'
import type { RefusalReason } from '../core/outcomes.js'
import type { CacheEntry, ProfileName } from '../core/types.js'
import type { ResolvedRoute } from '../options.js'
import { miss, revalidated, withKey, type Refusal, type Status } from './cache-status.js'
import { capture, type Capture, type Sink } from './capture.js'
import { isConditional } from './conditional.js'
import type { Answer, Engine } from './engine.js'
import { newEntry, renewedHeaders, timesOf } from './new-entry.js'
import type { Freshness } from './freshness.js'
import { handlerFields, lineOf, locationsOf, resetHeaders, type Fields, type HandlerFields } from './headers.js'
import { outdatedTags, type RequestKey } from './key.js'
import { judgeBody } from './media.js'
import { IMPLICITLY_VARIED, observe, validatorsOf, type Observation } from './observe.js'
import type { Policy } from './policy.js'
import { mayBeTransformed, offerRanges, replay, writeLocation, writeStatus } from './replay.js'
import { sessionText } from './session.js'
import { store } from './store.js'
import { variantKey, variesOn } from './vary.js'

/** How long a key whose answer may not be shared is remembered; errors pass sooner. */
const UNSHARED_SPAN = 10_000
const FAILED_SPAN = 1_000

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
  readonly #since = performance.now()
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
    // The client has left, and a purge no longer reaches this run: whatever comes now is not kept.
    if (!this.isOpen) return false
    const { engine, policy, req, res } = this.visit
    this.#forgetBody()
    this.#fields = res.getHeaders()
    this.#own = handlerFields(this.#before, this.#fields)
    if (this.stale !== undefined && res.statusCode === 304) return this.#hold(true)
    if (req.method === 'POST' && res.statusCode < 400) this.#invalidate()
    const now = engine.clock.now()
    const verdict = policy.judgeHead(req.method, res.statusCode, this.#fields, now)
    const refusal = typeof verdict === 'string' ? { reason: verdict } : this.#judgeRun()
    if (typeof verdict === 'string' || refusal !== undefined) return this.#passOn(refusal!)
    this.#freshness = verdict
    this.#describe()
    if (whole !== undefined) return this.#takeWhole(whole)
    this.#writeStatus(miss(this.#was, undefined))
    return this.#hold(this.#isConditional && res.statusCode === 200)
  }

  /** What hits will say of the answer, its first client is told as well. */
  #describe(): void {
    const { engine, req, res, key, profile } = this.visit
    const { statusCode: status } = res
    const answer = { key: this.#keyText(), tags: key.tags, headers: this.#own.headers, profile, status }
    if (req.method === 'POST' && status === 200) writeLocation(engine, res, answer)
    offerRanges(req, res, answer)
  }

  /** A POST that succeeds may have changed what its URL answers to GET (RFC 9111 section 4.4). */
  #invalidate(): void {
    const { engine, req, profile, route } = this.visit
    this.pause(true)
    engine.invalidate(outdatedTags(req, profile, route, locationsOf(this.#fields)))
    this.pause(false)
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
    // The response lives on until its connection closes, and this with it: it must not hold the body.
    this.#entry = undefined
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
    const headers = renewedHeaders(stale.headers, this.#own.headers)
    const verdict = policy.judgeHead(
      req.method,
      stale.status,
      { ...this.#before, ...headers, age: this.#fields['age'] },
      now,
    )
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
    const { engine, profile, key, res } = this.visit
    return newEntry({
      key: this.#keyText(),
      profile,
      status: res.statusCode,
      fields: this.#own,
      body,
      tags: key.tags,
      freshness: this.#freshness!,
      now: engine.clock.now(),
      handlerTime: performance.now() - this.#since,
    })
  }

  /** The key of this answer: the request's, or with the fields that chose it among variants. */
  #keyText(): string {
    const text = this.visit.key.text
    return this.#varied.length === 0 ? text : variantKey(text, this.#varied, this.#observation.headers)
  }

  /** Fields that chose this answer: those it names in Vary, and those that count as named once they are read. */
  get #varied(): readonly string[] {
    const named = variesOn(this.#own.headers) ?? []
    const read = IMPLICITLY_VARIED.filter(name => this.#observation.reads.has(name) && !named.includes(name))
    return [...named, ...read].filter(name => !this.visit.route.vary.includes(name)).sort()
  }

  get #was(): 'miss' | 'stale' {
    return this.stale === undefined ? 'miss' : 'stale'
  }

  get #isConditional(): boolean {
    return this.visit.req.method === 'GET' && isConditional(this.#observation.conditions)
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
    return engine.showKey ? withKey(status, this.#entry?.key ?? key.text) : status
  }

  #forgetBody(): void {
    this.#chunks = []
    this.#length = 0
  }
}
