import { AsyncResource } from 'node:async_hooks'
import type { ServerResponse } from 'node:http'
import { coverUntilOf, isFresh } from '../core/entry.js'
import { LiveBody, type LiveReader, type StopReading } from '../core/live.js'
import { unawaited, within } from '../core/maybe.js'
import { ownBytes } from '../core/own-bytes.js'
import type { RefusalReason } from '../core/outcomes.js'
import { FREE } from '../core/room.js'
import { NO_MOVIE } from '../core/tags.js'
import type { CacheEntry } from '../core/types.js'
import { EVERYBODY } from '../core/flights.js'
import { Attachment, frontOf, keepUntied, type Front, type Head } from './attachment.js'
import { miss, revalidated, stale, undecided, type Refusal, type Status } from './cache-status.js'
import { capture, onSent, type Capture, type Sink } from './capture.js'
import { Company, type Run } from './company.js'
import { conditionsOf, isConditional } from './conditional.js'
import { onDeparture } from './departure.js'
import { Draft } from './draft.js'
import { shownStatus, type AnswerFlight, type LiveAnswer } from './engine.js'
import { isHeadSent } from './head-sent.js'
import { locationsOf, resetHead, type Fields } from './headers.js'
import { outdatedTags } from './key.js'
import { LaterMovie } from './later-movie.js'
import { isOpenEnded, START_BYTES } from './media.js'
import { NESTED_SPAN, passed } from './nested.js'
import { observe, validatorsOf, type Observation } from './observe.js'
import { Pace } from './pace.js'
import { renew } from './renewal.js'
import { mayBeTransformed, offerRanges, replay, writeLocation } from './replay.js'
import { concernOf, endsStored } from './refused.js'
import { maySeal } from './seal.js'
import type { Undo } from './step-aside.js'
import { store } from './store.js'
import { breakOff } from './unsent.js'
import type { Visit } from './visit.js'
import { isAnswered } from './waiting.js'

/** After these, what was sent so far must not look like a whole answer to those who read along. */
const CUTTING: ReadonlySet<RefusalReason> = new Set([
  ...(['unkeyed-header', 'unkeyed-property', 'user', 'session', 'set-cookie', 'length-mismatch', 'aborted'] as const),
])

/** A handler whose client has left may go on for so long. */
const LONGEST_RUN = 300_000

/** And for so long without a byte, when it knows that its client has left. */
const DOUBTFUL_SPAN = 1_000

/** How long a key whose answer may not be shared is remembered; errors and full rooms pass sooner. */
const UNSHARED_SPAN = 10_000
const PASSING_SPAN = 1_000

/** What is stored already, and stale: to be confirmed by the handler, and to cover for it where it fails. */
export interface Stale {
  readonly entry: CacheEntry | undefined
  readonly base: CacheEntry | undefined
  readonly cover: CacheEntry | undefined
}

const NOTHING_STALE: Stale = { entry: undefined, base: undefined, cover: undefined }

/** One run of the handler on a miss: what it answers goes to the client, and into the store where the policy agrees. */
export class Fill implements Sink, Run {
  /** What the handler answers may still be stored. */
  #isStoring = true
  readonly #before: Fields
  readonly #sendsDate: boolean
  readonly #draft: Draft
  readonly #observation: Observation
  readonly #capture: Capture
  readonly #front: Front
  /** The handler's: whatever others tell it, it hears there. */
  readonly #context = new AsyncResource('ReelcacheHandler')
  #attachment: Attachment | undefined
  #timer: NodeJS.Timeout | undefined
  #body: LiveBody
  /** The body that is whole, until it is decided whether it is kept. */
  #whole: LiveBody | undefined
  readonly #pace: Pace
  /** So far behind may those be who read what is not kept. */
  #mostBehind = Infinity
  /** Bytes the handler has sent. */
  #length = 0
  #isShared = false
  /** What the client was told in the head is known, and does not speak against others having the answer. */
  #hasLeft = false
  #entry: CacheEntry | undefined
  #isHeld = false
  #isConfirmed = false
  #isCovered = false
  /** What the handler writes to once it goes on without its client. */
  #alone: ServerResponse | undefined
  #silence: NodeJS.Timeout | undefined
  readonly #company: Company
  /** Set where the key names no movie. */
  readonly #laterMovie: LaterMovie | undefined
  /** Its client was sent a stale response because it took too long. */
  #isLate = false
  /** By how many fields requests were told apart when the answer was shared. */
  #sharedFor = 0

