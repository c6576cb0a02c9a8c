// A redis-server for the variants that keep their answers in one.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.mjs'

/**
 * Starts it where the load runs: what is measured has its own core to itself. It ends with the bench.
 * @returns its port; rejects with the reason when it cannot be had here
 */
export async function startStore() {
  const port = await freePort()
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', '/'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.once('exit', () => child.kill('SIGKILL'))
  await new Promise((resolve, reject) => {
    child.once('error', () => reject(new Error('there is no redis-server on the PATH')))
    child.once('exit', () => reject(new Error('redis-server did not begin to listen')))
    createInterface(child.stdout).on('line', line => line.includes('Ready to accept connections') && resolve())
  })
  child.unref()
  child.stdout.unref()
  return port
}
