/** Which keys carry a tag. Holds nothing but what is stored: an entry that leaves takes its places with it. */
export class TagIndex {
  readonly #keys = new Map<string, Set<string>>()

  add(key: string, tags: readonly string[]): void {
    for (const tag of tags) {
      const keys = this.#keys.get(tag)
      if (keys === undefined) this.#keys.set(tag, new Set([key]))
      else keys.add(key)
    }
  }

  remove(key: string, tags: readonly string[]): void {
    for (const tag of tags) {
      const keys = this.#keys.get(tag)
      if (keys?.delete(key) === true && keys.size === 0) this.#keys.delete(tag)
    }
  }

  keys(tag: string): readonly string[] {
    return [...(this.#keys.get(tag) ?? [])]
  }

  get size(): number {
    return this.#keys.size
  }
}
