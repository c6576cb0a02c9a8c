// A proxy in front of the plain app: started, watched and ended together with it.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from './free-port.mjs'
import { peakOf } from './peak.mjs'
import { pinned } from './pin.mjs'

/** CPU and memory are the proxy's and the app's together. */
export async function startProxy({ command, configure }, directory, core, startOrigin) {
  if (spawnSync(command, ['-V']).error !== undefined) throw new Error(`there is no ${command} on the PATH`)
  const origin = await startOrigin()
  const port = await freePort()
  const child = spawn(...pinned(core, command, configure(directory, port, origin.port)), { stdio: 'ignore' })
  const kill = () => child.kill()
  process.once('exit', kill)
  const stop = async () => {
    process.off('exit', kill)
    if (child.exitCode === null) await Promise.all([once(child, 'exit'), kill()])
    await origin.stop()
  }
  if (!(await listens(port, child))) {
    await stop()
    throw new Error(`${command} did not begin to listen`)
  }
  return {
    port,
    async sample() {
      const app = await origin.sample()
      const all = [app, ...familyOf(child.pid).map(usage)]
      const sum = field => all.reduce((total, each) => total + each[field], 0)
      return { cpu: sum('cpu'), calls: app.calls, peak: sum('peak') }
    },
    // Nothing is asked of a proxy that would fill it to the brim.
    async reset() {},
    stop,
  }
}

async function listens(port, child) {
  for (let tries = 0; tries < 100 && child.exitCode === null; tries++) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return true
    } catch {
      await wait(100)
    } finally {
      socket.destroy()
    }
  }
  return false
}

function familyOf(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return [pid, ...(children === '' ? [] : children.split(' ').flatMap(familyOf))]
}

/** proc(5): `stat` has user and system time, in hundredths of a second, as its 14th and 15th field; the 2nd may hold blanks. */
function usage(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return { cpu: (user + system) * 10_000, peak: peakOf(pid) }
}
