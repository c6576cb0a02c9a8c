import type { CacheEvent } from './events.js'
import type { Ending } from './exchange.js'
import { isOfKey } from './variants.js'

/**
 * Follows single requests to their end. `Cache-Status` leaves with the head of an answer; whether a stream was kept, or memory let a body in,
 * shows only afterwards, in events that speak of keys and not of requests.
 */
export class Traces {
  readonly #byRequest = new WeakMap<object, Trace>()
  readonly #open = new Set<Trace>()

  /** `onStored` is told the key of what is stored, which may be that of a variant. */
  begin(req: object, onStored: (key: string) => void): Trace {
    const trace = new Trace(onStored)
    this.#byRequest.set(req, trace)
    this.#open.add(trace)
    return trace
  }

  end(trace: Trace): void {
    this.#open.delete(trace)
  }

  /** The trace of a request that is followed. */
  of(req: object): Trace | undefined {
    return this.#open.size === 0 ? undefined : this.#byRequest.get(req)
  }

  note(event: CacheEvent): void {
    if (this.#open.size === 0) return
    if (event.type === 'stored') this.#settle(event.key, 'stored')
    // A client's HEAD has the same key, and says nothing about the answer to GET; of what another cache takes that one tells.
    else if (event.type === 'refused' && event.reason !== 'head' && event.reason !== 'nested')
      this.#settle(event.key, event.reason)
  }

  #settle(key: string, ending: Ending): void {
    for (const trace of this.#open) if (trace.concerns(key)) trace.settle(ending, key)
  }
}

/** One request on its way. */
export class Trace {
  /** What it is looked up under; undefined: it has not come to the cache, or goes past it. */
  key: string | undefined
  #ending: Ending | undefined
  #tell: (() => void) | undefined
  readonly #settled = new Promise<void>(resolve => (this.#tell = resolve))

  constructor(private readonly onStored: (key: string) => void) {}

  /** What has become of its answer so far. */
  get ending(): Ending | undefined {
    return this.#ending
  }

  /** Resolves with the first that becomes of its answer. */
  async settled(): Promise<Ending> {
    await this.#settled
    return this.#ending!
  }

  concerns(key: string): boolean {
    return this.key !== undefined && isOfKey(key, this.key)
  }

  settle(ending: Ending, key: string): void {
    this.#ending = ending
    if (ending === 'stored') this.onStored(key)
    this.#tell!()
  }
}
