import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { dirname, join } from 'node:path'
import { hasWrk } from './wrk.mjs'

const require = createRequire(import.meta.url)

/** Not every package lets its package.json be asked for. */
function versionOf(name) {
  let directory = dirname(require.resolve(name))
  for (;;) {
    try {
      const found = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
      if (found.name === name) return `${name} ${found.version}`
    } catch (error) {
      if (error.code !== 'ENOENT') throw error
    }
    directory = dirname(directory)
  }
}

/** What the numbers were made on and with. */
export function machine() {
  const processors = cpus()
  const gigabytes = Math.round(totalmem() / 2 ** 30)
  const packages = ['express', 'apicache', 'route-cache', 'autocannon'].map(versionOf)
  const load = hasWrk ? 'one request again and again by wrk' : 'without wrk'
  return [
    `${processors[0].model.trim()}, ${processors.length} cores, ${gigabytes} GiB, ${type()} ${release()}, load average ${loadavg()[0].toFixed(2)};`,
    `Node ${process.versions.node}, ${packages.join(', ')}, ${load}; ${new Date().toISOString().slice(0, 10)}.`,
  ].join('\n')
}
