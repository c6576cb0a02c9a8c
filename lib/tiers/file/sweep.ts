import { isFromFuture } from '../wall-time.js'
import type { Clock, Milliseconds } from '../../core/types.js'
import type { EntryFiles, Place } from './entry-files.js'
import type { Failures } from '../failures.js'
import type { Folders } from './folders.js'
import { codeOf, unless, type FileSystem } from './fs.js'
import type { Ledger } from './ledger.js'
import type { Locks } from './locks.js'
import { bodyName, BODY_EXTENSIONS, locationOf, metaName, type FileLocation } from './names.js'
import { Oldest, type Candidate } from './oldest.js'
import { DIRECTORIES, missingSpace } from './space.js'
import { AT_ONCE, walk, type Found, type FoundTemporary } from './walk.js'

/** What a sweep found and removed. */
export interface SweepReport {
  entries: number
  bytes: number
  evicted: number
  expired: number
  damaged: number
  /** Bodies without a meta. */
  orphans: number
  temporaries: number
  /** False: it was cut short by a failure, or because the cache is being closed. */
  complete: boolean
}

export interface SweepParts {
  readonly folders: Folders
  readonly fs: FileSystem
  readonly files: EntryFiles
  readonly locks: Locks
  readonly ledger: Ledger
  readonly failures: Failures
  readonly clock: Clock
  readonly maxBytes: number
  readonly minFreeBytes: number | undefined
  readonly ttl: Milliseconds | undefined
  /** The process may end while it runs. */
  readonly isBackground: boolean
  /** Every entry is read. */
  readonly isDeep: boolean
  /** Reads an entry and removes it when it is damaged or expired; answers what it was. */
  readonly check: (place: Place) => Promise<'found' | 'absent' | 'expired' | 'damaged'>
  /** Removes an entry when its meta says that it has expired; answers whether it did. */
  readonly expire: (place: Place) => Promise<boolean>
  readonly isStopped: () => boolean
}

/** Down to this part of the budget, so that the next write does not start the next sweep. */
const LOW_WATER = 0.95
/** A body waits so long for its meta before it counts as left over. */
const ORPHAN_AGE = 60_000
const TEMPORARY_AGE = 600_000
/** What is used between a walk and its evictions stays, and another walk looks for others. */
const MAX_PASSES = 5
/** Entries let go of in one go. */
const TRIM = 500
/** Writes go on during a walk. */
const MARGIN = 1.25

/** One sweep: removes what nobody needs, then the least recently used until the budget holds. */
export class Sweep {
  readonly report: SweepReport = {
    ...{ entries: 0, bytes: 0, evicted: 0, expired: 0, damaged: 0, orphans: 0, temporaries: 0 },
    complete: false,
  }

  #missing = 0
  #freed = 0
  /** What was to go and could not: to choose it again, because it is the oldest, would keep the others. */
  readonly #stuck = new Set<string>()

  constructor(private readonly parts: SweepParts) {}

  async run(): Promise<SweepReport> {
    const { folders, fs, ledger, minFreeBytes } = this.parts
    // Asked once: not every file system gives back at once what is removed, and the whole cache would go for it.
    this.#missing = await missingSpace(fs, folders.root, minFreeBytes)
    // A guess at what must go saves the second walk when it is right.
    let need = this.#excess()
    for (let pass = 0; pass < MAX_PASSES && !this.report.complete; pass++) {
      const oldest = await this.#walk(need * MARGIN)
      if (oldest === undefined) break
      const { isWhole } = oldest
      while (!oldest.trim(this.#excess(), TRIM)) await this.#pause()
      if (!(await this.#evict(oldest))) break
      need = this.#excess()
      this.report.complete = need === 0 || isWhole
    }
    return Object.assign(this.report, { entries: ledger.entries, bytes: ledger.bytes })
  }

  /** Bytes that are too many. */
  #excess(): number {
    const { ledger, maxBytes } = this.parts
    const over = ledger.bytes > maxBytes ? ledger.bytes - Math.floor(maxBytes * LOW_WATER) : 0
    return Math.max(over, this.#missing - this.#freed)
  }

  /** Undefined: it was stopped. */
  async #walk(need: number): Promise<Oldest | undefined> {
    const { folders, fs, ledger } = this.parts
    const oldest = new Oldest(need)
    let isEmpty = true
    ledger.beginWalk()
    try {
      const isWhole = await walk(folders, fs, {
        entry: found => {
          isEmpty = false
          return this.#judge(found, oldest)
        },
        temporary: found => {
          isEmpty = false
          return this.#judgeTemporary(found)
        },
        folderDone: async folder => {
          if (isEmpty) await this.#removeFolder(folder)
          isEmpty = true
        },
        pause: () => this.#pause(),
      })
      if (!isWhole) return undefined
      ledger.endWalk()
      return oldest
    } finally {
      ledger.abandonWalk()
    }
  }

  #judge(found: Found, oldest: Oldest): Promise<void> | undefined {
    const { clock, isDeep, ttl } = this.parts
    const { usedAt, writtenAt } = found
    if (usedAt === undefined) return this.#attempt(() => this.#judgeBody(found))
    const mayHaveExpired =
      ttl !== undefined &&
      writtenAt !== undefined &&
      (clock.now() >= writtenAt + ttl || isFromFuture(writtenAt, clock.now()))
    if (isDeep || mayHaveExpired || writtenAt === undefined) {
      return this.#attempt(async () => {
        if (await this.#stays(found)) this.#keep({ ...found, bytes: found.space, usedAt }, oldest)
      })
    }
    this.#keep({ ...found, bytes: found.space, usedAt }, oldest)
    return undefined
  }

  #keep({ folder, digest, bytes, usedAt }: Candidate, oldest: Oldest): void {
    this.parts.ledger.found(digest, bytes)
    if (!this.#stuck.has(digest)) oldest.add({ folder, digest, bytes, usedAt })
  }

  async #stays(found: Found): Promise<boolean> {
    if (!this.parts.isDeep && found.writtenAt !== undefined) {
      const hasExpired = await this.parts.expire(found)
      if (hasExpired) this.report.expired++
      return !hasExpired
    }
    const state = await this.parts.check(found)
    if (state !== 'expired' && state !== 'damaged') return true
    this.report[state]++
    return false
  }

