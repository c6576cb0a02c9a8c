import { profileOf } from '../../core/tags.js'
import type { ProfileName } from '../../core/types.js'

/** So many keys are noted before those that have gone are looked for. */
const LEAST_NOTED = 1_024

/** Which of the entries that were stored while warming are still held: a list may be longer than its profile. */
export class Kept {
  #held = new Set<string>()
  #pruneAt = LEAST_NOTED
  /** Entries that went again, by profile. */
  readonly dropped = new Map<ProfileName, number>()

  constructor(private readonly isHeld: (key: string) => boolean) {}

  readonly add = (key: string): void => {
    this.#held.add(key)
    if (this.#held.size < this.#pruneAt) return
    this.#prune()
    // What is held is within the bounds of the cache; so is this, then.
    this.#pruneAt = Math.max(LEAST_NOTED, 2 * this.#held.size)
  }

  count(): number {
    this.#prune()
    return this.#held.size
  }

  #prune(): void {
    const held = new Set<string>()
    for (const key of this.#held) {
      if (this.isHeld(key)) held.add(key)
      else {
        const profile = profileOf(key)!
        this.dropped.set(profile, (this.dropped.get(profile) ?? 0) + 1)
      }
    }
    this.#held = held
  }
}
