import { mayBeStored, type OwnRequest, type Send } from '../../core/exchange.js'
import type { Milliseconds } from '../../core/types.js'

/** Requests that are asked again at the end, spread over the list. */
const MOST = 32

/**
 * Notes some of the requests whose answers were stored, and asks them again at the end for nothing but a stored answer (RFC 9111 section
 * 5.2.1.7): a server does not say by itself that its cache was too small for the list.
 */
export class Recheck {
  readonly #noted: OwnRequest[] = []
  #stored = 0

  /** The same `send`, which is listened to. */
  watch(send: Send): Send {
    return async (request, signal) => {
      const reply = await send(request, signal)
      if (mayBeStored(reply.said)) this.#note(request)
      return reply
    }
  }

  /** How many of so many were still there. */
  async run(send: Send, timeout: Milliseconds): Promise<{ asked: number; there: number }> {
    const replies = await Promise.allSettled(
      this.#noted.map(request =>
        send(
          { ...request, rawHeaders: [...request.rawHeaders, 'Cache-Control', 'only-if-cached'] },
          AbortSignal.timeout(timeout),
        ),
      ),
    )
    const isThere = (one: (typeof replies)[number]): boolean =>
      one.status === 'fulfilled' && one.value.said?.get('detail') !== 'only-if-cached'
    return { asked: replies.length, there: replies.filter(isThere).length }
  }

  /** Each stored answer is among those noted with the same chance (reservoir sampling). */
  #note(request: OwnRequest): void {
    const place = this.#stored < MOST ? this.#stored : Math.floor(Math.random() * (this.#stored + 1))
    this.#stored++
    if (place < MOST) this.#noted[place] = request
  }
}
