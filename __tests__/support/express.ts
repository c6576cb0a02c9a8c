import express5, {
  type ErrorRequestHandler,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import express4 from 'express4'

export type Express = typeof express5

export const expresses = [
  ['Express 5', express5],
  ['Express 4', express4],
] as const

/** An error page that says what was thrown. Once the head is out, only Express can break the connection off. */
export const errorPage: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) return next(error)
  res.status(error.status ?? 500).json({ error: error.message })
}

export type CountedHandler = RequestHandler & { readonly calls: number }

/** Wraps a handler so that a test can say how often it ran; the handler gets the number of its run. */
export function counted(
  handler: (req: Request, res: Response, run: number, next: NextFunction) => unknown,
): CountedHandler {
  let calls = 0
  const wrapped: RequestHandler = (req, res, next) => handler(req, res, ++calls, next)
  return Object.defineProperties(wrapped, { calls: { get: () => calls } }) as CountedHandler
}
