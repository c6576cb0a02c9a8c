import { isFresh, makeEntry } from './entry.js'
import { chain, isPromise } from './maybe.js'
import { tagsOf } from './tags.js'
import type { CacheEntry, Clock, MaybePromise, Tier } from './types.js'

/** Whether a purge throws this entry out. */
type Purge = (entry: CacheEntry) => boolean

/** Purges under way, which stacks that share tiers must know of from each other. */
export class Purges {
  /** Reads under way, each with the purges that came meanwhile: what one of them concerns is neither served nor brought up. */
  readonly reads = new Set<Purge[]>()
  /** Purges that a slower tier has not carried out yet: a read that begins now must know of them too. */
  readonly underWay = new Set<Purge>()

  /** What is being read now, and this concerns, is not served. */
  overtake(purge: Purge): void {
    for (const purges of this.reads) purges.push(purge)
  }
}

/**
 * Several tiers as one, the fastest first. A read stops at the first fresh entry and brings it up to the faster tiers. A tier that fails is
 * passed over: the cache may fail, the app may not.
 */
export class Stack implements Tier {
  readonly name: string
  readonly maxEntryBytes: number
  /** The same reads by key: whoever asks for the same meanwhile gets the same. */
  readonly #underWay = new Map<string, Promise<CacheEntry | undefined>>()
  /** Where an entry was found, unless it was in the fastest tier: there a look at it must not cost anything. */
  readonly #origins = new WeakMap<CacheEntry, string>()

  constructor(
    private readonly tiers: readonly Tier[],
    private readonly clock: Clock,
    private readonly onError: (tier: string, error: unknown) => void,
    private readonly purges = new Purges(),
  ) {
    this.name = tiers.map(tier => tier.name).join('+')
    this.maxEntryBytes = Math.max(...tiers.map(tier => tier.maxEntryBytes))
  }

  get(key: string): MaybePromise<CacheEntry | undefined> {
    const underWay = this.#underWay.get(key)
    if (underWay !== undefined) return underWay
    const purges = [...this.purges.underWay]
    const found = this.#search(key, 0, undefined, purges)
    if (!isPromise(found)) return found
    this.purges.reads.add(purges)
    const shared = found.finally(() => {
      this.purges.reads.delete(purges)
      this.#underWay.delete(key)
    })
    this.#underWay.set(key, shared)
    return shared
  }

  set(entry: CacheEntry): MaybePromise<boolean> {
    return this.#each(
      false,
      tier => tier.set(entry),
      (one, other) => one || other,
    )
  }

  delete(key: string): MaybePromise<boolean> {
    const work = (tier: Tier): MaybePromise<boolean> => tier.delete(key)
    return this.#purge(
      entry => entry.key === key,
      () => this.#each(false, work, (one, other) => one || other),
    )
  }

  deleteTag(tag: string): MaybePromise<number> {
    return this.#purge(
      entry => tagsOf(entry).includes(tag),
      () => this.#each(0, tier => tier.deleteTag(tag), Math.max),
    )
  }

  clear(): MaybePromise<number> {
    return this.#purge(
      () => true,
      () => this.#each(0, tier => tier.clear(), Math.max),
    )
  }

  tierOf(entry: CacheEntry): string {
    return this.#origins.get(entry) ?? this.tiers[0]!.name
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
      if (entry !== undefined && index > 0) this.#origins.set(entry, tier.name)
      if (!isAnswer || isPurged(entry)) return this.#search(key, index + 1, stale ?? entry, purges)
      // As an entry of its own: this one was found here, and what will be found there was not.
      for (const faster of this.tiers.slice(0, index))
        void this.#attempt(false, faster, () => faster.set(makeEntry(entry)))
      return entry
    })
  }

  #purge<T>(purge: Purge, work: () => MaybePromise<T>): MaybePromise<T> {
    this.purges.overtake(purge)
    this.purges.underWay.add(purge)
    return chain(work(), result => {
      this.purges.underWay.delete(purge)
      return result
    })
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