  constructor(
    private readonly visit: Visit,
    private readonly flight: AnswerFlight,
    private stale: Stale,
    undo: Undo,
  ) {
    const { req, res, route } = visit
    this.#body = this.#newBody()
    this.#before = res.getHeaders()
    this.#observation = observe(visit, validatorsOf(stale.base), undo)
    this.#sendsDate = res.sendDate
    this.#draft = new Draft(visit, this.#before, this.#sendsDate, this.#observation)
    this.#front = frontOf(req, res)
    this.#company = new Company(this, visit.engine.detached)
    keepUntied(undo, req, res)
    if (visit.key.movie === NO_MOVIE) this.#laterMovie = this.#awaitMovie(undo)
    this.#pace = new Pace(res, visit.engine.room, () => this.#tellDrain())
    flight.onCompany = () => this.#noteCompany()
    if (route.ignoreClientAbort || stale.cover !== undefined) this.#attach()
    this.#capture = capture(res, this, undo)
    onDeparture(res, sent => this.#attempt(() => this.#depart(sent)), undo)
    undo.add(() => this.#stopTimers())
    if (stale.cover !== undefined) this.#expectFailure(stale.cover)
    passed(req, () => this.#stepAside())
    this.pause(false)
  }

  /** Mounted in front of the routers, the cache learns the movie from them; a stale entry has learned it before. */
  #awaitMovie(undo: Undo): LaterMovie {
    const { req, route } = this.visit
    this.#learnMovie(this.stale.entry?.movie)
    const later = new LaterMovie(req, route)
    undo.add(() => later.restore())
    return later
  }

  #learnMovie(movie: string | undefined): void {
    if (movie === undefined) return
    this.#draft.movie = movie
    this.flight.learn(movie)
  }

  get isOpen(): boolean {
    return this.#isStoring || this.#body.hasReaders
  }

  answerWrite(isWritable: unknown, bytes: number): unknown {
    if (isWritable === false) {
      const isWanted = this.#isWanted
      const runsAhead = this.#pace.runsAhead(isWanted, bytes)
      // No room to run ahead: whoever waits does not wait for this client.
      if (isWanted && !runsAhead) this.#refuse({ reason: 'crowded' })
      return runsAhead
    }
    const isPressed = !this.#isStoring && this.#mostBehind < this.visit.route.maxEntryBytes
    return isPressed && this.#pace.waitsFor(this.#body, this.visit.route.lockTimeout) ? false : isWritable
  }

  /** Others wait for what is kept, or read it. */
  get #isWanted(): boolean {
    return this.#isStoring && (this.#body.hasReaders || this.flight.waiting > 0)
  }

  /** Somebody has come who wants the answer: the handler need not wait for a slow client any more. */
  #hurry(): void {
    if (this.#alone === undefined && this.#isWanted && this.visit.res.writableNeedDrain) this.#tellDrain()
  }

