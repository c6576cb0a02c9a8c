import { tagsOf } from '../../core/tags.js'
import type { CacheEntry } from '../../core/types.js'
import { VARIANT } from '../../core/variants.js'
import { instantOf, isAfter, later, type PurgeId } from './purge-ids.js'

/** What a purge throws out: everything, a key with its variants (`key:api 603 …`), or what carries a tag (`movie:603`). */
export type Purged = string

export const ALL: Purged = 'all'
/** The answers of all URLs. */
export const ALL_URLS: Purged = 'url:'
export const isUrl = (purged: Purged): boolean => purged.startsWith(ALL_URLS)
export const keyPurged = (key: string): Purged => `key:${key}`
/** The key that is meant; undefined where something else is. */
export const keyOf = (purged: Purged): string | undefined =>
  purged.startsWith('key:') ? purged.slice('key:'.length) : undefined

/** Purges kept in the log and in our memory. */
export const MOST_PURGES = 10_000
/** Purges that wait for the store; more are one of everything that this log speaks of. */
const MOST_OWED = 1_000

/** How far apart two machines' clocks may be. */
const CLOCK_DIFFERENCE = 60_000

/** A purge that was made here, and that no other machine has been told of. */
export interface OwedPurge {
  readonly purged: Purged
  /** It is being told: nobody else need do it. */
  isUnderWay: boolean
}

/** What is to be known of an entry to say whether a purge has thrown it out. */
export type Judged = Pick<CacheEntry, 'key' | 'movie' | 'storedAt' | 'asOf'>

/** The purges of all machines, as far as this one knows; says which entries they have thrown out. */
export class KnownPurges {
  /** The latest of each, the oldest first. */
  readonly #latest = new Map<Purged, PurgeId>()
  readonly #owed = new Set<OwedPurge>()
  /** What was purged before it is not known any more. */
  #since: PurgeId | undefined
  /** Something was purged before it. A log that nobody has cut begins with a message of nothing, and before that there was none. */
  #hasForgotten = false
  #last: PurgeId | undefined
  #own: PurgeId | undefined

  constructor(
    /** All that it may speak of. */
    private readonly everything: Purged = ALL,
  ) {}

  /** The last message that was read. */
  get last(): PurgeId | undefined {
    return this.#last
  }

  /**
   * What an answer is as of whose making begins now. A purge of ours that was acknowledged counts before it is read: all before it had been
   * made when this one was.
   */
  get asOf(): PurgeId | undefined {
    return this.#last === undefined ? undefined : later(this.#last, this.#own)
  }

  /** Purges made here that somebody is to tell the other machines of. */
  get owed(): readonly OwedPurge[] {
    return [...this.#owed].filter(({ isUnderWay }) => !isUnderWay)
  }

  /** Some other machines have not been told of. */
  get isOwing(): boolean {
    return this.#owed.size > 0
  }

  take(id: PurgeId, purged: readonly Purged[]): void {
    if (this.#since === undefined) {
      this.#since = id
      this.#hasForgotten ||= purged.length > 0
    }
    this.#last = later(this.#last, id)
    for (const one of purged) this.#note(one, id)
  }

  /** Until it is settled it counts as later than everything. */
  owe(purged: Purged): OwedPurge {
    // The same once more: it has not been told yet, and will count from when it is.
    const waiting = this.owed.find(one => one.purged === purged || one.purged === this.everything)
    if (waiting !== undefined) {
      waiting.isUnderWay = true
      return waiting
    }
    const isTooMuch = this.#owed.size >= MOST_OWED
    if (isTooMuch) this.#owed.clear()
    const owed = { purged: isTooMuch ? this.everything : purged, isUnderWay: true }
    this.#owed.add(owed)
    return owed
  }

  /** These are in the log; the same thing may be owed once more meanwhile. */
  settle(id: PurgeId, paid: readonly OwedPurge[]): void {
    this.#own = later(this.#own, id)
    for (const one of paid) {
      this.#owed.delete(one)
      this.#note(one.purged, id)
    }
  }

  /** What was read was of a log that is no more, or goes on without us. */
  forget(): void {
    this.#hasForgotten = true
    this.#latest.clear()
    this.#since = this.#last = this.#own = undefined
  }

  /** Whether an entry from the store may be served: no purge that is known of, or may have been forgotten, has thrown it out. */
  allows(entry: Judged): boolean {
    if (entry.asOf === undefined || this.#since === undefined) return false
    if (this.isOutdated(entry)) return false
    // Each read of the store asks this, and seldom is anything owed.
    if (!this.isOwing) return true
    const names = namesOf(entry)
    return ![...this.#owed].some(({ purged }) => names.includes(purged))
  }

  /** Whether a purge has thrown out an entry that is kept on this machine. While none is known of, none has. */
  isOutdated(entry: Judged): boolean {
    const { asOf, storedAt } = entry
    if (this.#since === undefined) return false
    const isLate = (id: PurgeId): boolean =>
      // Stored without a log to go by: what was purged about that time may have come first or last.
      asOf === undefined ? instantOf(id) >= storedAt - CLOCK_DIFFERENCE : isAfter(id, asOf)
    // What is older than a log that begins now is as good as it was: speech that was filed before there was a store.
    if ((asOf !== undefined || this.#hasForgotten) && isLate(this.#since)) return true
    return namesOf(entry).some(name => {
      const id = this.#latest.get(name)
      return id !== undefined && isLate(id)
    })
  }

  #note(purged: Purged, id: PurgeId): void {
    const known = this.#latest.get(purged)
    if (known !== undefined && !isAfter(id, known)) return
    // Taken out first, so that it comes to stand last.
    this.#latest.delete(purged)
    this.#latest.set(purged, id)
    if (this.#latest.size <= MOST_PURGES) return
    const [oldest, forgotten] = this.#latest.entries().next().value!
    this.#latest.delete(oldest)
    this.#since = later(this.#since, forgotten)
    this.#hasForgotten = true
  }
}

/** All that an entry can be purged by; a variant's key is that of its request, and more. */
function namesOf(entry: Judged): Purged[] {
  const { key } = entry
  const end = key.indexOf(VARIANT)
  const tags = tagsOf(entry)
  const ofRequest = end < 0 ? [] : [keyPurged(key.slice(0, end))]
  return [ALL, keyPurged(key), ...ofRequest, ...tags, ...(tags.some(isUrl) ? [ALL_URLS] : [])]
}
