/** Gives a place back; a second call does nothing. */
export type GiveBack = () => void

/** So many at a time, and no more. */
export class Places {
  #taken = 0

  constructor(private readonly max: number) {}

  get taken(): number {
    return this.#taken
  }

  /** Undefined: none is free. */
  take(): GiveBack | undefined {
    if (this.#taken >= this.max) return undefined
    this.#taken++
    let isMine = true
    return () => {
      if (isMine) this.#taken--
      isMine = false
    }
  }
}
