import type { Folders } from './folders.js'
import type { FileSystem } from './fs.js'
import { Oldest, type Candidate } from './oldest.js'
import { pause } from './sweep.js'
import { walk } from './walk.js'

/** The most recently used entries, as few as come to so many bytes, the last used first; none where it was stopped before it had seen all. */
export async function mostRecent(
  folders: Folders,
  fs: FileSystem,
  bytes: number,
  isStopped: () => boolean,
): Promise<Candidate[]> {
  // In a time that runs backwards the youngest are the oldest.
  const backwards = new Oldest(bytes)
  const isWhole = await walk(folders, fs, {
    entry: ({ usedAt, writtenAt, ...found }) => {
      if (usedAt !== undefined && writtenAt !== undefined) backwards.add({ ...found, usedAt: -usedAt })
    },
    pause: () => pause(true).then(() => !isStopped()),
  })
  const found: Candidate[] = []
  for (let one = backwards.take(); isWhole && one !== undefined; one = backwards.take()) found.push(one)
  return found.reverse()
}
