import { unless, type FileStat, type FileSystem } from './fs.js'

/** File systems give out whole blocks: a file of one byte takes one. Of larger blocks `stat` tells. */
const BLOCK = 4_096

/** What an entry takes beside its two files where it is alone: the folder of its movie, and that of its URL. */
export const DIRECTORIES = 2 * BLOCK

/** What the smallest entry counts for: a budget holds no more entries than it has of these. */
export const LEAST_ENTRY = 2 * BLOCK + DIRECTORIES

/** Files and directories of one entry: body, meta, a mark, and the two folders. */
const INODES = 5

/** Bytes on disk of a file of so many. */
export const inBlocks = (bytes: number): number => Math.ceil(bytes / BLOCK) * BLOCK

/** Bytes on disk of an entry. */
export const spaceOf = (bodyBytes: number, metaBytes: number): number =>
  inBlocks(bodyBytes) + inBlocks(metaBytes) + DIRECTORIES

/** Bytes on disk of a file that is there. */
export const spaceOfFile = ({ size, blocks = 0 }: FileStat): number => Math.max(inBlocks(size), blocks * 512)

const MOST_KEPT_FREE = 64 * 1024 * 1024
const MOST_INODES_KEPT_FREE = 65_536
const SHARE_KEPT_FREE = 0.05

/** Bytes that are missing for so much to stay free on the file system of a path; 0 when there is room. Nothing is said of a missing path. */
export async function missingSpace(fs: FileSystem, path: string, minFreeBytes: number | undefined): Promise<number> {
  const space = await unless(['ENOENT'], undefined, fs.statfs(path))
  if (space === undefined) return 0
  const { bavail, blocks, bsize, files = 0, ffree = 0 } = space
  const least = minFreeBytes ?? Math.min(MOST_KEPT_FREE, blocks * bsize * SHARE_KEPT_FREE)
  // Where inodes are limited everybody needs some, and many small files use them up long before the bytes.
  const leastInodes = minFreeBytes === 0 ? 0 : Math.min(MOST_INODES_KEPT_FREE, files * SHARE_KEPT_FREE)
  const missingInodes = files > 0 ? leastInodes - ffree : 0
  return Math.max(0, Math.ceil(least - bavail * bsize), Math.ceil(missingInodes / INODES) * LEAST_ENTRY)
}
