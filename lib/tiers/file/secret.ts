import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { codeOf, CREATE, READ } from './fs.js'

const NAME = '.audio-secret'
const BYTES = 32
const TEXT = /^[0-9a-f]{64}\n$/

/**
 * The secret of a directory, made where it is missing: processes that share the files share it, and it outlives them. Undefined where the
 * directory cannot be used. It is read at start, before there is anybody to wait.
 */
export function directorySecret(dir: string): Buffer | undefined {
  try {
    return read(join(dir, NAME)) ?? make(dir)
  } catch {
    return undefined
  }
}

/** Undefined: it is missing, or not as we write it; what others may read is no secret. */
function read(path: string): Buffer | undefined {
  const file = unlessSync(['ENOENT', 'ELOOP', 'ENXIO'], () => openSync(path, READ))
  if (file === undefined) return undefined
  try {
    const stat = fstatSync(file)
    const isOpen = process.platform !== 'win32' && (stat.mode & 0o077) !== 0
    if (!stat.isFile() || isOpen) return undefined
    const bytes = Buffer.alloc(2 * BYTES + 2)
    const text = bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0))
    return TEXT.test(text) ? Buffer.from(text.trim(), 'hex') : undefined
  } finally {
    closeSync(file)
  }
}

/** Written under another name, so that nobody reads a part of it; of two that do so at once the first one's counts. */
function make(dir: string): Buffer | undefined {
  makeDirectory(dir)
  const path = join(dir, NAME)
  const temporary = join(dir, `${NAME}.${process.pid}.${randomBytes(8).toString('hex')}.tmp`)
  const file = openSync(temporary, CREATE, 0o600)
  try {
    writeSync(file, `${randomBytes(BYTES).toString('hex')}\n`)
  } finally {
    closeSync(file)
  }
  try {
    const isLinked = unlessSync(['EEXIST', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'], () => {
      linkSync(temporary, path)
      return true
    })
    // A file system without links, or something damaged in its place.
    if (isLinked !== true && read(path) === undefined) renameSync(temporary, path)
  } finally {
    unlessSync(['ENOENT'], () => unlinkSync(temporary))
  }
  return read(path)
}

/** Step by step: Node's recursive mkdir never ends where a file system answers ENOENT to every try, as /proc does. */
function makeDirectory(path: string): void {
  const make = (): boolean => {
    mkdirSync(path, { mode: 0o700 })
    return true
  }
  if (unlessSync(['EEXIST'], () => unlessSync(['ENOENT'], make) ?? makeAbove()) === undefined) return

  function makeAbove(): boolean {
    if (dirname(path) === path) throw new Error(`${path} is missing`)
    makeDirectory(dirname(path))
    return make()
  }
}

function unlessSync<T>(codes: readonly string[], call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (codes.some(code => code === codeOf(error))) return undefined
    throw error
  }
}
