import { randomBytes } from 'node:crypto'
import type { Clock, Milliseconds } from '../../core/types.js'
import { sha256OfBody } from '../digest.js'
import {
  CREATE,
  readBytes,
  unless,
  unlinkIfThere,
  withFile,
  type FileStat,
  type FileSystem,
  type FileHandle,
} from './fs.js'
import type { Folders } from './folders.js'
import { decodeMeta, encodeMeta, MAX_META_BYTES, type Meta } from '../meta.js'
import {
  bodyName,
  BODY_EXTENSIONS,
  locationOf,
  metaName,
  parseName,
  temporaryName,
  type FileLocation,
} from './names.js'
import { inBlocks, spaceOf } from './space.js'
import type { TagMarks } from './tag-marks.js'
import { namesIn } from './walk.js'

export type Place = Omit<FileLocation, 'extension'>

/** A meta as it lies on disk; without `meta` it is damaged. */
export interface Peeked {
  readonly raw: Buffer
  readonly meta: Meta | undefined
}

export type Loaded =
  | { readonly is: 'found'; readonly meta: Meta; readonly body: Buffer }
  | { readonly is: 'absent' }
  | { readonly is: 'expired' | 'damaged'; readonly raw: Buffer }

export type Written = { readonly before: number; readonly after: number } | 'taken' | undefined

/** A use is written down at most so often. */
const TOUCH_INTERVAL = 60_000

const ABSENT: Loaded = { is: 'absent' }

/** One entry is two files: the body, and its meta, which is the commit. Whoever calls sees to it that a digest is changed by one at a time. */
export class EntryFiles {
  readonly #instance = randomBytes(8).toString('hex')
  readonly #underWay = new Set<string>()
  #count = 0

  constructor(
    private readonly folders: Folders,
    private readonly fs: FileSystem,
    private readonly marks: TagMarks,
    private readonly clock: Clock,
  ) {}

