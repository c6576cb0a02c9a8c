import { unless, type FileSystem } from './fs.js'

const MOST_KEPT_FREE = 64 * 1024 * 1024
const SHARE_KEPT_FREE = 0.05

/** Bytes that are missing for so much to stay free on the file system of a path; 0 when there is room. Nothing is said of a missing path. */
export async function missingSpace(fs: FileSystem, path: string, minFreeBytes: number | undefined): Promise<number> {
  const space = await unless(['ENOENT'], undefined, fs.statfs(path))
  if (space === undefined) return 0
  const { bavail, blocks, bsize } = space
  const least = minFreeBytes ?? Math.min(MOST_KEPT_FREE, blocks * bsize * SHARE_KEPT_FREE)
  return Math.max(0, Math.ceil(least - bavail * bsize))
}
