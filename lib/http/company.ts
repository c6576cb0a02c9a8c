import type { GiveBack, Places } from '../core/places.js'

/** What is asked of a run of a handler whose client may leave. */
export interface Run {
  /** Somebody else reads its answer, or waits for it. */
  readonly hasCompany: boolean
  /** It may go on for nobody, because what it makes is kept. */
  readonly isKept: boolean
}

/**
 * Whether a handler goes on without its client: always where somebody else has a use for its answer, otherwise only where it is kept and few
 * others run for nobody.
 */
export class Company {
  #giveBack: GiveBack | undefined

  constructor(
    private readonly run: Run,
    private readonly places: Places,
  ) {}

  /** To be asked when the client leaves, and whenever somebody comes or goes afterwards. */
  mayGoOn(): boolean {
    const { hasCompany, isKept } = this.run
    if (hasCompany || !isKept) {
      this.leave()
      return hasCompany
    }
    this.#giveBack ??= this.places.take()
    return this.#giveBack !== undefined
  }

  /** The run is over. */
  leave(): void {
    this.#giveBack?.()
    this.#giveBack = undefined
  }
}