  /** Reads and verifies an entry that `judge` wants; a use is written down. */
  async load(place: Place, judge: (meta: Meta) => 'wanted' | 'expired' | 'absent', isUse: boolean): Promise<Loaded> {
    const loaded = await this.#withMeta(place, async (file, stat): Promise<Loaded> => {
      const { raw, meta } = await this.#read(place, file, stat)
      if (meta === undefined) return { is: 'damaged', raw }
      const verdict = judge(meta)
      if (verdict !== 'wanted') return verdict === 'absent' ? ABSENT : { is: 'expired', raw }
      const body = await this.#body(place, meta)
      if (body === 'damaged') return { is: 'damaged', raw }
      if (body === undefined) return ABSENT
      if (isUse) await this.#touch(file, stat)
      return { is: 'found', meta, body }
    })
    return loaded ?? ABSENT
  }

  peek(place: Place): Promise<Peeked | undefined> {
    return this.#withMeta(place, (file, stat) => this.#read(place, file, stat))
  }

  /**
   * Writes both files under other names, then takes the old meta away, then gives body and meta their names, in this order: an old meta
   * never stands beside a new body. Answers the bytes on disk before and after; undefined when it was not wanted any more; `taken` when another
   * process stores the same key at the same time.
   */
  async write(place: FileLocation, meta: Meta, body: Buffer, isWanted: () => boolean): Promise<Written> {
    const raw = encodeMeta(meta)
    // The last one stands for the whole of it: while it is there, what looks damaged may be half written.
    const made = [this.#temporary(place), this.#temporary(place), this.#temporary(place)] as const
    const [bodyFrom, metaFrom, mark] = made
    let bodyFile: FileHandle | undefined
    try {
      await this.folders.make(this.folders.path(place.folder))
      // It stays open until the end: the number of a file that nobody holds may be given to another.
      bodyFile = await this.#writeTemporary(place, bodyFrom, body)
      await (await this.#writeTemporary(place, metaFrom, raw)).close()
      await (await this.#writeTemporary(place, mark, Buffer.alloc(0))).close()
      const { ino } = await bodyFile.stat()
      const before = isWanted() ? await this.#commit(place, meta, { bodyFrom, metaFrom, ino }, isWanted) : undefined
      return typeof before === 'number' ? { before, after: spaceOf(body.length, raw.length) } : before
    } finally {
      // What a failing close has lost shows when the digest is compared.
      await bodyFile?.close().catch(() => undefined)
      await this.#clean(made)
      for (const path of made) this.#underWay.delete(path)
    }
  }

  /** Answers the bytes on disk that were there before. */
  async #commit(
    place: FileLocation,
    meta: Meta,
    { bodyFrom, metaFrom, ino }: { bodyFrom: string; metaFrom: string; ino: number },
    isWanted: () => boolean,
  ): Promise<number | 'taken' | undefined> {
    const bodyPath = this.folders.path(place.folder, bodyName(place))
    const metaPath = this.folders.path(place.folder, metaName(place.digest))
    if (!(await this.#isFree(bodyPath)) || !(await this.#isFree(metaPath))) return undefined
    let made: string[] = []
    try {
      const before = await this.#removeOld(place)
      await this.fs.rename(bodyFrom, bodyPath)
      made = [bodyPath]
      await this.marks.add(place, meta)
      if (!isWanted()) return undefined
      // Where another process has put its body in the place of ours, the entry is the other's, and our meta must not stand there.
      const isOurs = await this.#isStill(bodyPath, ino)
      if (isOurs) await this.fs.rename(metaFrom, metaPath)
      const isStillOurs = isOurs && (await this.#isStill(bodyPath, ino))
      made = isOurs && !isStillOurs ? [metaPath] : []
      return isStillOurs ? before : 'taken'
    } finally {
      await this.#clean(made)
    }
  }

  /** Takes the old meta away, and a body that the new one would not replace. Answers the bytes on disk of the old entry. */
  async #removeOld(place: FileLocation): Promise<number> {
    const old = await this.peek(place)
    if (old === undefined) return 0
    if (old.meta === undefined || locationOf(old.meta).extension !== place.extension) return this.remove(place, old)
    await unlinkIfThere(this.fs, this.folders.path(place.folder, metaName(place.digest)))
    return spaceOf(old.meta.size, old.raw.length)
  }

  /** Removes what was peeked at, the meta first: without it there is no entry. Answers the bytes on disk that went. */
  async remove(place: Place, { raw, meta }: Peeked): Promise<number> {
    await unlinkIfThere(this.fs, this.folders.path(place.folder, metaName(place.digest)))
    let bytes = spaceOf(0, raw.length)
    // What the meta does not say any more, the names do.
    for (const extension of meta === undefined ? BODY_EXTENSIONS : [locationOf(meta).extension]) {
      bytes += await this.removeBody({ ...place, extension })
    }
    if (meta !== undefined) await this.marks.remove(place, meta)
    return bytes
  }

  /**
   * Removes a body without a meta. Between the two another process may have stored an entry under these very names: so the body is taken
   * aside first, and put back where a meta has come. Answers its bytes on disk.
   */
  async removeBody(place: FileLocation): Promise<number> {
    const path = this.folders.path(place.folder, bodyName(place))
    const stat = await unless(['ENOENT'], undefined, this.fs.lstat(path))
    if (stat?.isFile() !== true) return 0
    const aside = this.#temporary(place)
    try {
      await unless(['ENOENT'], undefined, this.fs.rename(path, aside))
      const { meta } = (await this.peek(place)) ?? {}
      const isWanted = meta !== undefined && locationOf(meta).extension === place.extension
      const isFree = (await unless(['ENOENT'], undefined, this.fs.lstat(path))) === undefined
      if (isWanted && isFree) await unless(['ENOENT'], undefined, this.fs.rename(aside, path))
      return isWanted ? 0 : inBlocks(stat.size)
    } finally {
      await this.#clean([aside])
      this.#underWay.delete(aside)
    }
  }

  /** Removes a regular file; a link or a directory in its place is not ours. Answers its size. */
  async removeFile(path: string): Promise<number> {
    const stat = await unless(['ENOENT'], undefined, this.fs.lstat(path))
    if (stat?.isFile() !== true) return 0
    await unlinkIfThere(this.fs, path)
    return stat.size
  }

  /** Whether another process is about to commit this entry: its temporary files lie beside ours. */
  async isBeingWritten({ folder, digest }: Place): Promise<boolean> {
    for await (const names of namesIn(this.fs, this.folders.path(folder))) {
      for (const name of names.filter(one => one.startsWith(`.${digest}.`))) {
        const means = parseName(name)
        if (means?.is === 'temporary' && !this.isOurs(means.instance)) return true
      }
    }
    return false
  }

  isOurs(instance: string): boolean {
    return instance === this.#instance
  }

  isUnderWay(path: string): boolean {
    return this.#underWay.has(path)
  }

  async #withMeta<T>(place: Place, use: (file: FileHandle, stat: FileStat) => Promise<T>): Promise<T | undefined> {
    if (!(await this.folders.has(this.folders.path(place.folder)))) return undefined
    return withFile(this.fs, this.folders.path(place.folder, metaName(place.digest)), use)
  }

  async #read(place: Place, file: FileHandle, stat: FileStat): Promise<Peeked> {
    const raw = await readBytes(file, Math.min(stat.size, MAX_META_BYTES + 1))
    const meta = decodeMeta(raw)
    if (meta === undefined) return { raw, meta: undefined }
    const { folder, digest } = locationOf(meta)
    return { raw, meta: folder === place.folder && digest === place.digest ? meta : undefined }
  }

  /** The body the meta speaks of; undefined where something lies that is not ours. */
  async #body(place: Place, meta: Meta): Promise<Buffer | 'damaged' | undefined> {
    const path = this.folders.path(place.folder, bodyName(locationOf(meta)))
    const body = await withFile(this.fs, path, async (file, stat): Promise<Buffer | 'damaged'> => {
      if (stat.size !== meta.size) return 'damaged'
      const bytes = await readBytes(file, meta.size)
      return bytes.length === meta.size && (await sha256OfBody(bytes)) === meta.sha256 ? bytes : 'damaged'
    })
    if (body !== undefined) return body
    const stat = await unless(['ENOENT'], undefined, this.fs.lstat(path))
    return stat === undefined ? 'damaged' : undefined
  }

  async #touch(file: FileHandle, { mtimeMs }: FileStat): Promise<void> {
    const now = this.clock.now()
    if (Math.abs(now - mtimeMs) < TOUCH_INTERVAL) return
    // A use that cannot be written down may cost a wrong eviction; it must not cost the answer.
    await setTime(file, now).catch(() => undefined)
  }

  #temporary(place: Place): string {
    const path = this.folders.path(place.folder, temporaryName(place.digest, this.#instance, this.#count++))
    this.#underWay.add(path)
    return path
  }

  async #isStill(path: string, ino: number): Promise<boolean> {
    return (await unless(['ENOENT'], undefined, this.fs.lstat(path)))?.ino === ino
  }

  /** The file it made, open. */
  async #writeTemporary(place: Place, path: string, data: Buffer): Promise<FileHandle> {
    const file = await this.#create(place, path)
    try {
      await file.writeFile(data)
      await setTime(file, this.clock.now())
      return file
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async #create(place: Place, path: string): Promise<FileHandle> {
    const file = await unless(['ENOENT'], undefined, this.fs.open(path, CREATE, 0o600))
    if (file !== undefined) return file
    // The folder went while we looked elsewhere: a sweep found it empty, or somebody deleted the cache.
    this.folders.forget()
    await this.folders.make(this.folders.path(place.folder))
    return this.fs.open(path, CREATE, 0o600)
  }

  async #isFree(path: string): Promise<boolean> {
    const stat = await unless(['ENOENT'], undefined, this.fs.lstat(path))
    return stat === undefined || stat.isFile()
  }

  /** A file that cannot be removed now is left to the sweep. */
  async #clean(paths: readonly string[]): Promise<void> {
    for (const path of paths) await unlinkIfThere(this.fs, path).catch(() => undefined)
  }
}

const setTime = (file: FileHandle, now: Milliseconds): Promise<void> => file.utimes(now / 1000, now / 1000)
