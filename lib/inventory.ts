import { movieOf, tagsOf } from './core/tags.js'
import { PROFILES, type CacheEntry, type ProfileName } from './core/types.js'
import type { Listing, Lookup, MovieUses, Page, StoredEntry } from './ops/admin/source.js'
import type { FiledEntry, FileTier } from './tiers/file/tier.js'
import type { MemoryTier } from './tiers/memory.js'
import type { RedisTier } from './tiers/redis/tier.js'
import type { Held } from './tiers/slots.js'

const TOP_MOVIES = 10
/** In each profile so many entries, the ones used last, are looked at to tell which movies were asked for most. */
const LOOKED_AT = 2_500

/** What lies where, for people. Looking is not using: nothing stays longer because somebody looked at it. */
export class Inventory {
  constructor(
    private readonly memory: MemoryTier,
    private readonly files: FileTier | undefined,
    private readonly redis: RedisTier | undefined,
  ) {}

  /** Every place where something lies under a key. */
  async find(key: string): Promise<StoredEntry[]> {
    const held = this.memory.peek(key)
    const filed = await this.files?.peek(key)
    const shared = await this.redis?.get(key)
    return [held && inMemory(held), filed && inFiles(filed), shared && inStore(shared)].filter(
      entry => entry !== undefined,
    )
  }

  async list(lookup: Lookup, page: Page): Promise<Listing> {
    return lookup.tier === 'file' ? this.#listFiles(lookup.tag, page) : this.#listMemory(lookup, page)
  }

  /** Counted from what memory holds, so that a hit pays nothing for it. */
  topMovies(): MovieUses[] {
    const byMovie = new Map<string, MovieUses>()
    for (const profile of PROFILES) {
      let looked = 0
      for (const { entry, bytes, uses } of this.memory.list(profile)) {
        if (looked++ === LOOKED_AT) break
        const movie = movieOf(entry)
        // The index of variants is asked for whenever one of them is.
        if (movie === undefined || entry.variants !== undefined) continue
        const sum = byMovie.get(movie) ?? { movie, uses: 0, entries: 0, bytes: 0 }
        byMovie.set(movie, { movie, uses: sum.uses + uses, entries: sum.entries + 1, bytes: sum.bytes + bytes })
      }
    }
    return [...byMovie.values()].sort((a, b) => b.uses - a.uses || b.bytes - a.bytes).slice(0, TOP_MOVIES)
  }

  #listMemory({ profile, tag }: Lookup, { offset, limit }: Page): Listing {
    const found: StoredEntry[] = []
    let skipped = 0
    for (const key of this.#keys(profile === undefined ? PROFILES : [profile])) {
      if (tag !== undefined && !tagsOf(this.memory.tagged(key)).includes(tag)) continue
      if (skipped++ < offset) continue
      if (found.length === limit) return { entries: found, hasMore: true }
      found.push(inMemory(this.memory.peek(key)!))
    }
    return { entries: found, hasMore: false }
  }

  *#keys(profiles: readonly ProfileName[]): Iterable<string> {
    for (const profile of profiles) yield* this.memory.keys(profile)
  }

  async #listFiles(tag: string | undefined, page: Page): Promise<Listing> {
    const movie = tag === undefined ? undefined : /^movie:(.*)$/s.exec(tag)?.[1]
    const listed = await this.files?.list(movie, page)
    return { entries: (listed?.entries ?? []).map(inFiles), hasMore: listed?.hasMore ?? false }
  }
}

const inMemory = ({ entry, uses }: Held): StoredEntry => {
  const { body, ...others } = entry
  return { ...others, tier: 'memory', bodyBytes: body.length, uses, path: undefined }
}

const inStore = ({ body, ...others }: CacheEntry): StoredEntry => ({
  ...others,
  ...{ tier: 'redis', bodyBytes: body.length, uses: undefined, path: undefined },
})

const inFiles = ({ meta, path }: FiledEntry): StoredEntry => ({
  ...meta,
  ...{ etag: meta.etag ?? undefined, tier: 'file', bodyBytes: meta.size, uses: undefined, path },
})
