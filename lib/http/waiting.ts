import type { NextFunction, Response } from 'express'
import type { AnswerFlight } from './engine.js'

/** Somebody else has answered, or begun to, or the client has gone: middleware in front may while a request waits. */
export const isAnswered = (res: Response): boolean => res.headersSent || res.writableEnded || res.destroyed

/**
 * Goes on with a request that has waited. Nobody is above it to catch what it throws: the call is that of whoever made the answer, a
 * promise's or a timer's. Whoever has been answered meanwhile is dropped, and an error is this request's own. Either way `flight`, which it
 * may lead, goes to the next.
 */
export function resume(res: Response, next: NextFunction, flight: AnswerFlight | undefined, work: () => void): void {
  if (isAnswered(res)) return flight?.abandon()
  try {
    work()
  } catch (error) {
    flight?.abandon()
    fail(res, next, error)
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
  res.destroy()
}
