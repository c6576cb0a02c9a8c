import type { ServerResponse } from 'node:http'

/** What tells Node, and whoever asks `headersSent`, that a head has left. No public interface sets it, and HTTP/2 has none of it. */
interface Internals {
  _header?: unknown
}

/** A head that is held back is, for the handler and for middleware, one that has left. */
export interface Seal {
  /** Throws what Node throws where a head is written twice. */
  refuse(): never
  /** The head can be written again, with the status that it had. */
  break(): void
}

/**
 * A handler that has begun its answer cannot change status or fields any more, and asks `headersSent` to know it: an answer of which nothing
 * was sent, since it is held back, must say the same. Otherwise an error page, or a late `no-store`, would be taken for the rest of what began
 * as a good answer.
 */
export function sealHead(res: ServerResponse): Seal {
  const { statusCode, statusMessage } = res
  const internals = res as unknown as Internals
  const isShown = maySeal(res)
  if (isShown) internals._header = 'held back'
  return {
    refuse: () => {
      const message = 'Cannot write headers after they are sent to the client'
      throw Object.assign(new Error(message), { code: 'ERR_HTTP_HEADERS_SENT' })
    },
    break: () => {
      if (isShown) internals._header = null
      res.statusCode = statusCode
      res.statusMessage = statusMessage
    },
  }
}

/** Whether the handler can be shown that its head counts as sent. */
export const maySeal = (res: ServerResponse): boolean => (res as unknown as Internals)._header === null
