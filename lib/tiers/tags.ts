import { profileOfTag } from '../core/profile-tags.js'

/**
 * Which keys carry a tag. Holds nothing but what is stored: an entry that leaves takes its places with it. Tags of profiles are left out: each
 * profile has a room of its own.
 */
export class TagIndex {
  /** Most tags are of one key alone, a URL's: it stands there without a set of its own, which would take more memory than the key. */
  readonly #keys = new Map<string, string | Set<string>>()

  add(key: string, tags: readonly string[]): void {
    for (const tag of tags) {
      if (profileOfTag(tag) !== undefined) continue
      const keys = this.#keys.get(tag)
      if (keys === undefined) this.#keys.set(tag, key)
      else if (typeof keys !== 'string') keys.add(key)
      else if (keys !== key) this.#keys.set(tag, new Set([keys, key]))
    }
  }

  remove(key: string, tags: readonly string[]): void {
    for (const tag of tags) {
      if (profileOfTag(tag) !== undefined) continue
      const keys = this.#keys.get(tag)
      const isLast = typeof keys === 'string' ? keys === key : keys?.delete(key) === true && keys.size === 0
      if (isLast) this.#keys.delete(tag)
    }
  }

  keys(tag: string): readonly string[] {
    const keys = this.#keys.get(tag)
    return typeof keys === 'string' ? [keys] : [...(keys ?? [])]
  }

  get size(): number {
    return this.#keys.size
  }
}
