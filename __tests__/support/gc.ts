import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// Works with and without --expose-gc on the command line.
setFlagsFromString('--expose-gc')
export const collectGarbage = runInNewContext('gc') as () => void

/** Resident bytes of this process once garbage is gone. */
export function residentBytes(): number {
  collectGarbage()
  return process.memoryUsage().rss
}
