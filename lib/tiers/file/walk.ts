import { unless, type FileStat, type FileSystem } from './fs.js'
import type { Folders } from './folders.js'
import { isFolder, parseName, type FileName } from './names.js'
import { DIRECTORIES, spaceOfFile } from './space.js'

/** Names looked at between two turns of the event loop, and how many of them at once. */
const SLICE = 64
export const AT_ONCE = 8

/** What lies in a folder of ours: a whole entry, a part of one that lacks the other, or a temporary file. */
export interface Found {
  readonly folder: string
  readonly digest: string
  readonly extension: string | undefined
  /** Meta and body. */
  readonly bytes: number
  /** What they take on the disk, with the directories an entry needs. */
  readonly space: number
  /** Of the meta: when the entry was last used. Undefined: there is none. */
  readonly usedAt: number | undefined
  /** Of the body: when it was written. */
  readonly writtenAt: number | undefined
}

export interface FoundTemporary {
  readonly folder: string
  readonly name: string
  readonly pid: number
  readonly instance: string
  readonly stat: FileStat
}

export interface Visitor {
  readonly entry: (found: Found) => Promise<void> | void
  readonly temporary?: (found: FoundTemporary) => Promise<void>
  readonly folderDone?: (folder: string) => Promise<void>
  /** Lets go of the event loop. Answers false when the walk is to end. */
  readonly pause: () => Promise<boolean>
}

/** The names in a directory, some at a time; nothing where it is missing. */
export async function* namesIn(fs: FileSystem, path: string): AsyncGenerator<string[]> {
  const directory = await unless(['ENOENT'], undefined, fs.opendir(path, { bufferSize: SLICE }))
  if (directory === undefined) return
  try {
    for (;;) {
      const names: string[] = []
      let entry: { readonly name: string } | null = null
      while (names.length < SLICE && (entry = await directory.read()) !== null) names.push(entry.name)
      if (names.length > 0) yield names
      if (entry === null) return
    }
  } finally {
    await directory.close()
  }
}

/** Goes through everything of ours below the root, in slices; holds no more than the halves of one folder. */
export async function walk(folders: Folders, fs: FileSystem, visitor: Visitor): Promise<boolean> {
  if (!(await folders.has(folders.root))) return true
  for await (const names of namesIn(fs, folders.root)) {
    for (const folder of names.filter(isFolder)) {
      if (!(await walkFolder(folders, fs, folder, visitor))) return false
      await visitor.folderDone?.(folder)
    }
    if (!(await visitor.pause())) return false
  }
  return true
}

export async function walkFolder(folders: Folders, fs: FileSystem, folder: string, visitor: Visitor): Promise<boolean> {
  if (!(await folders.has(folders.path(folder)))) return true
  const halves = new Map<string, Found>()
  for await (const names of namesIn(fs, folders.path(folder))) {
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const files = await Promise.all(names.slice(at, at + AT_ONCE).map(name => look(folders, fs, folder, name)))
      const seen = files.filter(file => file !== undefined)
      await Promise.all(seen.map(file => take(folder, file, halves, visitor)))
    }
    if (!(await visitor.pause())) return false
  }
  for (const half of halves.values()) await visitor.entry(half)
  return true
}

interface Seen {
  readonly name: string
  readonly means: FileName
  readonly stat: FileStat
}

async function look(folders: Folders, fs: FileSystem, folder: string, name: string): Promise<Seen | undefined> {
  const means = parseName(name)
  if (means === undefined) return undefined
  const stat = await unless(['ENOENT'], undefined, fs.lstat(folders.path(folder, name)))
  return stat?.isFile() === true ? { name, means, stat } : undefined
}

/** Puts a meta and its body together; whichever comes first waits for the other. */
async function take(folder: string, seen: Seen, halves: Map<string, Found>, visitor: Visitor): Promise<void> {
  const { name, means, stat } = seen
  if (means.is === 'temporary') {
    await visitor.temporary?.({ folder, name, pid: means.pid, instance: means.instance, stat })
    return
  }
  const { digest } = means
  const half: Found = {
    folder,
    digest,
    extension: means.is === 'body' ? means.extension : undefined,
    bytes: stat.size,
    space: spaceOfFile(stat) + (means.is === 'meta' ? DIRECTORIES : 0),
    usedAt: means.is === 'meta' ? stat.mtimeMs : undefined,
    writtenAt: means.is === 'body' ? stat.mtimeMs : undefined,
  }
  const other = halves.get(digest)
  // Two bodies under one digest: a type changed between the write of one and its end. Both are judged alone.
  if (other === undefined || (other.usedAt === undefined) === (half.usedAt === undefined)) {
    if (other !== undefined) await visitor.entry(other)
    halves.set(digest, half)
    return
  }
  halves.delete(digest)
  await visitor.entry({
    folder,
    digest,
    extension: half.extension ?? other.extension,
    bytes: half.bytes + other.bytes,
    space: half.space + other.space,
    usedAt: half.usedAt ?? other.usedAt,
    writtenAt: half.writtenAt ?? other.writtenAt,
  })
}
