import { constants } from 'node:fs'
import { repeat } from '../../core/repeat.js'
import { awaited } from '../../core/awaited.js'
import type { CacheEvent } from '../../core/events.js'
import { staleAtOf } from '../../core/entry.js'
import { movieOf, movieTag, profileOfTag } from '../../core/tags.js'
import type { CacheEntry, Clock, Milliseconds, Tier, TierUsage } from '../../core/types.js'
import { sha256OfBody } from '../digest.js'
import { EntryFiles, type Loaded, type Place } from './entry-files.js'
import { Failures } from '../failures.js'
import { Folders } from './folders.js'
import { nodeFileSystem, type FileSystem } from './fs.js'
import { Ledger } from './ledger.js'
import { Locks } from './locks.js'
import { entryOf, metaOf, type UseSpans, type Meta } from '../meta.js'
import { fromWallTime, isFromFuture, toWallTime, wallClock } from '../wall-time.js'
import { bodyName, folderOf, isDigest, isFolder, locationOf, placeOf } from './names.js'
import { concerns, OwedPurges, type Purge } from './purges.js'
import { mostRecent } from './recent.js'
import { missingSpace, spaceOf } from './space.js'
import { pause, Sweep, type SweepReport } from './sweep.js'
import { TagMarks } from './tag-marks.js'
import { walk, walkFolder, type Found, type Visitor } from './walk.js'

export interface FileOptions {
  /** Where the files lie; made when it is missing. */
  readonly dir: string
  /** Bytes that bodies, metas and their folders may take on the disk together. */
  readonly maxBytes: number
  /** Bytes that stay free on the file system; by default 64 MiB, or 5 % of a small one. */
  readonly minFreeBytes?: number
  /** How long an answer is kept whose own headers say nothing; by default as long as there is room. */
  readonly ttl?: Milliseconds
  /** Bytes of body above which nothing is taken. */
  readonly maxEntryBytes: number
  readonly sweepInterval?: Milliseconds
  readonly clock: Clock
  /** Another machine has purged what this entry carries. */
  readonly isOutdated?: (entry: Pick<CacheEntry, 'key' | 'movie' | 'storedAt' | 'asOf'>) => boolean
  readonly report?: (event: Extract<CacheEvent, { type: 'tier-error' }>) => void
  /** Told that a body is held until it is written; what comes back ends that. */
  readonly hold?: (entry: CacheEntry) => () => void
  readonly fs?: FileSystem
}

/** What `verify` found in good order, and what it removed. */
export type VerifyReport = SweepReport

/** An entry on disk, without its body, and where that lies. */
export interface FiledEntry {
  readonly meta: Meta
  readonly path: string
}

interface Slice {
  readonly offset: number
  readonly limit: number
}

interface Write {
  readonly entry: CacheEntry
  isWanted: boolean
  done: Promise<boolean>
}

const SWEEP_INTERVAL = 300_000
/** Above this part of the budget a write is refused: it is a bound, not a wish. */
const HIGH_WATER = 1.1
/** After so much written a walk sees what other processes have written meanwhile. */
const WRITTEN_SHARE = 0.02
/** Bodies held in memory while a slow disk takes them. */
const MAX_UNDER_WAY = 64 * 1024 * 1024
/** Bytes of a meta that has not been made yet. */
const USUAL_META = 1_024

/** Answers on disk: they outlive the process, and several processes may share them. Whatever fails is reported, and is a miss. */
export class FileTier implements Tier {
  readonly name = 'file'
  readonly maxEntryBytes: number
  readonly #fs: FileSystem
  readonly #folders: Folders
  readonly #marks: TagMarks
  readonly #files: EntryFiles
  readonly #locks = new Locks()
  readonly #ledger = new Ledger()
  readonly #failures: Failures
  readonly #owed: OwedPurges
  readonly #writes = new Set<Write>()
  /** The last write for each place: what is being written can be read. */
  readonly #lastWrites = new Map<string, Write>()
  readonly #stopSweeping: () => void
  /** What lies on disk says its time. */
  readonly #wall: Clock
  #underWay = { bytes: 0, space: 0 }
  #evicted = 0
  #expired = 0
  #damaged = 0
  #sweeping: Promise<SweepReport> | undefined
  #sweepsStopped = 0
  #isClosed = false

