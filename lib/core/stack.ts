import { isFresh } from './entry.js'
import { chain, isPromise } from './maybe.js'
import type { CacheEntry, Clock, MaybePromise, Tier } from './types.js'

/** Whether a purge throws this entry out. */
type Purge = (entry: CacheEntry) => boolean

/**
 * Several tiers as one, the fastest first. A read stops at the first fresh entry and brings it up to the faster tiers. A tier that fails is
 * passed over: the cache may fail, the app may not.
 */
export class Stack implements Tier {
  readonly name: string
  readonly maxEntryBytes: number
  /** Reads under way, each with the purges that came meanwhile: what one of them concerns is neither served nor brought up. */
  readonly #reads = new Set<Purge[]>()

  constructor(
    private readonly tiers: readonly Tier[],
    private readonly clock: Clock,
    private readonly onError: (tier: string, error: unknown) => void,
  ) {
    this.name = tiers.map(tier => tier.name).join('+')
    this.maxEntryBytes = Math.max(...tiers.map(tier => tier.maxEntryBytes))
  }

  get(key: string): MaybePromise<CacheEntry | undefined> {
    const purges: Purge[] = []
    const found = this.#search(key, 0, undefined, purges)
    if (!isPromise(found)) return found
    this.#reads.add(purges)
    return found.finally(() => this.#reads.delete(purges))
  }

  set(entry: CacheEntry): MaybePromise<boolean> {
    return this.#each(
      false,
      tier => tier.set(entry),
      (one, other) => one || other,
    )
  }

  delete(key: string): MaybePromise<boolean> {
    this.#tellReads(entry => entry.key === key)
    return this.#each(
      false,
      tier => tier.delete(key),
      (one, other) => one || other,
    )
  }

  deleteTag(tag: string): MaybePromise<number> {
    this.#tellReads(entry => entry.tags.includes(tag))
    return this.#each(0, tier => tier.deleteTag(tag), Math.max)
  }

  clear(): MaybePromise<number> {
    this.#tellReads(() => true)
    return this.#each(0, tier => tier.clear(), Math.max)
  }

  close(): MaybePromise<void> {
    return this.#each(
      undefined,
      tier => tier.close?.(),
      () => undefined,
    )
  }

  /** A stale entry is the answer only when no slower tier holds a fresh one: memory forgets sooner than files do. */
  #search(
    key: string,
    index: number,
    stale: CacheEntry | undefined,
    purges: readonly Purge[],
  ): MaybePromise<CacheEntry | undefined> {
    const tier = this.tiers[index]
    const isPurged = (entry: CacheEntry): boolean => purges.some(concerns => concerns(entry))
    if (tier === undefined) return stale === undefined || isPurged(stale) ? undefined : stale
    const found = this.#attempt(undefined, tier, () => tier.get(key))
    return chain(found, entry => {
      const isAnswer = entry !== undefined && (entry.variants !== undefined || isFresh(entry, this.clock.now()))
      if (!isAnswer || isPurged(entry)) return this.#search(key, index + 1, stale ?? entry, purges)
      for (const faster of this.tiers.slice(0, index)) void this.#attempt(false, faster, () => faster.set(entry))
      return entry
    })
  }

  #tellReads(purge: Purge): void {
    for (const purges of this.#reads) purges.push(purge)
  }

  /** Asks every tier at once, and puts their answers together. */
  #each<T>(failed: T, work: (tier: Tier) => MaybePromise<T>, combine: (one: T, other: T) => T): MaybePromise<T> {
    const results = this.tiers.map(tier => this.#attempt(failed, tier, () => work(tier)))
    return results.reduce((sum, result) => chain(sum, one => chain(result, other => combine(one, other))))
  }

  #attempt<T>(failed: T, tier: Tier, work: () => MaybePromise<T>): MaybePromise<T> {
    const fail = (error: unknown): T => {
      this.onError(tier.name, error)
      return failed
    }
    try {
      const result = work()
      return isPromise(result) ? result.catch(fail) : result
    } catch (error) {
      return fail(error)
    }
  }
}
