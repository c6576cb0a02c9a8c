import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { printableJson, printableLine } from '../../core/printable.js'
import { warm } from '../warm.js'
import { commandOf, HELP, type Command } from './arguments.js'
import { requestsIn } from './lines.js'
import { overHttp } from './over-http.js'
import { Progress } from './progress.js'
import { watchReach } from './reach.js'
import { Recheck } from './recheck.js'
import { textOf } from './report.js'

const FAILED = 1
const WRONG = 2
/** As shells count what an interrupt has ended: 128 and the number of the signal. */
const INTERRUPTED = 130

/** Does what the command line says; answers the exit code. */
export async function run(args: readonly string[], version: () => string): Promise<number> {
  const command = commandOf(args)
  switch (command.is) {
    case 'help':
      return print(HELP)
    case 'version':
      return print(version())
    case 'wrong':
      return complain(command.message)
    case 'warm':
      if (command.file === undefined && process.stdin.isTTY) return complain('Name a file, or pipe one in')
      return warmServer(command)
  }
}

async function warmServer({ file, isJson, options }: Extract<Command, { is: 'warm' }>): Promise<number> {
  const input = await openInput(file)
  if (input instanceof Error) return complain(input.message)
  const { send, close } = overHttp(options.concurrency)
  const read = { bytes: 0 }
  const progress = new Progress(process.stderr, () => input.size && read.bytes / input.size)
  const interrupt = new AbortController()
  const recheck = new Recheck()
  let dead: string | undefined
  const reach = watchReach(send, message => {
    dead = message
    interrupt.abort()
  })
  // Only the first: the second one ends the process as always.
  process.once('SIGINT', () => interrupt.abort())
  try {
    const onProgress: typeof options.onProgress = state => progress.show(state)
    const { signal } = interrupt
    const report = await warm(recheck.watch(reach), requestsIn(input.text, read), { ...options, signal, onProgress })
    progress.end()
    const { asked, there } = signal.aborted ? { asked: 0, there: 0 } : await recheck.run(send, options.timeout)
    print(isJson ? printableJson(report) : textOf(report))
    if (dead !== undefined) return complain(dead, FAILED)
    if (there < asked) process.stderr.write(`reelcache: ${overflow(asked, there)}\n`)
    if (report.aborted) return INTERRUPTED
    return report.failed > 0 ? FAILED : 0
  } catch (error) {
    progress.end()
    return complain(error instanceof Error ? error.message : error, FAILED)
  } finally {
    close()
    // It may be waiting for a line that nobody writes any more.
    input.text.destroy()
  }
}

const overflow = (asked: number, there: number): string =>
  `Of ${asked} stored answers that were asked for again ${there} were still there: the list is longer than the ` +
  'cache can hold. Raise maxSize of the profile, or memory.maxBytes, or warm fewer.'

interface Input {
  readonly text: Readable
  /** Undefined where nobody knows how much will come. */
  readonly size: number | undefined
}

async function openInput(path: string | undefined): Promise<Input | Error> {
  if (path === undefined) return { text: process.stdin, size: undefined }
  try {
    const file = await open(path)
    const stat = await file.stat()
    return { text: file.createReadStream(), size: stat.isFile() ? stat.size : undefined }
  } catch (error) {
    return error as Error
  }
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return 0
}

function complain(message: unknown, code = WRONG): number {
  process.stderr.write(
    `reelcache: ${printableLine(message)}${code === WRONG ? '\nreelcache --help says how it is called.' : ''}\n`,
  )
  return code
}
