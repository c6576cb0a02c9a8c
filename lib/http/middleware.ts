import type { NextFunction, Request, Response } from 'express'
import { coverUntilOf, isFresh, refreshUntilOf } from '../core/entry.js'
import type { Verdict } from '../core/flights.js'
import { chain, isPromise } from '../core/maybe.js'
import type { BypassReason, StaleReason } from '../core/outcomes.js'
import { savingOf } from '../core/saving.js'
import type { CacheEntry, MaybePromise, Milliseconds, ProfileName } from '../core/types.js'
import type { ResolvedRoute } from '../options.js'
import { askedBy, type Asked } from './asked.js'
import type { Asker } from './asker.js'
import * as say from './cache-status.js'
import { onHead } from './capture.js'
import { conditionsOf, isPreconditioned } from './conditional.js'
import { shownStatus, type Answer, type AnswerFlight, type Engine, type LiveAnswer, type Refresh } from './engine.js'
import { elect } from './election.js'
import { Fill, type Stale } from './fill.js'
import { locationsOf } from './headers.js'
import { shareHiddenClass } from './hidden-class.js'
import { outdatedTags } from './key.js'
import { LaterMovie } from './later-movie.js'
import { isAsking, onlyAsks, passed, takeOver } from './nested.js'
import { lookUpOf } from './look-up.js'
import type { Policy } from './policy.js'
import { closeWithConnection, isQueued } from './queued.js'
import { readerOf } from './reader.js'
import { isRepeatable, refresh } from './refresh.js'
import { replay, unsay, writeHeader, writeLocation, writeStatus } from './replay.js'
import { attempt, headBefore, takeHeadBack, Undo } from './step-aside.js'
import { chosenVariant, variantKey } from './vary.js'
import type { Visit } from './visit.js'
import { isAnswered, isOver, resume, stepAside, ThrownInFront, type Answerer } from './waiting.js'
import { isWrapped } from './wrapped.js'

/** The middleware of one route. */
export interface CacheHandler {
  // Generic in all that Express infers from the path, so that handlers behind it keep their own types.
  <P, ResBody, ReqBody, ReqQuery, Locals extends Record<string, unknown>>(
    req: Request<P, ResBody, ReqBody, ReqQuery, Locals>,
    res: Response<ResBody, Locals>,
    next: NextFunction,
  ): void
  /** The text under which this request is looked up; undefined when it goes past the cache. */
  readonly key: <P, ResBody, ReqBody, ReqQuery, Locals extends Record<string, unknown>>(
    req: Request<P, ResBody, ReqBody, ReqQuery, Locals>,
  ) => string | undefined
}

type Passing = Pick<Visit, 'engine' | 'profile' | 'req' | 'res'>

/** What is stored for a request, and the key that its fill is coordinated under. */
interface Found {
  readonly entry: CacheEntry | undefined
  readonly flightKey: string
}

export function cacheMiddleware(engine: Engine, profile: ProfileName, policy: Policy): CacheHandler {
  const { route } = policy

  function reelcache(req: Request, res: Response, next: NextFunction): void {
    let answerer: Answerer
    try {
      answerer = receive(req, res, next)
    } catch (error) {
      answerer = stepAside({ engine, profile, res }, error)
    }
    if (answerer === 'handler') next()
  }

  function receive(req: Request, res: Response, next: NextFunction): Answerer {
    shareHiddenClass(req, res)
    // It has been answered, or its client has gone, while middleware in front took its time: no `close` would tell of that.
    if (isAnswered(res) || !closeWithConnection(req, res)) return 'handler'
    const isNested = !engine.isClosed() && takeOver(req)
    const asked = askedBy(req)
    const key = engine.isClosed() ? 'closed' : lookUpOf(asked, profile, policy, engine.keys)
    if (typeof key === 'string') return goPast(engine, profile, route, asked, res, key)
    const { method, headers } = asked
    if (isNested && method === 'POST') onlyAsks(req)
    const visit = { engine, profile, route, policy, req, method, headers, res, key, isNested }
    const refreshed = engine.refreshes.get(req)
    return refreshed !== undefined && isMeant(visit, refreshed) ? refill(visit, next, refreshed) : lookUp(visit, next)
  }

  function key(req: Request): string | undefined {
    const found = lookUpOf(askedBy(req), profile, policy, engine.keys)
    return typeof found === 'string' ? undefined : found.text
  }
  policy.mark = key
  return Object.assign(reelcache, { key }) as CacheHandler
}

