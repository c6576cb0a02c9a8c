import { LRUCache } from 'lru-cache'
import { entrySize, LARGEST_ENTRY_SHARE } from '../core/entry.js'
import { Marks } from '../core/marks.js'
import type { EvictionCause } from '../core/outcomes.js'
import { profileOf, profileOfTag, type Tagged } from '../core/tags.js'
import {
  mapProfiles,
  PROFILES,
  type CacheEntry,
  type Clock,
  type Milliseconds,
  type ProfileName,
  type Tier,
} from '../core/types.js'
import { Slots, type Held } from './slots.js'
import { TagIndex } from './tags.js'

/** Above this part of the budget a body must be seen twice before it may push others out. */
const SECOND_SIGHTING_SHARE = 1 / 512
const GHOSTS = 4_096
const GHOST_SPAN = 3_600_000

/**
 * How much of a full budget each profile may keep. Below its floor nobody takes from it; `tts` above its ceiling pays first, because one
 * play of speech would otherwise wash out hundreds of JSON answers.
 */
const FLOOR: Readonly<Record<ProfileName, number>> = { api: 0.1, enhanced: 0.15, ai: 0.15, tts: 0 }
const CEILING: Readonly<Partial<Record<ProfileName, number>>> = { tts: 0.5 }

export interface MemoryOptions {
  /** Bytes all profiles together may take: bodies, headers, keys and overhead. */
  readonly maxBytes: number
  /** Entries each profile may hold. */
  readonly maxEntries: Readonly<Record<ProfileName, number>>
  readonly clock: Clock
  readonly onEvict?: (gone: Gone, cause: EvictionCause, age: Milliseconds) => void
  readonly onExpire?: (gone: Gone) => void
  /** Told of each entry that goes, for whatever cause. */
  readonly onGone?: (key: string) => void
}

/** Whose entry has gone. The entry itself would have to be put together only to be dropped. */
type Gone = Pick<CacheEntry, 'profile' | 'key'>

interface Room {
  /** The least recently used first to go. */
  readonly slots: LRUCache<string, number>
  bytes: number
}

/** The one memory of the cache: an LRU per profile, all drawing on one budget of bytes. */
export class MemoryTier implements Tier {
  readonly name = 'memory'
  readonly maxEntryBytes: number
  readonly #rooms: Readonly<Record<ProfileName, Room>>
  readonly #slots = new Slots()
  readonly #tags = new TagIndex()
  readonly #ghosts: Marks
  #bytes = 0
  /** The credit of the last victim. Whatever comes or is used starts from here, so that old glory fades. */
  #inflation = 0
  #evicting: EvictionCause = 'entries'

  constructor(private readonly options: MemoryOptions) {
    this.maxEntryBytes = Math.floor(options.maxBytes * LARGEST_ENTRY_SHARE)
    this.#ghosts = new Marks(options.clock, GHOSTS)
    this.#rooms = mapProfiles(name => this.#room(name))
  }

  get(key: string): CacheEntry | undefined {
    // Keys begin with their profile: one look at the text tells the room.
    const slot = this.#rooms[profileOf(key)!].slots.get(key)
    return slot === undefined ? undefined : this.#slots.use(slot, this.#inflation)
  }

