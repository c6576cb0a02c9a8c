import { AsyncResource } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import type { CacheEvent, CacheEventListener } from './events.js'

/** What tracing tools subscribe to: every event of every cache in the process. */
export const CHANNEL = 'reelcache:event'

/** Tells everybody who listens what happened. Where nobody does, an event costs two comparisons. */
export class EventStream {
  readonly #emitter = new EventEmitter({ captureRejections: true })
  readonly #channel = channel(CHANNEL)
  #isListenedTo = false

  constructor(private readonly onListenerError: (error: unknown) => void) {
    // Where the emitter leaves what an async listener rejects with.
    Object.assign(this.#emitter, { [Symbol.for('nodejs.rejection')]: onListenerError })
  }

  /** Somebody hears what is sent now. */
  get isHeard(): boolean {
    return this.#isListenedTo || this.#channel.hasSubscribers
  }

  /** The listener runs in the async context in which it was added, and not in that of the request that made the event. */
  on(listener: CacheEventListener): void {
    // By this property `off` finds it.
    this.#emitter.on('event', Object.assign(AsyncResource.bind(listener), { listener }))
    this.#isListenedTo = true
  }

  off(listener: CacheEventListener): void {
    this.#emitter.off('event', listener)
    this.#isListenedTo = this.#emitter.listenerCount('event') > 0
  }

  send(event: CacheEvent): void {
    if (this.#channel.hasSubscribers) this.#channel.publish(event)
    if (!this.#isListenedTo) return
    try {
      this.#emitter.emit('event', event)
    } catch (error) {
      // A listener's mistake is not the client's, and must not leave an answer half stored.
      this.onListenerError(error)
    }
  }
}
