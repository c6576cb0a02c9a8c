import { AsyncResource } from 'node:async_hooks'
import type { Response } from 'express'
import { BUCKETS } from '../../core/recent.js'
import type { Milliseconds } from '../../core/types.js'
import { refuse } from '../admin/guard.js'
import type { AdminSource } from '../admin/source.js'
import type { CacheStats } from '../stats.js'
import { snapshotOf } from './snapshot.js'

/** One more, and whoever has most of them loses the oldest: nobody can lock others out. */
const MAX_LISTENERS = 32
/** Milliseconds between two looks at what has changed. */
const INTERVAL = 1_000
/** So many looks without a change, and the page is told nevertheless: proxies end what is silent. */
const MOST_SILENT = 15
/** After so long the page connects anew, and `authorize` is asked again. */
const LONGEST: Milliseconds = 600_000
/** A minute: whoever missed some messages has what was in them. */
const STEPS = 12
/** Milliseconds after which a browser connects anew. */
const RETRY = 2_000

interface Listener {
  /** Until when it listens. */
  readonly until: Milliseconds
  /** Its own: one timer tells all. */
  readonly context: AsyncResource
}

/** Tells pages what the cache does, by server-sent events, about once a second while something changes. While nobody listens it does nothing. */
export class Live {
  readonly #listeners = new Map<Response, Listener>()
  #timer: NodeJS.Timeout | undefined
  #told = ''
  #silent = 0

  constructor(private readonly source: AdminSource) {
    source.closed.addEventListener('abort', () => this.#end(), { once: true })
  }

  listen(res: Response): void {
    // Gone while `authorize` was asked: it would never be heard to leave.
    if (res.destroyed) return
    if (this.source.closed.aborted) return refuse(res, 503, 'closed', 'The cache has been closed')
    res.set({
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    })
    if (res.req.method === 'HEAD') return void res.end()
    if (this.#listeners.size >= MAX_LISTENERS) this.#makeRoom(peerOf(res))
    res.flushHeaders()
    res.write(`retry: ${RETRY}\n${this.#message(this.source.stats(), BUCKETS)}`)
    this.#listeners.set(res, { until: this.source.now() + LONGEST, context: new AsyncResource('ReelcachePage') })
    res.once('close', () => this.#leave(res))
    this.#timer ??= setInterval(() => this.#look(), INTERVAL).unref()
  }

  /** The peer with most listeners loses its oldest; of equals, the one that asks for one more. */
  #makeRoom(asking: string): void {
    const byPeer = new Map<string, Response[]>([[asking, []]])
    for (const res of this.#listeners.keys()) {
      const peer = peerOf(res)
      byPeer.set(peer, [...(byPeer.get(peer) ?? []), res])
    }
    const [oldest] = [...byPeer.values()].reduce((most, theirs) => (theirs.length > most.length ? theirs : most))
    if (oldest !== undefined) this.#finish(oldest)
  }

  #leave(res: Response): void {
    this.#listeners.delete(res)
    if (this.#listeners.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #end(): void {
    for (const res of this.#listeners.keys()) this.#finish(res)
  }

  /** Whoever does not read would never come to the end. */
  #finish(res: Response): void {
    const end = (): unknown => (res.writableNeedDrain ? res.destroy() : res.end())
    this.#listeners.get(res)?.context.runInAsyncScope(end)
    this.#leave(res)
  }

  #look(): void {
    const now = this.source.now()
    for (const [res, { until }] of this.#listeners) if (now >= until) this.#finish(res)
    const stats = this.source.stats()
    const text = JSON.stringify(stats)
    if (text === this.#told && ++this.#silent < MOST_SILENT) return
    this.#told = text
    this.#silent = 0
    const message = this.#message(stats, STEPS)
    // One that reads slowly gets the next one, which says it all again.
    for (const [res, { context }] of this.#listeners) {
      if (!res.writableNeedDrain) context.runInAsyncScope(() => res.write(message))
    }
  }

  #message(stats: CacheStats, steps: number): string {
    return `data: ${JSON.stringify(snapshotOf(this.source, stats, steps))}\n\n`
  }
}

/** Behind a proxy all are one peer, and the oldest of all goes. */
const peerOf = ({ req }: Response): string => req.socket.remoteAddress ?? ''