  set(entry: CacheEntry): boolean {
    const bytes = entrySize(entry)
    const room = this.#rooms[entry.profile]
    // Whatever becomes of the new answer, the old one is out of date.
    const known = this.delete(entry.key)
    if (bytes > this.maxEntryBytes) return false
    const full = this.#bytes + bytes > this.options.maxBytes
    if (full && !known && !this.#admits(entry)) return false
    this.#makeRoom(bytes)
    this.#evicting = 'entries'
    room.slots.set(entry.key, this.#slots.add(entry, bytes, this.options.clock.now(), this.#inflation))
    room.bytes += bytes
    this.#bytes += bytes
    this.#tags.add(entry)
    return true
  }

  delete(key: string): boolean {
    return this.#rooms[profileOf(key)!].slots.delete(key)
  }

  deleteTag(tag: string): number {
    const profile = profileOfTag(tag)
    if (profile !== undefined) return this.clearProfile(profile)
    return this.#tags.keys(tag, key => this.tagged(key)).filter(key => this.delete(key)).length
  }

  clear(): number {
    const entries = this.entries
    for (const { slots } of Object.values(this.#rooms)) slots.clear()
    return entries
  }

  /** Removes one profile's entries. */
  clearProfile(profile: ProfileName): number {
    const { slots } = this.#rooms[profile]
    const entries = slots.size
    slots.clear()
    return entries
  }

  /** Removes what has expired in one profile. */
  sweep(profile: ProfileName): void {
    const now = this.options.clock.now()
    const { slots } = this.#rooms[profile]
    const expired: string[] = []
    for (const [key, slot] of slots.entries()) {
      if (now >= this.#slots.deleteAt(slot)) expired.push(key)
    }
    for (const key of expired) {
      slots.delete(key)
      this.options.onExpire?.({ profile, key })
    }
  }

  get entries(): number {
    return Object.values(this.#rooms).reduce((sum, room) => sum + room.slots.size, 0)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** What one profile holds, the most recently used first. To look is not to use. */
  *list(profile: ProfileName): Iterable<Held> {
    for (const slot of this.#rooms[profile].slots.values()) yield this.#slots.held(slot)
  }

  /** The keys of what one profile holds, in the same order: no entry is put together for them. */
  keys(profile: ProfileName): Iterable<string> {
    return this.#rooms[profile].slots.keys()
  }

  /** Whether something is held under a key. To look is not to use. */
  has(key: string): boolean {
    const profile = profileOf(key)
    return profile !== undefined && this.#rooms[profile].slots.has(key)
  }

  /** What is held under a key. To look is not to use. */
  peek(key: string): Held | undefined {
    const profile = profileOf(key)
    const slot = profile && this.#rooms[profile].slots.peek(key)
    return slot === undefined ? undefined : this.#slots.held(slot)
  }

  /** What the tags of an entry follow from, which need not be put together for it. */
  tagged(key: string): Tagged {
    const profile = profileOf(key)
    const slot = profile && this.#rooms[profile].slots.peek(key)
    return { key, movie: slot === undefined ? undefined : this.#slots.movie(slot) }
  }

  /** What one profile holds now. */
  usage(profile: ProfileName): { entries: number; bytes: number } {
    const room = this.#rooms[profile]
    return { entries: room.slots.size, bytes: room.bytes }
  }

  #room(profile: ProfileName): Room {
    const room: Room = {
      bytes: 0,
      slots: new LRUCache<string, number>({
        max: this.options.maxEntries[profile],
        dispose: (slot, key, reason) => {
          const movie = this.#slots.movie(slot)
          const { bytes, since } = this.#slots.remove(slot)
          room.bytes -= bytes
          this.#bytes -= bytes
          this.#tags.remove({ key, movie })
          this.options.onGone?.(key)
          if (reason === 'evict') {
            const age = this.options.clock.now() - since
            this.options.onEvict?.({ profile, key }, this.#evicting, age)
          }
        },
      }),
    }
    return room
  }

  /** While there is room everything enters. Then a large body must come twice: a storm of unique speech passes by. */
  #admits(entry: CacheEntry): boolean {
    if (entry.body.length <= this.options.maxBytes * SECOND_SIGHTING_SHARE) return true
    if (this.#ghosts.has(entry.key)) {
      this.#ghosts.unmark(entry.key)
      return true
    }
    this.#ghosts.mark(entry.key, GHOST_SPAN)
    return false
  }

  #makeRoom(bytes: number): void {
    this.#evicting = 'bytes'
    while (this.#bytes + bytes > this.options.maxBytes) {
      const victim = this.#victim()
      if (victim === undefined) return
      const { slots } = this.#rooms[victim]
      this.#inflation = Math.max(this.#inflation, this.#slots.credit(slots.rvalues().next().value!))
      slots.pop()
    }
  }

  /** The profile whose least recently used entry goes: above its ceiling, or above its floor and with the least credit. */
  #victim(): ProfileName | undefined {
    const budget = this.options.maxBytes
    let victim: ProfileName | undefined
    let least = Infinity
    for (const name of PROFILES) {
      const { slots, bytes } = this.#rooms[name]
      const tail = slots.rvalues().next().value
      if (tail === undefined) continue
      if (bytes > budget * (CEILING[name] ?? Infinity)) return name
      const credit = this.#slots.credit(tail)
      if (bytes > budget * FLOOR[name] && credit < least) {
        least = credit
        victim = name
      }
    }
    return victim
  }
}