  /** A body alone: its meta is about to come, or never will. */
  #judgeBody({ folder, digest, extension = '', writtenAt = 0 }: Found): Promise<void> {
    const { clock, files, locks } = this.parts
    if (Math.abs(clock.now() - writtenAt) < ORPHAN_AGE) return Promise.resolve()
    return locks.run(digest, async () => {
      const peeked = await files.peek({ folder, digest })
      const wanted = peeked?.meta === undefined ? undefined : locationOf(peeked.meta).extension
      // Of two bodies beside one meta the wrong one may have been taken for its own.
      const orphans = wanted === extension ? BODY_EXTENSIONS.filter(other => other !== wanted) : [extension]
      for (const orphan of orphans) await this.#removeOrphan({ folder, digest, extension: orphan })
    })
  }

  async #removeOrphan(place: FileLocation): Promise<void> {
    const { clock, files, folders, fs } = this.parts
    const path = folders.path(place.folder, bodyName(place))
    const stat = await unless(['ENOENT'], undefined, fs.lstat(path))
    if (stat === undefined || Math.abs(clock.now() - stat.mtimeMs) < ORPHAN_AGE) return
    await files.removeFile(path)
    this.report.orphans++
  }

  async #judgeTemporary({ folder, name, pid, instance, stat }: FoundTemporary): Promise<void> {
    const { files, folders } = this.parts
    const path = folders.path(folder, name)
    const isInUse = files.isOurs(instance) ? files.isUnderWay(path) : mayBeInUse(pid, stat.ctimeMs)
    if (isInUse) return
    await this.#attempt(async () => {
      await files.removeFile(path)
      this.report.temporaries++
    })
  }

  /** False: it was stopped. */
  async #evict(oldest: Oldest): Promise<boolean> {
    const emptied = new Set<string>()
    while (!this.parts.isStopped()) {
      const victims = Array.from({ length: AT_ONCE }, () => oldest.take()).filter(victim => victim !== undefined)
      if (victims.length === 0) {
        for (const folder of emptied) await this.#removeFolder(folder)
        return true
      }
      await Promise.all(victims.map(victim => this.#attempt(() => this.#evictOne(victim))))
      for (const { folder } of victims) emptied.add(folder)
    }
    return false
  }

  #evictOne({ folder, digest, bytes, usedAt }: Candidate): Promise<void> {
    const { files, folders, fs, ledger, locks } = this.parts
    return locks.run(digest, async () => {
      const stat = await unless(['ENOENT'], undefined, fs.lstat(folders.path(folder, metaName(digest))))
      if (stat !== undefined && stat.mtimeMs !== usedAt) return
      const peeked = stat === undefined ? undefined : await files.peek({ folder, digest })
      this.#stuck.add(digest)
      if (peeked !== undefined) await files.remove({ folder, digest }, peeked)
      this.#stuck.delete(digest)
      ledger.change(digest, bytes, 0)
      // Its folders may stay, for others.
      this.#freed += bytes - DIRECTORIES
      if (peeked !== undefined) this.report.evicted++
    })
  }

  /** Only an empty one goes. */
  async #removeFolder(folder: string): Promise<void> {
    const { folders, fs } = this.parts
    const path = folders.path(folder)
    await this.#attempt(async () => {
      await unless(['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EBUSY'], undefined, fs.rmdir(path))
    })
    folders.forget()
  }

  /** One file that cannot be removed must not keep the others. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.parts.failures.failed('sweep', error)
    }
  }

  async #pause(): Promise<boolean> {
    await pause(this.parts.isBackground)
    return !this.parts.isStopped()
  }
}

/** Gives everything else its turn. In the background it does not keep the process alive. */
export const pause = (isBackground: boolean): Promise<void> =>
  new Promise(resolve => {
    const immediate = setImmediate(resolve)
    if (isBackground) immediate.unref()
  })

/** Whether another instance may still be writing; nobody sets the time a file was changed. A process that ran under our number before us is gone. */
function mayBeInUse(pid: number, writtenAt: Milliseconds): boolean {
  if (Math.abs(Date.now() - writtenAt) > TEMPORARY_AGE) return false
  return pid === process.pid ? writtenAt >= performance.timeOrigin : isAlive(pid)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return codeOf(error) === 'EPERM'
  }
}
