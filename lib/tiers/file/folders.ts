import { dirname, join } from 'node:path'
import { LRUCache } from 'lru-cache'
import { CREATE, unless, type FileSystem } from './fs.js'
import { FORMAT, TAG_FOLDER } from './names.js'

/** Folders known to be real ones. */
const MAX_KNOWN = 1_024

/** An empty folder may be taken away by a sweep of another process just when it has been made, and several may sweep. */
const MAX_TRIES = 16

/** The mark by which backup tools know a cache: https://bford.info/cachedir/ */
const CACHEDIR_TAG =
  'Signature: 8a477f597d28d172789f06886806bc55\n# Answers kept by reelcache. Everything in here can be made again.\n'

/** The directories of the tier. A link in the place of one is never followed. */
export class Folders {
  readonly root: string
  readonly #known = new LRUCache<string, true>({ max: MAX_KNOWN })

  constructor(
    private readonly dir: string,
    private readonly fs: FileSystem,
  ) {
    this.root = join(dir, FORMAT)
  }

  /** The path of a folder below the root, or of a file in it. */
  path(folder: string, name = ''): string {
    return join(this.root, folder, name)
  }

  tagPath(tag = '', name = ''): string {
    return join(this.root, TAG_FOLDER, tag, name)
  }

  /** Whether a path is the root or a directory below it that we may go into. */
  async has(path: string): Promise<boolean> {
    if (this.#known.has(path)) return true
    if (path !== this.root && !(await this.has(this.root))) return false
    const stat = await unless(['ENOENT'], undefined, this.fs.lstat(path))
    if (stat?.isDirectory() !== true) return false
    // The root is looked at whenever a folder is new: somebody may have deleted the whole cache.
    if (path !== this.root) this.#known.set(path, true)
    return true
  }

  /** Makes a directory below the root, and the root where it is missing. */
  async make(path: string): Promise<void> {
    if (await this.has(path)) return
    if (!(await this.has(this.root))) await this.#makeRoot()
    await this.#makeOne(path)
  }

  /** What was known of folders is out of date. */
  forget(): void {
    this.#known.clear()
  }

  async #makeRoot(): Promise<void> {
    await this.#makeWithParents(this.dir)
    const file = await unless(['EEXIST'], undefined, this.fs.open(join(this.dir, 'CACHEDIR.TAG'), CREATE, 0o600))
    if (file !== undefined) {
      try {
        await file.writeFile(Buffer.from(CACHEDIR_TAG))
      } finally {
        await file.close()
      }
    }
    await this.#makeOne(this.root)
  }

  /** Step by step: Node's recursive mkdir never ends where a file system answers ENOENT to every try, as /proc does. */
  async #makeWithParents(path: string, hasParent = false): Promise<void> {
    const make = this.fs.mkdir(path, { mode: 0o700 }).then(() => true)
    if (await unless(hasParent ? ['EEXIST'] : ['EEXIST', 'ENOENT'], false, make)) return
    if (hasParent || (await unless(['ENOENT'], undefined, this.fs.lstat(path))) !== undefined) return
    await this.#makeWithParents(dirname(path))
    await this.#makeWithParents(path, true)
  }

  async #makeOne(path: string): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      await unless(['EEXIST'], undefined, this.fs.mkdir(path, { mode: 0o700 }))
      if (await this.has(path)) return
      if ((await unless(['ENOENT'], undefined, this.fs.lstat(path)))?.isDirectory() === false) {
        throw new Error(`${path} is not a directory: reelcache follows no links`)
      }
    }
    throw new Error(`${path} is taken away as often as it is made`)
  }
}
