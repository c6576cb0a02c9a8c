import { statfs } from 'node:fs/promises'

/** Of the file system that a directory lies on. */
export interface Disk {
  readonly free: number
  /** Below so much free it is low. */
  readonly low: number
}

const LOW_BYTES = 128 * 1024 * 1024
const LOW_SHARE = 0.1

/** Looks at the file system of a directory. Undefined: it cannot be seen, for example because the directory is still to be made. */
export async function diskOf(dir: string, minFreeBytes: number | undefined): Promise<Disk | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(dir)
    return { free: bavail * bsize, low: minFreeBytes === undefined ? lowBytes(blocks * bsize) : 2 * minFreeBytes }
  } catch {
    return undefined
  }
}

/** Twice what the files leave free by themselves. */
const lowBytes = (size: number): number => Math.min(LOW_BYTES, size * LOW_SHARE)
