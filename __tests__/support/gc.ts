import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// Works with and without --expose-gc on the command line.
setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Resident bytes of this process once garbage is gone. */
export function residentBytes(): number {
  gc()
  return process.memoryUsage().rss
}