  static readonly #sweepSoonOf = (tier: FileTier): void => tier.#sweepSoon()

  constructor(private readonly options: FileOptions) {
    const { dir, clock, fs = nodeFileSystem, sweepInterval = SWEEP_INTERVAL } = options
    this.maxEntryBytes = Math.min(options.maxEntryBytes, options.maxBytes)
    this.#fs = fs
    this.#wall = wallClock(clock)
    this.#folders = new Folders(dir, fs)
    this.#marks = new TagMarks(this.#folders, fs)
    this.#files = new EntryFiles(this.#folders, fs, this.#marks, this.#wall)
    this.#failures = new Failures(clock, error => options.report?.({ type: 'tier-error', tier: this.name, error }))
    this.#owed = new OwedPurges(this.#wall)
    this.#stopSweeping = repeat(this, sweepInterval, FileTier.#sweepSoonOf)
    this.#sweepSoon()
  }

  get(key: string): Promise<CacheEntry | undefined> {
    return this.#read(placeOf(key), key)
  }

  /** Finds an entry by where it lies; its key need not be known. */
  async read(folder: string, digest: string): Promise<CacheEntry | undefined> {
    return isFolder(folder) && isDigest(digest) ? this.#read({ folder, digest }) : undefined
  }

  /** The entries used last, as many as come to so many bytes, the last one first. To be listed is no use. */
  async *recent(bytes: number, isStopped: () => boolean): AsyncGenerator<{ key: string; bytes: number }> {
    const isOver = (): boolean => this.#isClosed || isStopped()
    try {
      for (const found of await mostRecent(this.#folders, this.#fs, bytes, isOver)) {
        const meta = isOver() ? undefined : (await this.#files.peek(found))?.meta
        if (meta !== undefined && !this.#isOver(meta)) yield { key: meta.key, bytes: found.bytes }
        await pause(true)
      }
    } catch (error) {
      this.#failures.failed('read', error)
    }
  }

  /** What lies under a key, without its body. To look is no use. */
  async peek(key: string): Promise<FiledEntry | undefined> {
    const filed = await this.#peek(placeOf(key))
    return filed?.meta.key === key ? filed : undefined
  }

  /** What is about a movie, or about none: its folder and its marks are read, never the whole directory for a page. */
  async list(
    movie: string | undefined,
    { offset, limit }: Slice,
  ): Promise<{ entries: FiledEntry[]; hasMore: boolean }> {
    const folder = folderOf(movie)
    const places: Place[] = []
    const entry = ({ digest, usedAt }: Found): void => {
      if (usedAt !== undefined) places.push({ folder, digest })
    }
    try {
      await walkFolder(this.#folders, this.#fs, folder, { entry, pause: () => pause(false).then(() => true) })
      if (movie !== undefined) places.push(...(await this.#marks.places(movieTag(movie))))
    } catch (error) {
      this.#failures.failed('read', error)
    }
    const wanted = places.sort((a, b) => (a.digest < b.digest ? -1 : 1)).slice(offset, offset + limit)
    const read = await Promise.all(wanted.map(place => this.#peek(place)))
    // A mark may outlive its entry.
    const entries = read.filter(found => found !== undefined).filter(({ meta }) => movieOf(meta) === movie)
    return { entries, hasMore: places.length > offset + limit }
  }

  async #peek(place: Place): Promise<FiledEntry | undefined> {
    try {
      const meta = (await this.#files.peek(place))?.meta
      return meta && { meta, path: this.#folders.path(place.folder, bodyName(locationOf(meta))) }
    } catch (error) {
      this.#failures.failed('read', error)
      return undefined
    }
  }

  async set(entry: CacheEntry): Promise<boolean> {
    if (this.#isClosed) return false
    const { digest } = placeOf(entry.key)
    const { length } = entry.body
    const space = spaceOf(length, USUAL_META)
    if (!this.#admits(length, space)) {
      await this.#locks.run(digest, () => this.#forget(entry.key))
      return false
    }
    const write: Write = { entry, isWanted: true, done: Promise.resolve(false) }
    this.#underWay.bytes += length
    this.#underWay.space += space
    this.#writes.add(write)
    this.#lastWrites.set(digest, write)
    const letGo = this.options.hold?.(entry)
    write.done = this.#locks.run(digest, () => this.#write(write))
    try {
      return await write.done
    } finally {
      letGo?.()
      this.#underWay.bytes -= length
      this.#underWay.space -= space
      this.#writes.delete(write)
      if (this.#lastWrites.get(digest) === write) this.#lastWrites.delete(digest)
    }
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#purge({ key })) > 0
  }

  deleteTag(tag: string): Promise<number> {
    return this.#purge({ tag })
  }

  async clear(): Promise<number> {
    // A sweep under way would count what goes now.
    this.#sweepsStopped++
    await this.#sweepEnd()
    const removed = await this.#purge('all')
    this.#sweepSoon()
    return removed
  }

  /** Makes the directory at once instead of with the first file. Rejects where nothing can be written into it. */
  async prepare(): Promise<void> {
    await this.#folders.make(this.#folders.root)
    await this.#fs.access(this.#folders.root, constants.W_OK | constants.X_OK)
  }

  /** Brings the directory within its bounds now, instead of at the next interval. */
  sweep(): Promise<SweepReport> {
    return this.#sweepNext(false)
  }

  /** Reads every entry, and removes what is damaged, expired or left over. */
  async verify(): Promise<VerifyReport> {
    const report = await this.#sweepNext(true)
    try {
      await this.#marks.removeStale(this.#locks, place => this.#files.peek(place))
    } catch (error) {
      this.#failures.failed('sweep', error)
    }
    return report
  }

  usage(): TierUsage {
    return {
      entries: this.#ledger.entries,
      bytes: this.#ledger.bytes,
      maxBytes: this.options.maxBytes,
      evicted: this.#evicted,
      expired: this.#expired,
      damaged: this.#damaged,
      failures: this.#failures.count,
      failing: this.#failures.text,
    }
  }

  /** Lets writes come to their end, and stops everything else. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopSweeping()
    await Promise.allSettled([...this.#writes].map(write => write.done))
    await this.#sweepEnd()
  }

  async #read(place: Place, key?: string): Promise<CacheEntry | undefined> {
    if (this.#isClosed) return undefined
    const underWay = this.#beingWritten(place, key)
    if (underWay !== undefined) return underWay
    try {
      const loaded = await this.#files.load(place, meta => this.#judge(meta, key), true)
      if (loaded.is === 'damaged' || loaded.is === 'expired') await this.#discard(place, loaded)
      this.#failures.worked('read')
      return loaded.is === 'found' ? this.#entryOf(loaded) : undefined
    } catch (error) {
      this.#failures.failed('read', error)
      return undefined
    }
  }

  /** What is about to lie there. */
  #beingWritten({ digest }: Place, key?: string): CacheEntry | undefined {
    const write = this.#lastWrites.get(digest)
    if (write?.isWanted !== true || (key !== undefined && write.entry.key !== key)) return undefined
    return this.options.isOutdated?.(write.entry) === true ? undefined : write.entry
  }

  #entryOf({ meta, body }: Extract<Loaded, { is: 'found' }>): CacheEntry {
    const known = { ...meta, storedAt: Math.min(meta.storedAt, this.#wall.now()) }
    return fromWallTime(entryOf(known, body, this.#spansOf(known)), this.options.clock)
  }

  #judge(meta: Meta, key?: string): 'wanted' | 'expired' | 'absent' {
    if (key !== undefined && meta.key !== key) return 'absent'
    if (meta.size > this.maxEntryBytes || this.#owed.concern(meta)) return 'absent'
    return this.#isOver(meta) ? 'expired' : 'wanted'
  }

  #isOver(meta: Meta): boolean {
    return this.#isExpired(meta) || this.options.isOutdated?.(meta) === true
  }

  #isExpired(meta: Meta): boolean {
    const expiry = this.#expiryOf(meta)
    const now = this.#wall.now()
    return expiry !== undefined && (now >= expiry || isFromFuture(meta.storedAt, now))
  }

  /** What the handler's own headers say is kept to; otherwise audio for a key does not age unless the user says so. */
  #expiryOf(entry: Pick<CacheEntry, 'explicit' | 'freshSpan' | 'storedAt'>): Milliseconds | undefined {
    if (entry.explicit) return staleAtOf(entry)
    return this.options.ttl === undefined ? undefined : entry.storedAt + this.options.ttl
  }

  /** An entry that outlives its route's ttl begins it anew: memory may hold it for so long again. */
  #spansOf(meta: Meta): UseSpans {
    const { explicit, storedAt, freshSpan, refreshSpan, coverSpan } = meta
    if (explicit) return { freshSpan, refreshSpan, coverSpan }
    const fromNow = (span: Milliseconds): Milliseconds =>
      Math.min(this.#expiryOf(meta) ?? Infinity, this.#wall.now() + span) - storedAt
    return { freshSpan: fromNow(freshSpan), refreshSpan: fromNow(refreshSpan), coverSpan: fromNow(coverSpan) }
  }

  /** Removes what was found to be damaged or expired, unless another process has put something else there meanwhile. */
  #discard(place: Place, { is, raw }: Extract<Loaded, { raw: Buffer }>): Promise<void> {
    return this.#locks.run(place.digest, async () => {
      // Its body may be in place already, and its meta about to come.
      if (is === 'damaged' && (await this.#files.isBeingWritten(place))) return
      const peeked = await this.#files.peek(place)
      if (peeked?.raw.equals(raw) !== true) return
      if (is === 'damaged') {
        this.#damaged++
        this.#reportDamage(place)
      } else this.#expired++
      this.#ledger.change(place.digest, await this.#files.remove(place, peeked), 0)
    })
  }

  #reportDamage({ folder, digest }: Place): void {
    const error = new Error(`${this.#folders.path(folder, digest)} is damaged and was removed`)
    this.options.report?.({ type: 'tier-error', tier: this.name, error })
  }

  #admits(size: number, space: number): boolean {
    const { maxBytes } = this.options
    if (size > this.maxEntryBytes || !this.#failures.mayTry('write')) return false
    const { bytes, space: spaceUnderWay } = this.#underWay
    if (bytes > 0 && bytes + size > MAX_UNDER_WAY) return false
    if (this.#ledger.bytes + spaceUnderWay + space <= maxBytes * HIGH_WATER) return true
    this.#sweepSoon()
    return false
  }

  /** Runs under the lock of its digest. */
  async #write(write: Write): Promise<boolean> {
    try {
      if (write.isWanted && (await this.#commit(write))) {
        this.#failures.worked('write')
        return true
      }
    } catch (error) {
      this.#failures.failed('write', error)
    }
    await this.#forget(write.entry.key)
    return false
  }

  async #commit(write: Write): Promise<boolean> {
    const entry = toWallTime(write.entry, this.options.clock)
    const { body } = entry
    const { maxBytes, minFreeBytes } = this.options
    const meta = metaOf(entry, { size: body.length, sha256: await sha256OfBody(body) }, this.#expiryOf(entry))
    if (meta === undefined) return false
    const missing = await missingSpace(this.#fs, this.#folders.root, minFreeBytes)
    if (missing > 0) {
      this.#sweepSoon()
      throw new Error(`ENOSPC: ${missing} bytes are missing for fileMinFreeBytes to stay free`)
    }
    const place = locationOf(entry)
    const written = await this.#files.write(place, meta, body, () => write.isWanted)
    if (written === undefined) return false
    // What the other process stores is as good, and its ledger counts it.
    if (written === 'taken') return true
    this.#ledger.change(place.digest, written.before, written.after)
    if (this.#ledger.bytes > maxBytes || this.#ledger.written > maxBytes * WRITTEN_SHARE) this.#sweepSoon()
    return true
  }

  /** What is not taken makes the older answer out of date all the same. Runs under the lock of its digest. */
  async #forget(key: string): Promise<void> {
    // When this fails too, the older answer stays: whole, and for this key.
    await this.#removeIf(placeOf(key), () => true).catch(() => undefined)
  }

  /** Removes what a purge concerns, also what is being written; only then it answers. */
  async #purge(purge: Purge): Promise<number> {
    if (this.#isClosed) return 0
    const doomed = [...this.#writes].filter(write => concerns(purge, write.entry))
    for (const write of doomed) write.isWanted = false
    await Promise.allSettled(doomed.map(write => write.done))
    return this.#carryOut(purge)
  }

  async #carryOut(purge: Purge): Promise<number> {
    let removed = 0
    const refused: unknown[] = []
    const attempt = async (work: () => Promise<boolean | undefined>): Promise<void> => {
      try {
        if ((await work()) === true) removed++
      } catch (error) {
        refused.push(error)
        this.#failures.failed('remove', error)
      }
    }
    await attempt(() =>
      this.#eachConcerned(purge, place =>
        attempt(() => this.#locks.run(place.digest, () => this.#removeIf(place, meta => concerns(purge, meta)))),
      ),
    )
    if (refused.length === 0) {
      this.#owed.settle(purge)
      this.#failures.worked('remove')
    } else this.#owed.add(purge)
    return removed
  }

  /** Goes through the entries that a purge may concern; their metas have the last word. */
  async #eachConcerned(purge: Purge, remove: (place: Place) => Promise<void>): Promise<undefined> {
    const visitor: Visitor = { entry: remove, pause: () => pause(false).then(() => true) }
    if (purge !== 'all' && 'key' in purge) await remove(placeOf(purge.key))
    else if (purge === 'all' || profileOfTag(purge.tag) !== undefined) await walk(this.#folders, this.#fs, visitor)
    else {
      const movie = /^movie:(.*)$/s.exec(purge.tag)?.[1]
      if (movie !== undefined) await walkFolder(this.#folders, this.#fs, folderOf(movie), visitor)
      for (const place of await this.#marks.places(purge.tag)) await remove(place)
    }
  }

  /** Answers whether a whole entry went. Runs under the lock of its digest. */
  async #removeIf(place: Place, isConcerned: (meta: Meta) => boolean): Promise<boolean> {
    const peeked = await this.#files.peek(place)
    if (peeked === undefined || (peeked.meta !== undefined && !isConcerned(peeked.meta))) return false
    this.#ledger.change(place.digest, await this.#files.remove(place, peeked), 0)
    return peeked.meta !== undefined
  }

  #sweepSoon(): void {
    if (this.#isClosed || this.#sweeping !== undefined || !this.#failures.mayTry('sweep')) return
    void this.#startSweep(true, false)
  }

  async #sweepNext(isDeep: boolean): Promise<SweepReport> {
    while (this.#sweeping !== undefined) await this.#sweepEnd()
    return this.#startSweep(false, isDeep)
  }

  async #sweepEnd(): Promise<void> {
    if (this.#sweeping !== undefined) await awaited(this.#sweeping)
  }

  /** Never two at a time. */
  #startSweep(isBackground: boolean, isDeep: boolean): Promise<SweepReport> {
    const sweeping = this.#sweep(isBackground, isDeep).finally(() => (this.#sweeping = undefined))
    this.#sweeping = sweeping
    return sweeping
  }

  async #sweep(isBackground: boolean, isDeep: boolean): Promise<SweepReport> {
    const stopped = this.#sweepsStopped
    const { maxBytes, minFreeBytes, ttl } = this.options
    const clock = this.#wall
    const failures = this.#failures
    const failedBefore = failures.count
    const sweep = new Sweep({
      ...{ folders: this.#folders, fs: this.#fs, files: this.#files, locks: this.#locks, ledger: this.#ledger },
      ...{ failures, clock, maxBytes, minFreeBytes, ttl, isBackground, isDeep },
      check: place => this.#check(place),
      expire: place => this.#expire(place),
      isStopped: () => this.#isClosed || stopped !== this.#sweepsStopped,
    })
    try {
      for (const purge of this.#owed.list()) await this.#carryOut(purge)
      await sweep.run()
      if (failures.count === failedBefore) failures.worked('sweep')
    } catch (error) {
      failures.failed('sweep', error)
    }
    this.#evicted += sweep.report.evicted
    return sweep.report
  }

  async #check(place: Place): Promise<Loaded['is']> {
    const loaded = await this.#files.load(place, meta => this.#judge(meta), false)
    if (loaded.is === 'damaged' || loaded.is === 'expired') await this.#discard(place, loaded)
    return loaded.is
  }

  async #expire(place: Place): Promise<boolean> {
    const peeked = await this.#files.peek(place)
    if (peeked?.meta === undefined || !this.#isOver(peeked.meta)) return false
    await this.#discard(place, { is: 'expired', raw: peeked.raw })
    return true
  }
}
