import { tagsOf, type Tagged } from '../../core/tags.js'
import type { CacheEntry, Clock, Milliseconds } from '../../core/types.js'

/** What to remove: one key, what carries a tag, or all. */
export type Purge = { readonly key: string } | { readonly tag: string } | 'all'

/** More than so many purges that wait, and everything is to go. */
const MAX_OWED = 4_096

type Purgeable = Pick<CacheEntry, 'key' | 'movie' | 'storedAt'>

export const concerns = (purge: Purge, tagged: Tagged): boolean =>
  purge === 'all' || ('key' in purge ? purge.key === tagged.key : tagsOf(tagged).includes(purge.tag))

/** Purges that the file system refused to carry out. What they concern is not served, and sweeps try them again. */
export class OwedPurges {
  readonly #owed = new Map<string, { readonly purge: Purge; readonly at: Milliseconds }>()

  constructor(private readonly clock: Clock) {}

  add(purge: Purge): void {
    const owed = this.#owed.size >= MAX_OWED ? 'all' : purge
    if (owed === 'all') this.#owed.clear()
    this.#owed.set(JSON.stringify(owed), { purge: owed, at: this.clock.now() })
  }

  settle(purge: Purge): void {
    this.#owed.delete(JSON.stringify(purge))
  }

  /** Whether an entry should have gone; one that was stored since may stay. */
  concern(entry: Purgeable): boolean {
    for (const { purge, at } of this.#owed.values()) if (entry.storedAt <= at && concerns(purge, entry)) return true
    return false
  }

  list(): Purge[] {
    return [...this.#owed.values()].map(({ purge }) => purge)
  }
}
