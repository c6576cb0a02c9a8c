import { printable } from '../core/printable.js'
import type { Clock, Milliseconds } from '../core/types.js'

/** What a tier does; each kind fails and recovers by itself. */
export type Work = 'read' | 'write' | 'remove' | 'sweep' | 'purge' | 'connect'

/** After a failure, writes and sweeps rest for so long: a full disk costs nothing. */
const REST = 1_000

/** What is off at the moment. */
export class Failures {
  count = 0
  readonly #failing = new Map<Work, { readonly text: string; readonly at: Milliseconds }>()

  constructor(
    private readonly clock: Clock,
    private readonly report: (error: unknown) => void,
  ) {}

  failed(work: Work, error: unknown): void {
    this.count++
    this.#failing.set(work, { text: textOf(error), at: this.clock.now() })
    this.report(error)
  }

  worked(work: Work): void {
    this.#failing.delete(work)
  }

  mayTry(work: Work): boolean {
    const failing = this.#failing.get(work)
    if (failing === undefined) return true
    // A clock set back must not make the rest longer.
    const passed = this.clock.now() - failing.at
    return passed < 0 || passed >= REST
  }

  /** `ENOSPC: no space left on device, write` */
  get text(): string | undefined {
    return this.#failing.size === 0 ? undefined : [...this.#failing.values()].map(({ text }) => text).join('; ')
  }
}

const textOf = (error: unknown): string =>
  printable(typeof error === 'object' && error !== null && 'message' in error ? error.message : error)
