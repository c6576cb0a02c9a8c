import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Milliseconds } from '../../core/types.js'
import type { Command, Connection } from './client.js'
import { inTime, isReply, NoReply } from './commands.js'
import { ALL, MOST_PURGES, type KnownPurges, type Purged } from './known-purges.js'
import type { PurgeId } from './purge-ids.js'

export interface PurgeLogOptions {
  /** A connection for this alone: its reads block. */
  readonly connection: Connection
  /** What the stream is called. */
  readonly name: string
  readonly known: KnownPurges
  /** Another machine has purged. */
  readonly onPurges: (purged: readonly Purged[]) => void
  /** From now on the log is followed; `hasGap`: purges may have been missed that nobody can tell any more. */
  readonly onFollowing: (begun: { readonly isFirst: boolean; readonly hasGap: boolean }) => void
  readonly onError: (error: unknown) => void
}

interface Message {
  readonly id: PurgeId
  readonly by: string
  readonly purged: readonly Purged[]
}

/** How long a read waits for news. When none come it ends all the same: that shows that the connection lives. */
const BLOCK = 1_000
const PATIENCE = 1_500
const RETRY_PAUSE = 100
const PAGE = 1_000

/** The one truth about purges: a stream that every machine writes its own to, and reads from beginning to end. */
export class PurgeLog {
  /** All that was in the log when it was last looked at is known, and what comes will be heard of. */
  isFollowed = false
  readonly #machine = randomUUID()
  #isFirst = true
  #hasGap = false
  #hasEnded = false

  constructor(private readonly options: PurgeLogOptions) {}

  /** Reads on until it is ended. */
  async follow(): Promise<void> {
    await this.options.connection.opened
    while (!this.#hasEnded) {
      try {
        await this.#catchUp()
        await this.#payOff()
        this.#begin()
        await this.#wait()
      } catch (error) {
        this.isFollowed = false
        this.options.onError(error)
        if (error instanceof NoReply) this.options.connection.renew()
        await pause(RETRY_PAUSE, undefined, { ref: false })
      }
    }
  }

  end(): void {
    this.isFollowed = false
    this.#hasEnded = true
  }

  /** The command that tells the others. */
  message(purged: readonly Purged[]): Command {
    const fields = ['by', this.#machine, 'purged', JSON.stringify(purged)]
    return { name: 'XADD', key: this.options.name, tail: ['MAXLEN', '~', String(MOST_PURGES), '*', ...fields] }
  }

  #begin(): void {
    if (this.isFollowed) return
    this.isFollowed = true
    const begun = { isFirst: this.#isFirst, hasGap: this.#hasGap }
    this.#isFirst = this.#hasGap = false
    this.options.onFollowing(begun)
  }

  /** Reads what has come since, page by page. */
  async #catchUp(): Promise<void> {
    const { known } = this.options
    for (;;) {
      const { last } = known
      const page = await this.#read(last ?? '-')
      // The last one read is asked for again: where it is not there any more, others may have gone with it, unread.
      if (last !== undefined && page.shift()?.id !== last) {
        known.forget()
        this.#hasGap = true
        this.isFollowed = false
        continue
      }
      if (last === undefined && page.length === 0) await this.#ask(this.message([]), PATIENCE)
      for (const message of page) this.#take(message)
      if (known.last !== undefined && page.length < PAGE - 1) return
    }
  }

  #take({ id, by, purged }: Message): void {
    const { known, onPurges } = this.options
    known.take(id, purged)
    // At the beginning, and after a gap, all that is kept here is judged at once, when everything has been read.
    const isNews = !this.#isFirst && !this.#hasGap
    // What this machine has purged it has thrown out already.
    if (isNews && by !== this.#machine && purged.length > 0) onPurges(purged)
  }

  /** Sends what was purged while the store could not be told. */
  async #payOff(): Promise<void> {
    const { known, onError } = this.options
    const { owed } = known
    if (owed.length === 0) return
    for (const one of owed) one.isUnderWay = true
    try {
      const purged = [...new Set(owed.map(one => one.purged))]
      known.settle(String(await this.#ask(this.message(purged), PATIENCE)), owed)
    } catch (error) {
      for (const one of owed) one.isUnderWay = false
      // A store that is full or read-only can be read all the same.
      if (!isReply(error)) throw error
      onError(error)
    }
  }

  async #wait(): Promise<void> {
    const { name, known } = this.options
    const head = ['BLOCK', String(BLOCK), 'STREAMS']
    await this.#ask({ name: 'XREAD', head, key: name, tail: [known.last!] }, BLOCK + PATIENCE)
  }

  async #read(from: string): Promise<Message[]> {
    const { name } = this.options
    const tail = [from, '+', 'COUNT', String(PAGE)]
    const reply = await this.#ask({ name: 'XRANGE', key: name, tail }, PATIENCE)
    return (reply as [unknown, unknown[]][]).map(messageOf)
  }

  #ask(command: Command, patience: Milliseconds): Promise<unknown> {
    return inTime(this.options.connection.send(command), patience)
  }
}

/** What cannot be read may have been a purge of anything. */
function messageOf([id, words]: [unknown, unknown[]]): Message {
  const fields = new Map<string, string>()
  for (let at = 0; at < words.length; at += 2) fields.set(String(words[at]), String(words[at + 1]))
  return { id: String(id), by: fields.get('by') ?? '', purged: listOf(fields.get('purged') ?? '') ?? [ALL] }
}

function listOf(text: string): Purged[] | undefined {
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) && list.every(one => typeof one === 'string') ? list : undefined
  } catch {
    return undefined
  }
}
