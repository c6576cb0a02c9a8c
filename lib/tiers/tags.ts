import { otherTagsOf, type Tagged } from '../core/tags.js'

/**
 * Which keys carry a tag. Holds nothing but what is stored: an entry that leaves takes its places with it. Tags of profiles are left out: each
 * profile has a room of its own.
 */
export class TagIndex {
  /**
   * By a number made of the tag: V8 keeps it in its place, where the texts of all tags would take a seventh of the heap. What numbers share, the
   * keys tell apart. Most are of one key alone, a URL's: it stands there without a set of its own.
   */
  readonly #keys = new Map<number, string | Set<string>>()

  add(tagged: Tagged): void {
    const { key } = tagged
    for (const tag of otherTagsOf(tagged)) {
      const number = numberOf(tag)
      const keys = this.#keys.get(number)
      if (keys === undefined) this.#keys.set(number, key)
      else if (typeof keys !== 'string') keys.add(key)
      else if (keys !== key) this.#keys.set(number, new Set([keys, key]))
    }
  }

  remove(tagged: Tagged): void {
    const { key } = tagged
    for (const tag of otherTagsOf(tagged)) {
      const number = numberOf(tag)
      const keys = this.#keys.get(number)
      const isLast = typeof keys === 'string' ? keys === key : keys?.delete(key) === true && keys.size === 0
      if (isLast) this.#keys.delete(number)
    }
  }

  /** `taggedOf` says what lies under a key. */
  keys(tag: string, taggedOf: (key: string) => Tagged): readonly string[] {
    const keys = this.#keys.get(numberOf(tag)) ?? []
    return (typeof keys === 'string' ? [keys] : [...keys]).filter(key => otherTagsOf(taggedOf(key)).includes(tag))
  }

  get size(): number {
    return this.#keys.size
  }
}

/** FNV-1a, of 32 bits. */
function numberOf(tag: string): number {
  let number = 0x811c9dc5
  for (let at = 0; at < tag.length; at++) number = Math.imul(number ^ tag.charCodeAt(at), 0x01000193)
  return number
}