  #tellDrain(): void {
    const { res } = this.visit
    this.#context.runInAsyncScope(() => process.nextTick(() => res.emit('drain')))
  }

  #noteCompany(): void {
    this.#stopIfUseless()
    if (this.flight.waiting > 0) this.#hurry()
  }

  head(whole: Buffer | undefined): boolean {
    // The client has left, and a purge no longer reaches this run: whatever comes now is not kept.
    if (!this.#isStoring) return false
    const { engine, policy, method, res } = this.visit
    this.#draft.readHead(res)
    this.#learnMovie(this.#observation.unnoticed(() => this.#laterMovie?.take()))
    const { status, fields } = this.#draft
    this.#isCovered = status >= 500 && this.#coverNow() !== undefined
    if (this.#isCovered) return this.#hold(true)
    if (this.stale.base !== undefined && status === 304) return this.#hold(true)
    const verdict = policy.judgeHead(method, status, fields, engine.clock.now(), engine.clock.lead?.())
    const refusal = typeof verdict === 'string' ? { reason: verdict } : this.#draft.judgeRun()
    if (typeof verdict === 'string' || refusal !== undefined) return this.#passOn(refusal!)
    this.#draft.freshness = verdict
    this.#describe()
    if (this.#alone !== undefined && !this.#mayLeave()) return this.#hold(false)
    if (whole !== undefined) return this.#takeWhole(whole)
    if (isOpenEnded(this.visit.profile, this.#draft.line('content-type'))) this.#keepApart()
    this.#writeStatus(this.#undecided)
    return this.#hold(this.#isConditional && status === 200)
  }

  /** The head leaves, with all that middleware in front has added: before it has, nobody else is given a byte. */
  #depart(sent: Fields): void {
    this.#hasLeft = true
    if (!this.#isStoring) return
    const refusal = this.#draft.judgeDeparture(sent)
    if (refusal === undefined) return
    this.#refuse(refusal)
    // What leaves may be a stored answer in the place of a late one.
    if (this.#isConfirmed) this.#writeStatus(revalidated(false))
    else if (this.#draft.freshness !== undefined) this.#writeStatus(miss(this.#was, refusal))
  }

  /** The same where the client has left before: what middleware in front would have added holds all the same. */
  #mayLeave(): boolean {
    if (!this.#hasLeft) this.#attempt(() => this.#capture.rehearseHead())
    return this.#isStoring
  }

  /** The handler has said something else: nobody is served the old answer any more, not even those who know of it. */
  #endStale(): void {
    const { entry } = this.stale
    if (entry === undefined) return
    this.flight.fenced = true
    unawaited(this.visit.engine.tier.delete(entry.key))
  }

  /** What hits will say of the answer, its first client is told as well. */
  #describe(): void {
    const { engine, method, res, profile } = this.visit
    const { status, own } = this.#draft
    const answer = { key: this.#draft.key, headers: own.headers, profile, status }
    if (method === 'POST' && status === 200) writeLocation(engine, res, answer)
    offerRanges(method, res, answer)
    this.#draft.date(res)
  }

  /**
   * A POST that succeeds may have changed what its URL answers to GET (RFC 9111 section 4.4). One whose answer is stored has not: it only asks.
   */
  #invalidate(): void {
    const { engine, profile, route, method, key } = this.visit
    if (method !== 'POST' || this.#draft.status === 0 || this.#draft.status >= 400) return
    this.pause(true)
    const { fields, movie = key.movie } = this.#draft
    engine.invalidate(outdatedTags(this.visit, profile, route, locationsOf(fields), movie))
    this.pause(false)
  }

  pause(isPaused: boolean): void {
    this.#observation.isPaused = isPaused
  }

  chunk(bytes: Buffer): void {
    // A 304 has no content (RFC 9110 section 15.4.5): what its handler writes after it belongs to no answer.
    if (this.#isCovered || this.#isConfirmed) return
    this.#length += bytes.length
    const { maxEntryBytes } = this.visit.route
    const hasRoom = this.#body.hasRoomFor(bytes.length)
    // Nobody who reads along gets further behind than there is room for.
    this.#mostBehind = hasRoom ? maxEntryBytes : Math.min(this.#mostBehind, this.#body.length + FREE)
    if (this.#isStoring && this.#length > maxEntryBytes) return this.#outgrow(bytes, { reason: 'too-large' })
    if (this.#isStoring && !hasRoom) return this.#outgrow(bytes, { reason: 'crowded' })
    if (this.#isShared && this.#isStoring) {
      const refusal = this.#draft.judgeRun()
      if (refusal !== undefined) return this.#refuseHalfWay(refusal, bytes)
      if (this.#draft.varied.length > this.#sharedFor) this.#unshare()
    }
    this.#silence?.refresh()
    this.#attachment?.lookForListeners()
    this.#body.push(bytes)
    if (!this.#isStoring) this.#body.shed(this.#mostBehind)
    else if (!this.#isShared && this.#hasLeft && this.#mayBeShared()) this.#share()
  }

  end(): void {
    this.#stopTimers()
    if (this.#isCovered) return this.#cover(this.visit.res.statusCode)
    if (this.#isConfirmed) return this.#renew()
    if (this.#isStoring && this.#entry === undefined) this.#takeStream()
    if (this.#entry !== undefined) this.#settle(this.#entry)
    this.#body.end()
    // The response lives on until its connection closes, and this with it: it must not hold the body.
    this.#entry = undefined
    if (this.#isStoring) this.#whole = this.#body
    else this.#body.close()
    if (this.#body.length > 0) this.#body = this.#newBody()
    this.#observation.restore()
  }

  #stopTimers(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#silence)
    this.#pace.leave()
    this.#company.leave()
  }

  abort(): void {
    this.#stopTimers()
    this.#observation.restore()
    this.#body.cut()
    if (!this.#isStoring) return
    this.#isStoring = false
    this.#report('aborted')
    this.#forgetBody()
    this.flight.abandon()
  }

  close(): void {
    this.#pace.settle()
  }

  /** From now on the handler may be parted from its client: where somebody else wants the answer too, or it is paid for. */
  #attach(): Attachment {
    const { req, res } = this.visit
    this.#attachment ??= new Attachment(
      ...([req, res, this.#front, this.#context] as const),
      () => this.#company.mayGoOn(),
      () => this.#goOnAlone(),
    )
    return this.#attachment
  }

  get hasCompany(): boolean {
    if (this.#body.hasReaders) return true
    // Who waits can begin anew, unless this run is paid for or has come some way.
    const isWorthWaiting = this.visit.route.ignoreClientAbort || this.#alone !== undefined
    return this.#isStoring && isWorthWaiting && this.flight.waiting > 0
  }

  get isKept(): boolean {
    return this.#isStoring && (this.visit.route.ignoreClientAbort || this.#isLate)
  }

  /** Until it has ended each listener has a stream of its own. */
  #keepApart(): void {
    this.visit.engine.unshared.mark(this.flight.key, UNSHARED_SPAN, EVERYBODY)
    this.flight.withdraw()
  }

  /** Whoever waits or comes may read along from now on. */
  #share(): void {
    const { engine } = this.visit
    this.#isShared = true
    this.#sharedFor = this.#draft.varied.length
    // Solo, or good for its own client alone.
    if (engine.flights.leader(this.flight.key) !== this.flight) return
    if (this.#draft.freshness!.staleAt <= engine.clock.now()) return
    this.#watchSilence()
    const body = this.#body
    const live: LiveAnswer = {
      entry: this.#draft.entry(Buffer.alloc(0)),
      varied: this.#draft.varied,
      length: this.#draft.line('content-length'),
      join: (reader: LiveReader): StopReading => {
        const isFirst = !body.hasReaders
        this.#attach()
        const stop = body.join(reader)
        if (isFirst) this.#hurry()
        this.#stopIfUseless()
        return () => {
          stop()
          this.#stopIfUseless()
        }
      },
    }
    this.flight.share(live)
  }

  /** The handler has just read a field by which requests differ: those who read along may not be meant. */
  #unshare(): void {
    this.flight.unshare()
    this.#body.cutReaders()
    this.#sharedFor = this.#draft.varied.length
  }

  /** Nobody joins a stream that has stood still for so long; and one without its client ends, visibly. */
  #watchSilence(): void {
    const { engine, res, route } = this.visit
    // Whoever looks after the connection itself, as `sendFile` does, has probably stopped.
    const span = this.#attachment?.isDoubtful === true ? DOUBTFUL_SPAN : route.lockTimeout
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => {
      engine.flights.depose(this.flight)
      this.#alone?.destroy()
      // There was no room to run ahead of a client that takes nothing: whoever reads along goes on without it.
      if (this.#body.hasReaders && this.#pace.isWaitingForClient) breakOff(res)
    }, span).unref()
  }

  /** The first bytes are there, and nothing speaks against storing the rest. */
  #mayBeShared(): boolean {
    if (this.#length < START_BYTES && this.visit.profile === 'tts') return false
    const refusal = this.#draft.judgeStart(this.#body.chunks, this.#length)
    // What begins wrongly is never shared, and need not be looked at again.
    this.#isShared = refusal !== undefined && this.#length >= START_BYTES
    return refusal === undefined && this.#draft.judgeRun() === undefined
  }

  /** What was held back until now goes to the client after all. */
  #refuseHalfWay(refusal: Refusal, bytes: Buffer): void {
    const chunks = [...this.#body.chunks, bytes]
    this.#refuse(refusal)
    if (this.#isHeld) this.#letGo(chunks, refusal)
  }

  /** There is no room to keep the answer; who reads along goes on, as long as they keep up. */
  #outgrow(bytes: Buffer, refusal: Refusal): void {
    const body = this.#body
    this.#refuseHalfWay(refusal, bytes)
    if (!body.hasReaders) return
    body.push(bytes)
    body.shed(this.#mostBehind)
  }

  #newBody(): LiveBody {
    return new LiveBody(this.visit.engine.room, body => this.#attempt(() => this.#giveUp(body)))
  }

  /** This answer has stood still, and others need the room. */
  #giveUp(body: LiveBody): void {
    if (body === this.#body && this.#isStoring) {
      const { chunks } = body
      this.#refuse({ reason: 'crowded' })
      if (this.#isHeld) this.#context.runInAsyncScope(() => this.#letGo(chunks, { reason: 'crowded' }))
    }
    body.cutLaggards()
    body.shed(0)
  }

  /** The client has left, and what is being made is paid for: it is finished, and kept. */
  #goOnAlone(): void {
    this.#part(this.#headSoFar())
  }

  /** The handler has a stale entry behind it: it may take too long, or tear the connection down. */
  #expectFailure(cover: CacheEntry): void {
    const { res, route } = this.visit
    const destroy = res.destroy.bind(res)
    res.destroy = error => (this.#coverDestroyed() ? res : destroy(error))
    this.#timer = setTimeout(() => this.#attempt(() => this.#runLate(cover)), route.handlerTimeout).unref()
  }

  #coverDestroyed(): boolean {
    if (this.#coverNow() === undefined) return false
    const head = this.#headSoFar()
    this.#attach().noteHandler()
    this.#cover(undefined)
    // It may tear down again, or write an error page: that is nobody's business any more.
    this.#part(head)
    return true
  }

  /** The client gets what is stored; the handler goes on, and what it makes is kept. */
  #runLate(cover: CacheEntry): void {
    if (this.#coverNow() === undefined) return
    const head = this.#headSoFar()
    this.#attach().noteHandler()
    if (this.#isCovered) {
      // Its failure is known already; only the end of it is missing.
      this.#isCovered = false
      this.#cover(head.statusCode)
      return this.#part(head)
    }
    this.flight.release({ entry: cover, varied: this.#draft.varied, why: 'stale-if-error' })
    this.#capture.release()
    this.#sendCover(cover, undefined)
    this.#isLate = true
    this.#part(head)
    this.#stopIfUseless()
  }

  #headSoFar(): Head {
    const { statusCode, statusMessage, headersSent } = this.visit.res
    return { statusCode, statusMessage, fields: this.visit.res.getHeaders(), isSent: headersSent }
  }

  /** The handler goes on without its client, as long as somebody has a use for what it makes. */
  #part(head: Head): void {
    clearTimeout(this.#timer)
    this.#pace.settle()
    this.#isHeld = false
    // Its own look at the client's address is not the handler's.
    const other = this.#observation.unnoticed(() => this.#attach().part(head))
    this.#observation.moveTo(other.socket)
    this.#capture.redirect(other)
    this.#alone = other
    if (this.#isStoring && this.#draft.freshness !== undefined) this.#mayLeave()
    if (head.isSent) other.writeHead(head.statusCode)
    this.#timer = setTimeout(() => other.destroy(), LONGEST_RUN).unref()
    if (this.#length > 0 || this.#attach().isDoubtful) this.#watchSilence()
  }

  #stopIfUseless(): void {
    if (this.#alone !== undefined && !this.#alone.writableEnded && !this.#company.mayGoOn()) this.#alone.destroy()
  }

  /** The stored answer that stands in for a failure now, if there is one. */
  #coverNow(): CacheEntry | undefined {
    const { engine, res } = this.visit
    const { cover } = this.stale
    if (cover === undefined || this.flight.fenced || this.#attach().isApart) return undefined
    if (isHeadSent(res) && !this.#isHeld) return undefined
    return engine.clock.now() < coverUntilOf(cover) ? cover : undefined
  }

  /** The handler has failed: the client and those who wait get what is stored. */
  #cover(status: number | undefined): void {
    const cover = this.stale.cover!
    const varied = this.#draft.varied
    this.#isStoring = false
    this.#capture.release()
    this.#report('status')
    this.#sendCover(cover, status)
    this.#observation.restore()
    this.flight.land({ entry: cover, varied, why: 'stale-if-error' })
  }

  #sendCover(cover: CacheEntry, status: number | undefined): void {
    const { engine, profile, key } = this.visit
    const now = engine.clock.now()
    engine.report({ type: 'stale', profile, key: key.text, why: 'stale-if-error' })
    this.#replay(cover, stale(cover, 'stale-if-error', status, now), now)
  }

  /** The whole answer came with its head: the client can be told exactly what became of it. */
  #takeWhole(body: Buffer): boolean {
    const refusal = this.#judgeWhole(body)
    if (refusal !== undefined) return this.#passOn(refusal)
    this.#entry = this.#draft.entry(ownBytes([body]))
    this.#showEtag(this.#entry)
    this.#writeStatus(this.#draft.pending === undefined ? miss(this.#was, undefined) : this.#undecided)
    return this.#hold(this.#isConditional && this.#entry.status === 200)
  }

  #takeStream(): void {
    const { chunks } = this.#body
    const body = ownBytes(chunks)
    const refusal = this.#judgeStream(body)
    if (refusal === undefined) {
      this.#entry = this.#draft.entry(body, chunks)
      return
    }
    this.#refuse(refusal)
    if (this.#isHeld) this.#letGo(chunks, refusal)
  }

  #judgeWhole(body: Buffer): Refusal | undefined {
    const refusal = this.#draft.judgeBody(body)
    return refusal === undefined && this.flight.fenced ? { reason: 'purged' } : refusal
  }

  /** As any whole body; and where the client has left, whoever ended the answer may have done so for that. */
  #judgeStream(body: Buffer): Refusal | undefined {
    const refusal = this.#judgeWhole(body)
    if (refusal !== undefined || this.#attachment?.isDoubtful !== true) return refusal
    const isProven = this.#draft.line('content-length') !== undefined || this.#draft.isEventStream
    return isProven ? undefined : { reason: 'aborted' }
  }

  /** The handler is done. What was held back leaves now. */
  #settle(entry: CacheEntry): void {
    const { pending } = this.#draft
    this.#capture.release()
    if (this.#isHeld) {
      const refusal = this.#judgeAfterwards()
      if (refusal !== undefined) this.#refuse(refusal)
      const isOpen = refusal === undefined && pending !== undefined
      this.#replay(entry, isOpen ? this.#undecided : miss(this.#was, refusal), this.visit.engine.clock.now())
    }
    this.#onceSent(() => {
      if (pending === undefined) return this.#keepOrRefuse(entry)
      // Its own client does not wait for what `complete` has still to say.
      const answered = within(this.visit.route.lockTimeout, pending, 'incomplete')
      void answered.then(reason => this.#attempt(() => this.#keepOrRefuse(entry, reason)))
    })
  }

  /** The last look. */
  #keepOrRefuse(entry: CacheEntry, reason?: RefusalReason): void {
    const refusal = reason === undefined ? (this.#judgeAfterwards() ?? this.#judgeUnseen()) : { reason }
    if (refusal === undefined) this.#land(this.#draft.final(entry))
    else this.#refuse(refusal)
  }

  /** Not before the head has left: middleware in front whose `end` takes its time may still add a cookie to it. */
  #onceSent(work: () => void): void {
    const { res } = this.visit
    // Of a handler that has been parted from its client, what it is shown itself counts.
    if (this.#attachment?.isApart === true ? res.headersSent : isHeadSent(res)) return work()
    if (this.#isStoring) onSent(res, isSent => (isSent ? work() : this.abort()))
  }

  #judgeAfterwards(): Refusal | undefined {
    return this.flight.fenced ? { reason: 'purged' } : this.#draft.judgeRun()
  }

  /** Of a response that does not show when its head leaves. */
  #judgeUnseen(): Refusal | undefined {
    return this.#hasLeft ? undefined : this.#draft.judgeDeparture(this.visit.res.getHeaders())
  }

  /** The entry is kept, and whoever waits gets it. */
  #land(entry: CacheEntry): void {
    if (!this.#isStoring) return
    this.#isStoring = false
    this.#keep(entry)
    this.#forgetBody()
  }

  #keep(entry: CacheEntry): void {
    const { engine, key, profile } = this.visit
    const varied = this.#draft.varied
    store(engine, profile, key.text, varied, entry)
    engine.backoff.worked(this.flight.key)
    engine.lastRefusals.forget(key.text)
    // Whoever is still reading reads what was stored, so that the answer is held once.
    const body = this.#whole ?? this.#body
    if (body.hasReaders && body.rebase(entry.body)) {
      body.onForgotten = engine.pins.pin(entry, { progress: () => body.moves, giveUp: () => body.cutLaggards() })
    }
    if (isFresh(entry, engine.clock.now())) {
      engine.unshared.unmark(this.flight.key)
      this.flight.land({ entry, varied })
    } else {
      // Good for its own client and as something to confirm, not for those who wait.
      engine.unshared.mark(this.flight.key, UNSHARED_SPAN, EVERYBODY)
      this.flight.refuse()
    }
  }

  /** The handler answered 304 to the stored validator: the stored answer is sent, renewed. */
  #renew(): void {
    const { engine, profile } = this.visit
    this.#capture.release()
    const { entry, refusal: said } = renew(this.visit, this.stale.base!, this.#draft, this.#before)
    const refusal = said ?? this.#judgeAfterwards()
    if (refusal !== undefined) this.#refuse(refusal)
    if (this.#isHeld) this.#replay(entry, revalidated(refusal === undefined), engine.clock.now())
    this.#onceSent(() => {
      if (this.#isStoring) engine.report({ type: 'revalidated', profile, key: entry.key })
      this.#land(entry)
    })
    this.#observation.restore()
  }

  /** In the place of what the handler sent, unless middleware in front has answered meanwhile. */
  #replay(entry: CacheEntry, status: Status, now: number): void {
    const { res, route } = this.visit
    if (isAnswered(res)) return
    this.pause(true)
    resetHead(res, this.#before, this.#sendsDate)
    replay(this.visit, res, entry, this.#shown(status), now, route.pace)
    this.pause(false)
  }

  get #was(): 'miss' | 'stale' {
    return this.stale.base === undefined && this.stale.cover === undefined ? 'miss' : 'stale'
  }

  /** What is said of an answer whose end is still to come: it may yet be cut off, outgrow its bound or lack its end marker. */
  get #undecided(): Status {
    const { engine, key } = this.visit
    return undecided(this.#was, engine.lastRefusals.of(key.text))
  }

  /** What was asked for on a condition is held back until the whole is known; not where the handler could not be shown that it has begun. */
  get #isConditional(): boolean {
    const { method, headers, res } = this.visit
    return method === 'GET' && isConditional(conditionsOf(headers)) && maySeal(res)
  }

  #hold(isHeld: boolean): boolean {
    this.#isConfirmed = isHeld && this.#draft.status === 304
    // Whoever has left, or has been answered otherwise, has nothing to wait for.
    this.#isHeld = isHeld && this.#attachment?.isApart !== true
    return this.#isHeld
  }

  #showEtag(entry: CacheEntry): void {
    const { res } = this.visit
    if (entry.etag !== undefined && !mayBeTransformed(this.visit.headers, res, entry)) res.setHeader('etag', entry.etag)
  }

  #passOn(refusal: Refusal): boolean {
    this.#refuse(refusal)
    this.#writeStatus(miss(this.#was, refusal))
    return this.#hold(false)
  }

  #letGo(chunks: readonly Buffer[], refusal: Refusal): void {
    this.#isHeld = false
    this.#capture.release()
    if (isAnswered(this.visit.res)) return
    this.#writeStatus(miss(this.#was, refusal))
    this.#capture.letGo(chunks)
    this.#pace.ranAhead(chunks.reduce((sum, { length }) => sum + length, 0))
  }

  /** Nobody is above a timer: what fails there costs the entry, and not the process. */
  #attempt(work: () => unknown): void {
    try {
      work()
    } catch {
      this.abort()
    }
  }

  /** A cache nearer to the handler takes the request: what this one holds of it answers nobody, and covers for nothing. */
  #stepAside(): void {
    if (!this.#isStoring) return
    const { engine, key } = this.visit
    engine.nested.mark(key.text, NESTED_SPAN)
    this.#endStale()
    this.stale = NOTHING_STALE
    this.#stopTimers()
    this.#refuse({ reason: 'nested' })
  }

  /** Nothing of this answer is kept; those who wait make their own. */
  #refuse(refusal: Refusal): void {
    if (!this.#isStoring) return
    this.#isStoring = false
    this.#entry = undefined
    if (CUTTING.has(refusal.reason)) this.#body.cut()
    this.#forgetBody()
    // Not now: the handler is in the middle of a call.
    if (this.#alone !== undefined) setImmediate(() => this.#stopIfUseless())
    this.#report(refusal.reason, refusal.name)
    this.#observation.restore()
    const concern = concernOf(this.visit, this.#draft)
    if (endsStored(refusal, this.#draft.status, concern)) this.#endStale()
    // The answer is only too old, not unshareable: somebody else makes it anew for those who wait.
    if (refusal.reason === 'purged') return this.#soon(() => this.flight.abandon())
    // Whoever waits comes to that other cache as well, and waits there.
    if (refusal.reason === 'nested') return this.flight.refuse()
    // What passes soon is not remembered for long.
    const isPassing = this.visit.res.statusCode >= 500 || refusal.reason === 'crowded'
    if (!concern.isPersonal) this.#invalidate()
    this.visit.engine.unshared.mark(this.flight.key, isPassing ? PASSING_SPAN : UNSHARED_SPAN, concern)
    this.#soon(() => this.flight.refuse(concern))
  }

  /**
   * The handler is in the middle of a `write`. Whoever has waited may run now, and come after it on its own connection: what that one writes,
   * Node takes for news that this response has drained, and the handler, which listens once `write` has returned, would wait for ever.
   */
  #soon(tell: () => void): void {
    process.nextTick(tell)
  }

  #report(reason: RefusalReason, name?: string): void {
    const { engine, profile, key } = this.visit
    if (this.#hasLeft) engine.lastRefusals.note(key.text, { reason, ...(name !== undefined && { name }) })
    engine.report({ type: 'refused', profile, key: key.text, reason, ...(name !== undefined && { name }) })
  }

  #writeStatus(status: Status): void {
    this.#draft.say(this.visit.res, this.#shown(status))
  }

  #shown(status: Status): Status {
    const { engine, key } = this.visit
    return shownStatus(engine, status, this.#entry?.key ?? key.text)
  }

  /** Whoever reads along holds the body until its end. */
  #forgetBody(): void {
    this.#whole?.close()
    this.#whole = undefined
    if (this.#body.length > 0 && !this.#body.hasReaders) {
      this.#body.close()
      this.#body = this.#newBody()
    }
    this.#length = 0
  }
}
