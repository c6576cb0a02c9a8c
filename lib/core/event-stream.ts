import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import type { CacheEvent, CacheEventListener } from './events.js'

/** What tracing tools subscribe to: every event of every cache in the process. */
export const CHANNEL = 'reelcache:event'

/** Tells everybody who listens what happened. Where nobody does, an event costs two comparisons. */
export class EventStream {
  readonly #emitter = new EventEmitter()
  readonly #channel = channel(CHANNEL)

  constructor(private readonly onListenerError: (error: unknown) => void) {}

  /** Somebody hears what is sent now. */
  get isHeard(): boolean {
    return this.#emitter.listenerCount('event') > 0 || this.#channel.hasSubscribers
  }

  on(listener: CacheEventListener): void {
    this.#emitter.on('event', listener)
  }

  off(listener: CacheEventListener): void {
    this.#emitter.off('event', listener)
  }

  send(event: CacheEvent): void {
    if (this.#channel.hasSubscribers) this.#channel.publish(event)
    if (this.#emitter.listenerCount('event') === 0) return
    try {
      this.#emitter.emit('event', event)
    } catch (error) {
      // A listener's mistake is not the client's, and must not leave an answer half stored.
      this.onListenerError(error)
    }
  }
}
