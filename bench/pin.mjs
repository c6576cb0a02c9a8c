import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Puts this process, which makes the load, on one core and leaves another to the servers. Answers in words what it did. */
export function pin() {
  const [core, loadCore] = allowedCores()
  if (loadCore === undefined) return { words: 'not pinned, there are no two cores to choose' }
  const { status } = spawnSync('taskset', ['-apc', String(loadCore), String(process.pid)])
  if (status !== 0) return { words: 'not pinned, there is no taskset' }
  return { core, words: `server on core ${core}, load on core ${loadCore}` }
}

/** A command and its arguments, to run on one core where there is one to choose. */
export const pinned = (core, command, args) =>
  core === undefined ? [command, args] : ['taskset', ['-c', String(core), command, ...args]]

function allowedCores() {
  if (process.platform !== 'linux') return []
  const [, list] = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))
  return list.split(',').flatMap(part => {
    const [first, last = first] = part.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}
