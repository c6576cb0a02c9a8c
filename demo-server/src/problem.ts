/** Errors that a client may see: always JSON, `{ error }` from the app and OpenAI's shape where that is spoken. */
import type { ErrorRequestHandler, RequestHandler } from 'express'

export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly retryAfter?: string | null,
  ) {
    super(message)
  }
}

export const nothingHere: RequestHandler = (_req, _res, next) => {
  next(new Problem(404, 'There is nothing at this address'))
}

export const answerProblems = answerWith(({ message }) => message)

export const answerAsOpenAi = answerWith(({ status, message }) => ({
  message,
  type: status < 500 ? 'invalid_request_error' : 'server_error',
  param: null,
  code: null,
}))

type Shown = Pick<Problem, 'status' | 'message'>

/** Express's own errors (a body that is no JSON, one that is too large) carry a status too. */
function answerWith(shape: (problem: Shown) => unknown): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    if (res.headersSent) {
      next(error)
      return
    }
    const { status, message, retryAfter } = error as Partial<Problem>
    const isKnown = status !== undefined && (error instanceof Problem || status < 500)
    if (!isKnown) console.error(error)
    const shown = {
      status: isKnown ? status : 500,
      message: (isKnown && message) || 'Something went wrong on our side',
    }
    if (retryAfter) res.set('Retry-After', retryAfter)
    res.status(shown.status).json({ error: shape(shown) })
  }
}
