import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PROFILES, type ProfileName } from './core/types.js'
import type { Listing, Lookup, Page, StoredEntry } from './ops/admin/source.js'
import { decodeMeta } from './tiers/file/meta.js'
import { bodyName, folderOf, FORMAT, locationOf, metaName, placeOf } from './tiers/file/names.js'
import type { Held, MemoryTier } from './tiers/memory.js'

/** What lies where, for people. Looking is not using: nothing stays longer because somebody looked at it. */
export class Inventory {
  constructor(
    private readonly memory: MemoryTier,
    /** Where the files lie. */
    private readonly dir: string | undefined,
  ) {}

  /** Every place where something lies under a key. */
  async find(key: string): Promise<StoredEntry[]> {
    const held = this.memory.peek(key)
    const { folder, digest } = placeOf(key)
    const filed = await this.#read(folder, digest)
    return [held && inMemory(held), filed?.key === key ? filed : undefined].filter(entry => entry !== undefined)
  }

  async list(lookup: Lookup, page: Page): Promise<Listing> {
    return lookup.tier === 'file' ? this.#listFiles(lookup.tag, page) : this.#listMemory(lookup, page)
  }

  #listMemory({ profile, tag }: Lookup, { offset, limit }: Page): Listing {
    const found: StoredEntry[] = []
    let skipped = 0
    for (const held of this.#held(profile === undefined ? PROFILES : [profile])) {
      if (tag !== undefined && !held.entry.tags.includes(tag)) continue
      if (skipped++ < offset) continue
      if (found.length === limit) return { entries: found, hasMore: true }
      found.push(inMemory(held))
    }
    return { entries: found, hasMore: false }
  }

  *#held(profiles: readonly ProfileName[]): Iterable<Held> {
    for (const profile of profiles) yield* this.memory.list(profile)
  }

  /** The files of one movie, or of none: they share a folder, and the whole directory is never walked for a page. */
  async #listFiles(tag: string | undefined, { offset, limit }: Page): Promise<Listing> {
    const movie = tag === undefined ? undefined : /^movie:(.*)$/s.exec(tag)?.[1]
    const folder = folderOf(movie)
    const names = this.dir === undefined ? [] : await readdir(join(this.dir, FORMAT, folder)).catch(() => [])
    const digests = names.filter(name => name.endsWith('.meta')).map(name => name.slice(0, -'.meta'.length))
    const wanted = digests.sort().slice(offset, offset + limit)
    const read = await Promise.all(wanted.map(digest => this.#read(folder, digest)))
    const entries = read.filter(entry => entry !== undefined)
    return { entries, hasMore: digests.length > offset + limit }
  }

  async #read(folder: string, digest: string): Promise<StoredEntry | undefined> {
    if (this.dir === undefined) return undefined
    const root = join(this.dir, FORMAT, folder)
    const raw = await readFile(join(root, metaName(digest))).catch(() => undefined)
    const meta = raw === undefined ? undefined : decodeMeta(raw)
    if (meta === undefined) return undefined
    const path = join(root, bodyName(locationOf(meta)))
    return { ...meta, etag: meta.etag ?? undefined, tier: 'file', bodyBytes: meta.size, uses: undefined, path }
  }
}

const inMemory = ({ entry, uses }: Held): StoredEntry => {
  const { body, ...others } = entry
  return { ...others, tier: 'memory', bodyBytes: body.length, uses, path: undefined }
}
