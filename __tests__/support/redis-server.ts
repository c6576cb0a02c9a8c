import { randomInt } from 'node:crypto'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { findProgram } from './programs.js'

const executable = findProgram('redis-server')

/** `describe` where there is a redis-server; elsewhere the suite is skipped and says what to do. */
export const withRedis = executable === undefined ? describe.skip : describe

if (executable === undefined) process.emitWarning('Redis tests are skipped: apt-get install redis-server')

/** A redis-server of the test's own, which keeps nothing on disk and ends with the test file. */
export interface RedisServer {
  readonly port: number
  /** Alive and connected, and silent from now on. */
  freeze(): void
  thaw(): void
  kill(): Promise<void>
  /** Once more, on the same port and empty. */
  start(): Promise<void>
  /** A command over a connection of its own. */
  order(...words: (string | number | Buffer)[]): Promise<unknown>
  /** The same, and the answer as bytes. */
  bytes(...words: (string | number | Buffer)[]): Promise<unknown>
}

const running = new Set<ChildProcess>()
const directories: string[] = []

// Where the tests are broken off no hook runs.
process.once('exit', () => running.forEach(child => child.kill('SIGKILL')))

afterAll(async () => {
  await Promise.all([...running].map(end))
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})

/** Starts one on a free port; `settings` are lines of redis.conf: `'maxmemory 2mb'`. */
export async function startRedis(...settings: string[]): Promise<RedisServer> {
  const port = await freePort()
  const directory = mkdtempSync(join(tmpdir(), 'reelcache-redis-'))
  directories.push(directory)
  let child: ChildProcess | undefined
  const asked = async <T>(ask: (redis: Redis) => Promise<T>): Promise<T> => {
    const redis = new Redis({ host: '127.0.0.1', port, retryStrategy: () => null })
    redis.on('error', () => undefined)
    try {
      return await ask(redis)
    } finally {
      redis.disconnect()
    }
  }
  const server: RedisServer = {
    port,
    freeze: () => child!.kill('SIGSTOP'),
    thaw: () => child!.kill('SIGCONT'),
    kill: () => end(child!),
    start: async () => {
      child = await launched(port, directory, settings)
    },
    order: (command, ...rest) => asked(redis => redis.call(String(command), ...rest)),
    bytes: (command, ...rest) => asked(redis => redis.callBuffer(String(command), ...rest)),
  }
  await server.start()
  return server
}

const PORTS = { from: 20_000, to: 32_000 }

/**
 * A port that nobody listens on. Not one of those that the system gives to outgoing connections: a client that tries to reach a server that
 * has been killed could get its port, and would then be connected to itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to)
    const probe = createServer()
    const isFree = new Promise<boolean>(resolve => {
      probe.once('error', () => resolve(false)).once('listening', () => resolve(true))
    })
    probe.listen(port, '127.0.0.1')
    if (!(await isFree)) continue
    probe.close()
    await once(probe, 'close')
    return port
  }
}

async function launched(port: number, directory: string, settings: readonly string[]): Promise<ChildProcess> {
  const lines = [`port ${port}`, 'bind 127.0.0.1', `dir ${directory}`, 'save ""', 'appendonly no', ...settings]
  const child = spawn(executable!, ['-'], { stdio: ['pipe', 'pipe', 'inherit'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  child.stdin.end(lines.join('\n'))
  const said: string[] = []
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stdout).on('line', line => {
      said.push(line)
      if (/Ready to accept connections/.test(line)) resolve()
    })
    child.once('exit', () => reject(new Error(`redis-server ended:\n${said.join('\n')}`)))
    child.once('error', reject)
  })
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
