/** Errors that a client may see: always JSON, always `{ error }`. */
import type { ErrorRequestHandler } from 'express'

export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly retryAfter?: string | null,
  ) {
    super(message)
  }
}

/** Express's own errors (a body that is no JSON, one that is too large) carry a status too. */
export const answerProblems: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent) {
    next(error)
    return
  }
  const { status, message, retryAfter } = error as Partial<Problem>
  const isKnown = status !== undefined && (error instanceof Problem || status < 500)
  if (!isKnown) console.error(error)
  if (retryAfter) res.set('Retry-After', retryAfter)
  res.status(isKnown ? status : 500).json({ error: isKnown ? message : 'Something went wrong on our side' })
}
