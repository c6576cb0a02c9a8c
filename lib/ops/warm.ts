import { setImmediate as turn } from 'node:timers/promises'
import type { Send } from '../core/exchange.js'
import type { Milliseconds } from '../core/types.js'
import type { ResolvedWarm } from './warm/options.js'
import { outcomeOf, type Outcome } from './warm/outcome.js'
import { Pace } from './warm/pace.js'
import { count, newReport, type WarmReport } from './warm/report.js'
import { nameOf, parseRequest, type WarmRequest } from './warm/request.js'

/** Requests one after the other; of a generator only as many are made as are sent. */
export type WarmRequests = Iterable<WarmRequest> | AsyncIterable<WarmRequest>

/** Sends requests, a few at a time, and counts what comes of them. Rejects with what the list or `onProgress` throws. */
export function warm(send: Send, requests: WarmRequests, options: ResolvedWarm): Promise<WarmReport> {
  return new Warming(send, options).run(requests)
}

class Warming {
  readonly #report = newReport()
  readonly #pace: Pace
  readonly #stop = new AbortController()
  /** One for each request under way. */
  readonly #running = new Set<AbortController>()
  /** Called when one of them is over. */
  #wake: (() => void) | undefined
  #error: { readonly thrown: unknown } | undefined

  constructor(
    private readonly send: Send,
    private readonly options: ResolvedWarm,
  ) {
    this.#pace = new Pace(options.rate)
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted
  }

  async run(requests: WarmRequests): Promise<WarmReport> {
    const { signal } = this.options
    const since = performance.now()
    const abort = (): void => this.#abort()
    if (signal?.aborted === true) abort()
    signal?.addEventListener('abort', abort)
    try {
      await this.#sendAll(requests)
    } catch (error) {
      this.#fail(error)
    }
    while (this.#running.size > 0) await this.#change()
    signal?.removeEventListener('abort', abort)
    if (this.#error !== undefined) throw this.#error.thrown
    return Object.assign(this.#report, { milliseconds: performance.now() - since, aborted: this.#isStopped() })
  }

  async #sendAll(requests: WarmRequests): Promise<void> {
    const iterator = Symbol.asyncIterator in requests ? requests[Symbol.asyncIterator]() : requests[Symbol.iterator]()
    while (!this.#isStopped()) {
      while (this.#running.size >= this.options.concurrency) await this.#change()
      if (this.#isStopped()) break
      const next = await unlessAborted(this.#stop.signal, Promise.resolve(iterator.next()))
      if (next?.done === true) return
      if (next === undefined) break
      await this.#sleep(this.#pace.take(performance.now()))
      // One at a turn: whatever else the process does comes in between.
      await turn()
      if (!this.#isStopped()) void this.#run(next.value)
    }
    // Not waited for: it may hang where the next request does.
    void Promise.resolve(iterator.return?.()).catch(() => undefined)
  }

  /** Sends one, and sees it to its end. */
  async #run(request: WarmRequest): Promise<void> {
    const { timeout, onProgress } = this.options
    const controller = new AbortController()
    this.#running.add(controller)
    const timer = setTimeout(() => controller.abort(), timeout)
    try {
      const outcome = await this.#outcomeOf(request, controller.signal)
      // What was broken off has come to nothing.
      if (!this.#isStopped()) await onProgress(count(this.#report, nameOf(request), outcome))
    } catch (error) {
      this.#fail(error)
    }
    clearTimeout(timer)
    this.#running.delete(controller)
    this.#wake?.()
  }

  async #outcomeOf(request: WarmRequest, signal: AbortSignal): Promise<Outcome> {
    try {
      const reply = await unlessAborted(signal, this.send(parseRequest(request, this.options), signal))
      return reply === undefined
        ? { is: 'failed', reason: `no answer within ${this.options.timeout} ms` }
        : outcomeOf(reply)
    } catch (error) {
      return { is: 'failed', reason: reasonOf(error) }
    }
  }

  #fail(thrown: unknown): void {
    this.#error ??= { thrown }
    this.#abort()
  }

  #abort(): void {
    this.#stop.abort()
    for (const controller of this.#running) controller.abort()
  }

  /** Until one of those under way is over. */
  #change(): Promise<void> {
    return new Promise(resolve => (this.#wake = resolve))
  }

  #sleep(span: Milliseconds): Promise<void> {
    return new Promise(resolve => {
      if (span === 0) return resolve()
      const timer = setTimeout(wake, span)
      const { signal } = this.#stop
      signal.addEventListener('abort', wake)
      function wake(): void {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        resolve()
      }
    })
  }
}

/** Where a name has several addresses, Node's error says nothing but its code. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message === '' && 'code' in error ? String(error.code) : error.message
}

/** What the promise brings, or undefined once the signal has aborted: nobody waits for what may never come. */
function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => resolve(undefined)
    signal.addEventListener('abort', giveUp)
    const clear = (): void => signal.removeEventListener('abort', giveUp)
    promise.finally(clear).then(resolve, reject)
  })
}
