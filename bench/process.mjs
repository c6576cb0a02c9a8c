// Starting variants and talking to them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { findVariant } from './find.mjs'
import { pinned } from './pin.mjs'
import { startProxy } from './proxy-process.mjs'
import { temporaryDirectory } from './temporary.mjs'

const serverFile = fileURLToPath(new URL('server.mjs', import.meta.url))

/**
 * Starts one variant. Rejects with the reason when it cannot be had here.
 * @param {string} name
 * @param {{ core?: number, workload?: string, directory?: string, add?: string, entries?: number, maxBytes?: number, flags?: string[] }} settings
 *   `flags` are those of V8
 */
export async function start(name, { core, directory = temporaryDirectory(), ...settings }) {
  const { proxy } = await findVariant(name, settings.add)
  if (proxy === undefined) return startServer(core, { ...settings, variant: name, directory })
  return startProxy(proxy, directory, core, () => startServer(core, { ...settings, variant: 'express', directory }))
}

async function startServer(core, { flags = [], ...settings }) {
  const args = ['--expose-gc', '--max-old-space-size=8192', ...flags, serverFile, JSON.stringify(settings)]
  const child = spawn(...pinned(core, process.execPath, args), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const tell = asker(child)
  const end = async () => {
    child.disconnect()
    await once(child, 'exit')
  }
  try {
    const port = await tell.ready
    return {
      port,
      tell,
      sample: () => tell('sample'),
      reset: () => tell('reset'),
      async stop() {
        await tell('close')
        await end()
      },
    }
  } catch (error) {
    if (child.connected) await end()
    throw error
  }
}

/** Gives orders over IPC, and each its own answer; `ready` is the first message, the port. */
function asker(child) {
  const waiting = new Map()
  let last = 0
  const expect = id => new Promise((resolve, reject) => waiting.set(id, { resolve, reject }))
  child.on('message', ({ id, result, error }) => {
    if (error === undefined) waiting.get(id).resolve(result)
    else waiting.get(id).reject(new Error(error))
    waiting.delete(id)
  })
  child.once('exit', code => {
    for (const { reject } of waiting.values()) reject(new Error(`its process ended with code ${code}`))
  })
  const tell = order => {
    if (!child.connected) return Promise.reject(new Error('its process has ended'))
    child.send({ id: ++last, order })
    return expect(last)
  }
  return Object.assign(tell, { ready: expect(0) })
}
