import type { Send } from '../../core/exchange.js'

/** So many requests in a row that nobody answers say that nobody is there. */
const MOST_IN_A_ROW = 20

/** Codes of Node's under which a request has not come to a server. */
const UNREACHED = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ENETDOWN|EHOSTDOWN)$/

/** The same `send`; calls `onDead` once where nothing answers, so that a long list need not fail line by line. */
export function watchReach(send: Send, onDead: (message: string) => void): Send {
  let inARow = 0
  return async (request, signal) => {
    try {
      const reply = await send(request, signal)
      inARow = 0
      return reply
    } catch (error) {
      const code = codeOf(error)
      inARow = UNREACHED.test(code) ? inARow + 1 : 0
      if (inARow === MOST_IN_A_ROW) {
        onDead(
          `Nothing answers at ${request.url.origin} (${code}): is the server running, and is --base where it listens?`,
        )
      }
      throw error
    }
  }
}

/** Where a name has several addresses, Node reports an error of all of them. */
const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
