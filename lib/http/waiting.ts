import type { NextFunction, Response } from 'express'
import type { AnswerFlight } from './engine.js'
import { isHeadSent } from './head-sent.js'
import { attempt } from './step-aside.js'
import type { Visit } from './visit.js'

/** A request on some route. */
export type Resumed = Pick<Visit, 'engine' | 'profile' | 'res'>

/** Who answers a request: its handler, which is to run now, or the cache, at once or later. */
export type Answerer = 'handler' | 'cache'

/** Somebody else has answered, or begun to, or the client has gone: middleware in front may while a request waits. */
export function isAnswered(res: Response): boolean {
  try {
    return res.headersSent || isHeadSent(res) || res.writableEnded || res.destroyed
  } catch {
    return false
  }
}

/** It has been answered to the end, or its client has gone: nobody waits for anything. */
export function isOver(res: Response): boolean {
  try {
    return res.writableEnded || res.destroyed
  } catch {
    return false
  }
}

/**
 * Goes on with a request that has waited. Nobody is above it to catch what it throws: the call is that of whoever made the answer, a
 * promise's or a timer's. Whoever has been answered meanwhile is dropped; where no more than the beginning has been sent, as by a heartbeat,
 * the handler sends the rest as without the cache. Where the cache fails the handler answers, and an error of the handler is this request's
 * own. `flight`, which the request may lead, then goes to the next.
 */
export function resume(
  visit: Resumed,
  next: NextFunction,
  flight: AnswerFlight | undefined,
  work: () => Answerer,
): void {
  const { res } = visit
  if (isAnswered(res)) flight?.abandon()
  if (isOver(res)) return
  try {
    if (isAnswered(res) || answererOf(visit, work, flight) === 'handler') next()
  } catch (error) {
    flight?.abandon()
    fail(res, next, error)
  }
}

function answererOf(visit: Resumed, work: () => Answerer, flight: AnswerFlight | undefined): Answerer {
  try {
    return work()
  } catch (error) {
    flight?.abandon()
    return stepAside(visit, error)
  }
}

/** What a method of middleware in front has thrown while an answer was sent: it would meet the handler's answer too. */
export class ThrownInFront {
  constructor(readonly error: unknown) {}
}

/** Where the cache fails before a byte has left, the handler runs as without it. */
export function stepAside({ engine, profile, res }: Resumed, error: unknown): Answerer {
  if (error instanceof ThrownInFront) throw error.error
  // Its answer is whole: only the accounts of it failed.
  if (hasEnded(res)) return 'cache'
  if (isAnswered(res)) throw error
  engine.report({ type: 'bypass', profile, reason: 'unsupported', error })
  return 'handler'
}

function hasEnded(res: Response): boolean {
  try {
    return res.writableEnded
  } catch {
    return false
  }
}

/** As Express does with what a handler throws: an error page, or half an answer that does not look whole. */
function fail(res: Response, next: NextFunction, error: unknown): void {
  if (res.writableEnded) return
  try {
    if (!res.headersSent) return next(error)
  } catch {
    // Whoever writes the error page has failed too.
  }
  attempt(() => res.destroy())
}
