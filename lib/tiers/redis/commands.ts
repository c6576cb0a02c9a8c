import type { Milliseconds } from '../../core/types.js'
import type { Command, Connection } from './client.js'

export interface CommandOptions {
  readonly connection: Connection
  /** How long a command may take. */
  readonly timeout: Milliseconds
  /** What is asked to learn whether the store is there again. */
  readonly probe: Command
  /** The store is asked again. */
  readonly onBack: () => void
}

/** Commands under way at one time, and bytes that they may send: a store that falls behind must not fill our memory. */
const MAX_COMMANDS = 1_000
const MAX_BYTES = 32 * 1024 * 1024

const FIRST_PAUSE = 250
const LONGEST_PAUSE = 5_000

/** The store did not answer in time. */
export class NoReply extends Error {
  override readonly name = 'NoReply'
}

/** It was not asked. */
export class NotSent extends Error {
  override readonly name = 'NotSent'
}

/**
 * Commands that cost a request a deadline at most. One that is not answered opens the circuit breaker: nothing is sent any more but a probe
 * now and then, and everything else fails at once.
 */
export class Commands {
  #commands = 0
  #bytes = 0
  #probing: NodeJS.Timeout | undefined
  #isProbing = false
  #pause = FIRST_PAUSE
  #closedAt = -Infinity
  #hasEnded = false

  constructor(private readonly options: CommandOptions) {}

  /** Nothing is sent: the store is away. */
  get isOpen(): boolean {
    return this.#probing !== undefined || this.#hasEnded
  }

  /** Rejects with `NotSent`, with `NoReply` when the time is over, and with the store's own error when that is the reply. */
  async send(command: Command): Promise<unknown> {
    if (this.isOpen) throw new NotSent('The store is away')
    if (this.#commands >= MAX_COMMANDS || this.#bytes >= MAX_BYTES) throw new NotSent('The store has too much to do')
    try {
      return await this.#ask(command)
    } catch (error) {
      if (!isReply(error)) this.#open()
      throw error
    }
  }

  /** Asks now whether the store is there again: somebody has heard of it. */
  probe(): void {
    if (this.#probing === undefined || this.#isProbing || this.#hasEnded) return
    clearTimeout(this.#probing)
    void this.#probe()
  }

  end(): void {
    this.#hasEnded = true
    clearTimeout(this.#probing)
  }

  #ask(command: Command): Promise<unknown> {
    const bytes = sizeOf(command)
    this.#commands++
    this.#bytes += bytes
    const { connection, timeout } = this.options
    const reply = connection.send(command).finally(() => {
      this.#commands--
      this.#bytes -= bytes
    })
    // Somebody waits, and the connection alone keeps no process alive.
    return inTime(reply, timeout, true)
  }

  #open(): void {
    if (this.isOpen) return
    // Away again so soon: whatever answers the probes is not all there.
    const isRelapse = performance.now() - this.#closedAt < LONGEST_PAUSE
    this.#pause = isRelapse ? Math.min(2 * this.#pause, LONGEST_PAUSE) : FIRST_PAUSE
    this.#probeLater()
  }

  #probeLater(): void {
    this.#probing = setTimeout(() => void this.#probe(), this.#pause).unref()
  }

  async #probe(): Promise<void> {
    this.#isProbing = true
    try {
      await this.#ask(this.options.probe)
    } catch (error) {
      if (this.#hasEnded) return
      if (!isReply(error)) {
        // Connected, and silent: that connection may never speak again.
        if (error instanceof NoReply) this.options.connection.renew()
        this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE)
        return this.#probeLater()
      }
    } finally {
      this.#isProbing = false
    }
    this.#probing = undefined
    this.#closedAt = performance.now()
    this.options.onBack()
  }
}

/** Rejects with `NoReply` when the time is over; a reply that comes later is dropped. */
export function inTime<T>(reply: Promise<T>, timeout: Milliseconds, holdsProcess = false): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new NoReply(`The store did not answer within ${timeout} ms`))
    // It may be we who are late, and the reply be here already: one more turn of the loop takes it in.
    const timer = setTimeout(() => setImmediate(late), timeout)
    if (!holdsProcess) timer.unref()
    reply.finally(() => clearTimeout(timer)).then(resolve, reject)
  })
}

/** Errors of the store begin with a word in capitals. These mean that it does not work at all at the moment. */
export const isReply = (error: unknown): boolean =>
  error instanceof Error && /^(?!LOADING|CLUSTERDOWN|MASTERDOWN)[A-Z]+ /.test(error.message)

function sizeOf({ key, tail = [] }: Command): number {
  return tail.reduce((sum, word) => sum + word.length, key.length)
}
