import type { CacheEntry, HeaderMap } from '../core/types.js'

/** What follows from a route and from how its handler answers: many entries have it alike. */
export type Kind = Pick<
  CacheEntry,
  | 'profile'
  | 'status'
  | 'headers'
  | 'removed'
  | 'initialAge'
  | 'explicit'
  | 'asOf'
  // Hardly any entry has these.
  | 'chunkEnds'
  | 'variants'
>

/** So many kinds are remembered. An entry of another has its kind for itself. */
const MOST_RECENT = 32

/** Gives entries that are alike one kind to share, in place of a header and more of its own for each. */
export class Kinds {
  /** The newest last. */
  readonly #recent: Kind[] = []

  of(entry: CacheEntry): Kind {
    const known = this.#recent.find(kind => isAlike(kind, entry))
    if (known !== undefined) return known
    const { profile, status, headers, removed, initialAge, explicit, asOf, chunkEnds, variants } = entry
    const kind = { profile, status, headers, removed, initialAge, explicit, asOf, chunkEnds, variants }
    this.#recent.push(kind)
    if (this.#recent.length > MOST_RECENT) this.#recent.shift()
    return kind
  }
}

const isAlike = (one: Kind, other: Kind): boolean =>
  one.profile === other.profile &&
  one.status === other.status &&
  one.initialAge === other.initialAge &&
  one.explicit === other.explicit &&
  one.asOf === other.asOf &&
  one.chunkEnds === other.chunkEnds &&
  one.variants === other.variants &&
  isSameList(one.removed, other.removed) &&
  isSameHeader(one.headers, other.headers)

/** With the same names in the same order: hits send them so. */
function isSameHeader(one: HeaderMap, other: HeaderMap): boolean {
  const names = Object.keys(one)
  return isSameList(names, Object.keys(other)) && names.every(name => isSameValue(one[name]!, other[name]!))
}

const isSameValue = (one: string | readonly string[], other: string | readonly string[]): boolean =>
  one === other || (typeof one === 'object' && typeof other === 'object' && isSameList(one, other))

const isSameList = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((value, at) => value === other[at])
