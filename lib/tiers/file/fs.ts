import { constants } from 'node:fs'
import * as node from 'node:fs/promises'

/** What the tier needs to know of a file. */
export interface FileStat {
  readonly size: number
  /** Of 512 bytes, as they lie on the disk; some platforms do not say. */
  readonly blocks?: number
  readonly ino: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  isFile(): boolean
  isDirectory(): boolean
}

export interface FileHandle {
  stat(): Promise<FileStat>
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
  writeFile(data: Buffer): Promise<void>
  utimes(atime: number, mtime: number): Promise<void>
  close(): Promise<void>
}

export interface Directory {
  read(): Promise<{ readonly name: string } | null>
  close(): Promise<void>
}

export interface FileSystemSpace {
  readonly bavail: number
  readonly blocks: number
  readonly bsize: number
  /** Inodes, where they are limited. */
  readonly files?: number
  readonly ffree?: number
}

/** The few calls the tier makes, so that a test can let the n-th fail. `node:fs/promises` is one. */
export interface FileSystem {
  open(path: string, flags: number, mode?: number): Promise<FileHandle>
  opendir(path: string, options: { bufferSize: number }): Promise<Directory>
  lstat(path: string): Promise<FileStat>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  mkdir(path: string, options: { mode: number }): Promise<unknown>
  access(path: string, mode: number): Promise<void>
  rmdir(path: string): Promise<void>
  statfs(path: string): Promise<FileSystemSpace>
}

export const nodeFileSystem: FileSystem = node

// Without O_NONBLOCK, a named pipe under one of our names would hold a thread for ever. Windows has neither flag.
const {
  O_RDONLY,
  O_WRONLY,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW = 0,
  O_NONBLOCK = 0,
} = constants as Partial<typeof constants> & Pick<typeof constants, 'O_RDONLY' | 'O_WRONLY' | 'O_CREAT' | 'O_EXCL'>
export const READ = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
export const CREATE = O_WRONLY | O_CREAT | O_EXCL

// Not `instanceof`: the errors of Node's own modules come from another realm under some test runners.
export const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined

/** Answers `otherwise` when the call fails with one of these codes, and rejects when it fails with another. */
export async function unless<T>(codes: readonly string[], otherwise: T, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (codes.some(code => code === codeOf(error))) return otherwise
    throw error
  }
}

/** Removes a file; answers whether it was there. */
export const unlinkIfThere = (fs: FileSystem, path: string): Promise<boolean> =>
  unless(
    ['ENOENT'],
    false,
    fs.unlink(path).then(() => true),
  )

/** Opens a regular file for one use. Undefined: nothing is there, or a link, a directory or a pipe, which are not ours. */
export async function withFile<T>(
  fs: FileSystem,
  path: string,
  use: (file: FileHandle, stat: FileStat) => Promise<T>,
): Promise<T | undefined> {
  // ELOOP is how O_NOFOLLOW answers to a link on Linux and macOS; ENXIO how a socket answers.
  const file = await unless(['ENOENT', 'ELOOP', 'ENXIO'], undefined, fs.open(path, READ))
  if (file === undefined) return undefined
  try {
    const stat = await file.stat()
    return stat.isFile() ? await use(file, stat) : undefined
  } finally {
    await file.close()
  }
}

/** The first `length` bytes of a file, or fewer where it ends earlier. */
export async function readBytes(file: FileHandle, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}