/** The handler answers, unless another cache on the way does. */
function pass({ engine, profile, req, res }: Passing, reason: BypassReason): Answerer {
  engine.report({ type: 'bypass', profile, reason, method: req.method })
  sayForNow(req, res, say.bypass(reason))
  return 'handler'
}

/** Says what becomes of a request, as long as no other cache takes it. */
function sayForNow(req: Request, res: Response, status: say.Status): void {
  const others = res.getHeader('cache-status')
  writeStatus(res, status)
  passed(req, () => unsay(res, others))
}

/** The handler answers, and the cache only watches whether what it holds becomes outdated. */
function goPast(
  engine: Engine,
  profile: ProfileName,
  route: ResolvedRoute,
  asked: Asked,
  res: Response,
  reason: BypassReason,
): Answerer {
  pass({ engine, profile, req: asked.req, res }, reason)
  // RFC 9110 section 9.2.1: the other methods may change what the URL answers.
  if (!['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(asked.method)) {
    const later = route.invalidate === 'movie' ? new LaterMovie(asked.req, route) : undefined
    onHead(res, () => {
      const movie = later?.take()
      if (res.statusCode >= 400 || isAsking(asked.req)) return
      engine.invalidate(outdatedTags(asked, profile, route, locationsOf(res.getHeaders()), movie))
    })
  }
  return 'handler'
}

function lookUp(visit: Visit, next: NextFunction): Answerer {
  const found = find(visit)
  if (!isPromise(found)) return serveOrFill(visit, next, found)
  const goOn = (flight?: AnswerFlight): Answerer => {
    void found
      .catch((): Found => ({ entry: undefined, flightKey: visit.key.text }))
      .then(it => resume(visit, next, flight, () => serveOrFill(visit, next, it, flight)))
    return 'cache'
  }
  // Whoever has a stale entry need not wait as others do: each must know of it.
  if (visit.engine.flights.leader(visit.key.text)?.knowsStale === true) return goOn()
  // The look-up takes time: equal requests share it, and whoever comes second is no second leader.
  const flight = joinOrLead(visit, next, visit.key.text)
  return typeof flight === 'string' ? flight : goOn(flight)
}

function find({ engine: { tier }, key, headers }: Visit): MaybePromise<Found> {
  return chain(tier.get(key.text), entry => {
    if (entry?.variants === undefined) return { entry, flightKey: key.text }
    const newest = entry.variants.at(-1)!
    const flightKey = variantKey(key.text, newest.names, headers)
    const chosen = chosenVariant(entry, headers)
    if (chosen === undefined) return { entry: undefined, flightKey }
    return chain(tier.get(chosen), variant => ({ entry: variant, flightKey }))
  })
}

const findEntry = (visit: Visit): MaybePromise<CacheEntry | undefined> => chain(find(visit), ({ entry }) => entry)

function serveOrFill(visit: Visit, next: NextFunction, { entry, flightKey }: Found, begun?: AnswerFlight): Answerer {
  const { engine, method } = visit
  const now = engine.clock.now()
  if (entry !== undefined && isFresh(entry, now)) {
    begun?.land({ entry, varied: [] })
    engine.keys.remember(visit.key)
    return sendHit(visit, entry, now, false)
  }
  if (entry !== undefined && now < refreshUntilOf(entry) && isRepeatable(visit.req)) {
    begun?.land({ entry, varied: [], why: 'stale-while-revalidate' })
    sendStale(visit, entry, 'stale-while-revalidate', engine.backoff.isOutage(flightKey))
    // The client has its answer: nothing of the refresh is its business.
    attempt(() => refresh(visit, entry, flightKey))
    return 'cache'
  }
  // The key of the nearer one may be the very same.
  if (entry === undefined && !visit.isNested && engine.nested.has(visit.key.text)) {
    begun?.refuse()
    return pass(visit, 'nested')
  }
  if (wantsOnlyStored(visit)) return sayNotStored(visit, begun)
  if (method === 'HEAD') {
    begun?.abandon()
    return passHead(visit)
  }
  const flight = begun ?? joinOrLead(visit, next, flightKey, entry)
  return typeof flight === 'string' ? flight : lead(visit, next, flight, entry)
}

/** Nobody on this machine makes the answer: this request does, unless another machine is about to. */
function lead(visit: Visit, next: NextFunction, flight: AnswerFlight, stale: CacheEntry | undefined): Answerer {
  const { lockTimeout, handlerTimeout } = visit.route
  return leading(flight, () => {
    const patience = coverOf(visit, stale) === undefined ? lockTimeout : Math.min(lockTimeout, handlerTimeout)
    return elect(visit, next, flight, patience, {
      find: () => findEntry(visit),
      serve: entry => sendHit(visit, entry, visit.engine.clock.now(), false),
      make: () => fill(visit, flight, staleOf(visit, stale)),
    })
  })
}

/** A leader that fails gives its flight to the next: nobody waits for one that is dead. */
function leading(flight: AnswerFlight, work: () => Answerer): Answerer {
  try {
    return work()
  } catch (error) {
    flight.abandon()
    throw error
  }
}

/** The second run has come to where the first one was: to the same route, by the same path through the app. */
const isMeant = ({ policy, req, key }: Visit, refreshed: Refresh): boolean =>
  refreshed.key === key.text && refreshed.policy === policy && refreshed.baseUrl === req.baseUrl

/** Runs the handler for a stale entry that somebody has been served already. */
function refill(visit: Visit, next: NextFunction, { flight, stale }: Refresh): Answerer {
  const { engine, profile, key, req, res, route } = visit
  engine.refreshes.delete(req)
  return elect(visit, next, flight, route.lockTimeout, {
    find: () => findEntry(visit),
    serve: () => {
      res.end()
      return 'cache'
    },
    make: () => {
      engine.report({ type: 'refresh', profile, key: key.text })
      return run(visit, flight, { entry: stale, base: baseOf(visit, stale), cover: undefined })
    },
  })
}

/** Answers a hit: from here to `end` nothing waits. */
function sendHit(visit: Visit, entry: CacheEntry, now: Milliseconds, collapsed: boolean): Answerer {
  const { engine, profile, route, method, res, key } = visit
  send(visit, entry, collapsed ? say.collapsed(entry, now) : engine.hits.of(entry, now), now)
  const tier = collapsed ? undefined : (engine.tier.tierOf?.(entry) ?? engine.tier.name)
  const saved = savingOf(entry, route.cost, method, res)
  engine.report({ type: 'hit', profile, key: key.text, collapsed, tier, saved }, now)
  return 'cache'
}

function sendStale(visit: Visit, entry: CacheEntry, why: StaleReason, failing = false): Answerer {
  const { engine, profile, key } = visit
  // It was forwarded: to a run of the handler that failed, or takes too long.
  if (why === 'stale-if-error') engine.report({ type: 'miss', profile, key: key.text })
  engine.report({ type: 'stale', profile, key: key.text, why, ...(failing && { failing }) })
  const now = engine.clock.now()
  send(visit, entry, say.stale(entry, why, undefined, now), now)
  return 'cache'
}

function send(visit: Visit, entry: CacheEntry, status: say.Status, now: Milliseconds): void {
  const { engine, route, method, res } = visit
  const before = headBefore(res)
  try {
    if (method === 'POST') writeLocation(engine, res, entry)
    replay(visit, res, entry, shownStatus(engine, status, entry.key), now, route.pace)
  } catch (error) {
    if (!isAnswered(res)) takeHeadBack(res, before, entry)
    throw isWrapped(res) ? new ThrownInFront(error) : error
  }
}

/** Sends an answer that is still being made: what there is at once, and the rest as it comes. */
function sendLive(visit: Visit, live: LiveAnswer): Answerer {
  const { engine, profile, route, method, res, key } = visit
  const { entry } = live
  const before = headBefore(res)
  try {
    writeLiveHead(visit, live)
    const reader = readerOf(res)
    const saved = savingOf(entry, route.cost, method, res)
    engine.report({ type: 'hit', profile, key: key.text, collapsed: true, saved })
    const stop = live.join(reader)
    res.once('close', stop)
  } catch (error) {
    if (!isAnswered(res)) takeHeadBack(res, before, entry)
    throw isWrapped(res) ? new ThrownInFront(error) : error
  }
  return 'cache'
}

function writeLiveHead({ engine, method, res }: Visit, { entry, length }: LiveAnswer): void {
  const now = engine.clock.now()
  if (method === 'POST') writeLocation(engine, res, entry)
  const status = shownStatus(engine, say.collapsed(entry, now), entry.key)
  writeHeader(engine, res, entry, entry.handlerEtag, status, now)
  if (length !== undefined) res.setHeader('content-length', length)
  // The head leaves with the first bytes, which are there: so whoever wraps `write` in front comes before it.
  res.statusCode = entry.status
}

/** Begins a flight, or follows the one that is under way: then it is known who answers. */
function joinOrLead(visit: Visit, next: NextFunction, flightKey: string, stale?: CacheEntry): AnswerFlight | Answerer {
  const { engine, req } = visit
  const { flights } = engine
  const leader = flights.leader(flightKey)
  const isAlone =
    engine.unshared.has(flightKey, visit) ||
    (leader !== undefined && (leader.owner === req || !engine.waitingRoom.hasPlace(leader, req)))
  if (isAlone) return flights.solo(flightKey)
  if (leader === undefined) {
    const flight = flights.lead(flightKey)
    flight.owner = req
    return flight
  }
  if (leader.live !== undefined && takesLive(visit))
    return proceed(visit, next, leader, stale, { is: 'live', live: leader.live })
  follow(visit, next, leader, stale)
  return 'cache'
}

/** Waits for the answer that is being made; with a stale one at hand only as long as a handler may take. */
function follow(visit: Visit, next: NextFunction, leader: AnswerFlight, stale: CacheEntry | undefined): void {
  const { engine, route, req, res } = visit
  const isCovered = coverOf(visit, stale) !== undefined
  const timeout = isCovered ? Math.min(route.lockTimeout, route.handlerTimeout - leader.age) : route.lockTimeout
  const waiting = {
    ...{ timeout: Math.max(0, timeout), takesLive: takesLive(visit), isCovered, asker: visit },
    isGone: () => isOver(res),
  }
  const leave = engine.waitingRoom.take(req)
  const stop = leader.follow(waiting, verdict => {
    leave()
    const inherited = verdict.is === 'lead' ? verdict.flight : undefined
    resume(visit, next, inherited, () => {
      res.removeListener('close', giveUp)
      return proceed(visit, next, leader, stale, verdict)
    })
  })
  const giveUp = (): void => {
    leave()
    stop()
  }
  try {
    res.once('close', giveUp)
  } catch (error) {
    giveUp()
    throw error
  }
}

function proceed(
  visit: Visit,
  next: NextFunction,
  leader: AnswerFlight,
  known: CacheEntry | undefined,
  verdict: Verdict<Answer, LiveAnswer, Asker>,
): Answerer {
  const { engine, req } = visit
  // What a purge or the handler's no has ended meanwhile is no answer any more.
  const stale = leader.fenced ? undefined : known
  const alone = (): Answerer =>
    wantsOnlyStored(visit)
      ? sayNotStored(visit, undefined)
      : fill(visit, engine.flights.solo(leader.key), staleOf(visit, stale))
  switch (verdict.is) {
    case 'alone':
      return alone()
    case 'lead':
      if (wantsOnlyStored(visit)) return sayNotStored(visit, verdict.flight)
      verdict.flight.owner = req
      return lead(visit, next, verdict.flight, stale)
    case 'late':
      return coverOf(visit, stale) === undefined ? alone() : sendStale(visit, stale!, 'stale-if-error')
    case 'live':
      return isMine(visit, verdict.live) ? sendLive(visit, verdict.live) : alone()
    case 'answer':
      return sendShared(visit, next, verdict.answer, stale)
  }
}

function sendShared(visit: Visit, next: NextFunction, answer: Answer, stale: CacheEntry | undefined): Answerer {
  const { entry, why } = answer
  if (why !== undefined && coverOf(visit, stale) !== undefined) return sendStale(visit, stale!, why)
  // The leader's answer was chosen by fields in which this request differs: it looks again, and now finds the variants.
  if (!isMine(visit, answer)) return lookUp(visit, next)
  if (why !== undefined) return sendStale(visit, entry, why)
  return sendHit(visit, entry, visit.engine.clock.now(), true)
}

const isMine = ({ key, headers }: Visit, { entry, varied }: Answer): boolean =>
  entry.key === key.text || variantKey(key.text, varied, headers) === entry.key

/** A part, or the news that nothing has changed, is made of a whole answer. `bytes=0-` asks for a part that is the whole. */
function takesLive({ method, headers, req, res }: Visit): boolean {
  // It could not keep up: the answer before it may be the very one it would read.
  if (isQueued(req, res)) return false
  if (method === 'POST') return true
  const conditions = conditionsOf(headers)
  return !isPreconditioned(conditions) && (conditions.range === undefined || conditions.range === 'bytes=0-')
}

/** RFC 9111 section 5.2.1.7: nothing but a stored answer will do, and there is none. */
function sayNotStored({ engine, profile, res }: Visit, flight: AnswerFlight | undefined): Answerer {
  flight?.abandon()
  engine.report({ type: 'bypass', profile, reason: 'only-if-cached' })
  writeStatus(res, say.onlyIfCached)
  const { statusCode } = res
  try {
    res.status(504).end()
  } catch (error) {
    if (!isAnswered(res)) attempt(() => (res.statusCode = statusCode))
    throw error
  }
  return 'cache'
}

function fill(visit: Visit, flight: AnswerFlight, stale: Stale): Answerer {
  const { engine, profile, key } = visit
  flight.knowsStale = stale.entry !== undefined
  const answerer = run(visit, flight, stale)
  engine.report({ type: 'miss', profile, key: key.text })
  return answerer
}

/** Puts the cache round a run of the handler, which begins as soon as this returns. Where that fails nothing of it stays. */
function run(visit: Visit, flight: AnswerFlight, stale: Stale): Answerer {
  const undo = new Undo()
  try {
    new Fill(visit, flight, stale, undo)
  } catch (error) {
    undo.run()
    flight.abandon()
    throw error
  }
  return 'handler'
}

const staleOf = (visit: Visit, entry: CacheEntry | undefined): Stale => ({
  entry,
  base: baseOf(visit, entry),
  cover: coverOf(visit, entry),
})

/** Only a stored 200 is confirmed: res.send would find an expired 404 of the same body unchanged too. */
const baseOf = ({ method }: Visit, stale: CacheEntry | undefined): CacheEntry | undefined =>
  stale?.status === 200 && method === 'GET' ? stale : undefined

const coverOf = ({ engine }: Visit, stale: CacheEntry | undefined): CacheEntry | undefined =>
  stale !== undefined && engine.clock.now() < coverUntilOf(stale) ? stale : undefined

/** A HEAD without a stored answer: the handler's own answer to HEAD has nothing that could be stored. */
function passHead({ engine, profile, key, req, res }: Visit): Answerer {
  engine.report({ type: 'miss', profile, key: key.text })
  engine.report({ type: 'refused', profile, key: key.text, reason: 'head' })
  sayForNow(req, res, shownStatus(engine, say.miss('miss', { reason: 'head' }), key.text))
  return 'handler'
}

/** RFC 9111 section 5.2.1.7. */
function wantsOnlyStored({ headers }: Visit): boolean {
  const directives = headers['cache-control']
  return directives !== undefined && /(^|[\s,])only-if-cached($|[\s,])/i.test(directives)
}
