import { randomBytes } from 'node:crypto'
import type { Clock, Milliseconds } from '../../core/types.js'
import { sha256OfBody } from './digest.js'
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
import { decodeMeta, encodeMeta, MAX_META_BYTES, type Meta } from './meta.js'
import { bodyName, BODY_EXTENSIONS, locationOf, metaName, temporaryName, type FileLocation } from './names.js'
import type { TagMarks } from './tag-marks.js'

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
   * Writes both files under other names, then takes the old entry away, then gives body and meta their names, in this order: an old meta
   * never stands beside a new body. Answers the bytes before and after; undefined when it was not wanted any more.
   */
  async write(
    place: FileLocation,
    meta: Meta,
    body: Buffer,
    isWanted: () => boolean,
  ): Promise<{ before: number; after: number } | undefined> {
    const [bodyPath, metaPath] = [bodyName(place), metaName(place.digest)].map(name =>
      this.folders.path(place.folder, name),
    ) as [string, string]
    const raw = encodeMeta(meta)
    const [bodyFrom, metaFrom] = [this.#temporary(place), this.#temporary(place)] as const
    const made = [bodyFrom, metaFrom]
    let isCommitted = false
    try {
      await this.folders.make(this.folders.path(place.folder))
      await this.#writeTemporary(place, bodyFrom, body)
      await this.#writeTemporary(place, metaFrom, raw)
      if (!(await this.#isFree(bodyPath)) || !(await this.#isFree(metaPath)) || !isWanted()) return undefined
      const old = await this.peek(place)
      const before = old === undefined ? 0 : await this.remove(place, old)
      await this.fs.rename(bodyFrom, bodyPath)
      made.push(bodyPath)
      await this.marks.add(place, meta)
      if (!isWanted()) return undefined
      await this.fs.rename(metaFrom, metaPath)
      isCommitted = true
      return { before, after: body.length + raw.length }
    } finally {
      await this.#clean(isCommitted ? [] : made)
      this.#underWay.delete(bodyFrom)
      this.#underWay.delete(metaFrom)
    }
  }

  /** Removes what was peeked at, the meta first: without it there is no entry. Answers the bytes that went. */
  async remove(place: Place, { raw, meta }: Peeked): Promise<number> {
    await unlinkIfThere(this.fs, this.folders.path(place.folder, metaName(place.digest)))
    let bytes = raw.length
    // What the meta does not say any more, the names do.
    for (const extension of meta === undefined ? BODY_EXTENSIONS : [locationOf(meta).extension]) {
      bytes += await this.removeFile(this.folders.path(place.folder, bodyName({ ...place, extension })))
    }
    if (meta !== undefined) await this.marks.remove(place, meta)
    return bytes
  }

  /** Removes a regular file; a link or a directory in its place is not ours. Answers its size. */
  async removeFile(path: string): Promise<number> {
    const stat = await unless(['ENOENT'], undefined, this.fs.lstat(path))
    if (stat?.isFile() !== true) return 0
    await unlinkIfThere(this.fs, path)
    return stat.size
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

  async #writeTemporary(place: Place, path: string, data: Buffer): Promise<void> {
    const file = await this.#create(place, path)
    try {
      await file.writeFile(data)
      await setTime(file, this.clock.now())
    } finally {
      await file.close()
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
