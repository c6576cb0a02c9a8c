import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { CacheEntry } from '../../../lib/core/types.js'
import { nodeFileSystem, type Directory, type FileHandle, type FileSystem } from '../../../lib/tiers/file/fs.js'
import { bodyName, locationOf, metaName } from '../../../lib/tiers/file/names.js'
import { FileTier, type FileOptions } from '../../../lib/tiers/file/tier.js'
import { fakeClock, type FakeClock } from '../../support/clock.js'
import { entryOf } from '../tier-contract.js'

export const KiB = 1024
export const MiB = 1024 * KiB

/** Gives a new directory at every call; all of them go after the tests of the file. */
export function temporaryDirectory(): () => string {
  const made: string[] = []
  afterAll(() => made.forEach(path => rmSync(path, { recursive: true, force: true })))
  return () => {
    const path = mkdtempSync(join(tmpdir(), 'reelcache-'))
    made.push(path)
    return join(path, 'tts')
  }
}

export interface Opened {
  readonly tier: FileTier
  readonly errors: unknown[]
}

/** Opens tiers, and closes them after each test. */
export function tiers(): {
  clock: FakeClock
  directory: () => string
  open: (dir: string, options?: Partial<FileOptions>) => Opened
  ready: (dir: string, options?: Partial<FileOptions>) => Promise<Opened>
} {
  const clock = fakeClock()
  const start = clock.now()
  const opened: FileTier[] = []
  beforeEach(() => clock.advance(start - clock.now()))
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(tier => tier.close()))
  })
  const open = (dir: string, options: Partial<FileOptions> = {}): Opened => {
    const errors: unknown[] = []
    const report: FileOptions['report'] = ({ error }) => void errors.push(error)
    const bounds = { maxBytes: 64 * MiB, minFreeBytes: 0, maxEntryBytes: 8 * MiB }
    const tier = new FileTier({ dir, ...bounds, clock, report, ...options })
    opened.push(tier)
    return { tier, errors }
  }
  const ready = async (dir: string, options?: Partial<FileOptions>): Promise<Opened> => {
    const it = open(dir, options)
    await it.tier.sweep()
    return it
  }
  return { clock, directory: temporaryDirectory(), open, ready }
}

/** Speech about a movie, as a POST makes it. */
export function speech(
  given: Partial<CacheEntry> & { movie?: string | undefined; text?: string } = {},
  clock: FakeClock = fakeClock(),
): CacheEntry {
  const { movie = '603', text = 'hello', ...others } = given
  return entryOf(
    {
      profile: 'tts',
      key: `tts ${movie} POST http://localhost:3000 /api/movies/${movie}/tts body:${text}`,
      headers: { 'content-type': 'audio/mpeg' },
      body: Buffer.from(`ID3 ${text}`),
      ...others,
    },
    clock,
  )
}

/** Speech that is asked for by GET, so that it can be purged by its URL. */
export const speechByGet = (text: string, clock?: FakeClock): CacheEntry =>
  speech({ key: `tts 603 GET http://localhost /speak?text=${text}`, text }, clock)

/** Where the two files of an entry lie. */
export function pathsOf(dir: string, entry: CacheEntry): { body: string; meta: string; folder: string } {
  const location = locationOf(entry)
  const folder = join(dir, 'v1', location.folder)
  return { folder, body: join(folder, bodyName(location)), meta: join(folder, metaName(location.digest)) }
}

/** Every file and link below a directory, with its size. */
export function filesIn(dir: string): Map<string, number> {
  const found = new Map<string, number>()
  const visit = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name)
      if (entry.isDirectory()) visit(child)
      else found.set(relative(dir, child), lstatSync(child).size)
    }
  }
  visit(dir)
  return found
}

/** Bodies and metas in whole blocks, with two blocks for the folders of each entry, weighed by walking. */
export function weight(dir: string): number {
  let bytes = 0
  for (const [path, size] of filesIn(dir))
    if (/\/[0-9a-f]{64}\.[0-9a-z]+$/.test(path)) {
      bytes += Math.ceil(size / 4_096) * 4_096 + (path.endsWith('.meta') ? 8_192 : 0)
    }
  return bytes
}

export const temporaries = (dir: string): string[] => [...filesIn(dir).keys()].filter(path => path.endsWith('.tmp'))

export class InjectedError extends Error {
  constructor(
    readonly code: string,
    what: string,
  ) {
    super(`${code}: injected, ${what}`)
  }
}

/** Node's file system, in which chosen calls fail. */
export class FaultyFileSystem {
  calls: string[] = []
  /** Answers the code with which a call fails; undefined lets it through. */
  judge: (what: string, nth: number, path: string) => string | undefined = () => undefined
  readonly fs: FileSystem

  constructor() {
    const call =
      <A extends readonly unknown[], T>(what: string, work: (...args: A) => Promise<T>) =>
      async (...args: A): Promise<T> => {
        this.#step(what, String(args[0]))
        return work(...args)
      }
    const on = nodeFileSystem
    this.fs = {
      open: call('open', async (path, flags, mode) => this.#file(await on.open(path, flags, mode), path)),
      opendir: call('opendir', async (path, options) => this.#directory(await on.opendir(path, options), path)),
      lstat: call('lstat', path => on.lstat(path)),
      rename: call('rename', (from, to) => on.rename(from, to)),
      unlink: call('unlink', path => on.unlink(path)),
      mkdir: call('mkdir', (path, options) => on.mkdir(path, options)),
      access: call('access', (path, mode) => on.access(path, mode)),
      rmdir: call('rmdir', path => on.rmdir(path)),
      statfs: call('statfs', path => on.statfs(path)),
    }
  }

  /** The n-th call from now on fails, and no other. */
  failNth(n: number, code = 'EIO'): void {
    this.calls = []
    this.judge = (_, nth) => (nth === n ? code : undefined)
  }

  heal(): void {
    this.judge = () => undefined
  }

  #step(what: string, path: string): void {
    this.calls.push(what)
    const code = this.judge(what, this.calls.length, path)
    if (code !== undefined) throw new InjectedError(code, what)
  }

  #file(file: FileHandle, path: string): FileHandle {
    const step = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      this.#step(what, path)
      return work()
    }
    return {
      stat: () => step('fstat', () => file.stat()),
      read: (...args) => step('read', () => file.read(...args)),
      writeFile: data => step('writeFile', () => file.writeFile(data)),
      utimes: (...args) => step('utimes', () => file.utimes(...args)),
      // A close that fails has closed all the same.
      close: async () => {
        await file.close()
        this.#step('close', path)
      },
    }
  }

  #directory(directory: Directory, path: string): Directory {
    return {
      read: async () => {
        this.#step('readdir', path)
        return directory.read()
      },
      close: async () => {
        await directory.close()
        this.#step('closedir', path)
      },
    }
  }
}
