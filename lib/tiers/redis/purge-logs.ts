import { setTimeout as pause } from 'node:timers/promises'
import { urlTagOf } from '../../core/tags.js'
import type { Milliseconds } from '../../core/types.js'
import type { Command, Connection } from './client.js'
import { ALL, ALL_URLS, isUrl, KnownPurges, type Judged, type OwedPurge, type Purged } from './known-purges.js'
import { PurgeLog, type PurgeLogOptions } from './purge-log.js'

export interface PurgeLogsOptions extends Pick<PurgeLogOptions, 'onPurges' | 'onFollowing' | 'onError'> {
  /** A connection for each log. */
  readonly connect: () => Connection
  /** What the streams are called. */
  readonly names: { readonly purges: string; readonly outdated: string }
}

/** A purge that is being told. */
interface Telling {
  readonly command: Command
  /** It is in the log under this id; undefined: it could not be told, and is owed. */
  readonly done: (id: unknown) => void
}

const SPAN_BETWEEN_LOOKS = 20

/**
 * Two logs: of what people throw out, and of URLs whose answers an unsafe method has made out of date (RFC 9111 section 4.4). Each POST that
 * makes an answer writes to the second; in one log those would soon have pushed the purges out, and paid speech would have been given up
 * because nobody could tell any more what had been purged.
 */
export class PurgeLogs {
  readonly #purges: Followed
  readonly #outdated: Followed
  readonly #both: readonly Followed[]

  constructor(options: PurgeLogsOptions) {
    this.#purges = new Followed(options, options.names.purges, ALL)
    this.#outdated = new Followed(options, options.names.outdated, ALL_URLS)
    this.#both = [this.#purges, this.#outdated]
  }

  follow(): void {
    for (const { log } of this.#both) void log.follow()
  }

  /** All that was purged is known, and what comes will be heard of. */
  get isFollowed(): boolean {
    return this.#both.every(({ log }) => log.isFollowed)
  }

  /** What an answer is as of whose making begins now: an id of each log. Undefined while one is not known. */
  get asOf(): string | undefined {
    const ids = this.#both.map(({ known }) => known.asOf)
    return ids.includes(undefined) ? undefined : ids.join(' ')
  }

  /** Whether an entry from the store may be served. */
  allows(entry: Judged): boolean {
    return this.#concerned(entry).every(([{ known }, part]) => known.allows(part))
  }

  /** Whether a purge has thrown out an entry that is kept on this machine. */
  isOutdated(entry: Judged): boolean {
    return this.#concerned(entry).some(([{ known }, part]) => known.isOutdated(part))
  }

  /** The command that tells the other machines. */
  tell(purged: Purged): Telling {
    const { known, log } = isUrl(purged) ? this.#outdated : this.#purges
    const owed: OwedPurge = known.owe(purged)
    const done = (id: unknown): void => {
      owed.isUnderWay = false
      if (Buffer.isBuffer(id)) known.settle(id.toString(), [owed])
    }
    return { command: log.message([owed.purged]), done }
  }

  /** Waits until nothing is owed, but no longer than so: whoever purges and ends has told the others. */
  async told(patience: Milliseconds): Promise<void> {
    const until = performance.now() + patience
    while (this.#both.some(({ known }) => known.isOwing) && performance.now() < until) await pause(SPAN_BETWEEN_LOOKS)
  }

  end(): void {
    for (const { log, connection } of this.#both) {
      log.end()
      connection.close()
    }
  }

  /** The logs that may hold a purge of an entry, each with the entry as that log knows it. */
  #concerned({ key, movie, storedAt, asOf }: Judged): [Followed, Judged][] {
    const ids = asOf?.split(' ') ?? []
    return this.#both
      .filter(followed => followed === this.#purges || urlTagOf(key) !== undefined)
      .map(followed => {
        const id = ids[this.#both.indexOf(followed)]
        return [followed, { key, movie, storedAt, ...(id !== undefined && { asOf: id }) }]
      })
  }
}

/** A log, and what was read of it. */
class Followed {
  readonly known: KnownPurges
  readonly connection: Connection
  readonly log: PurgeLog

  constructor({ connect, onPurges, onFollowing, onError }: PurgeLogsOptions, name: string, everything: Purged) {
    this.known = new KnownPurges(everything)
    this.connection = connect()
    this.log = new PurgeLog({
      ...{ connection: this.connection, name, known: this.known, onPurges, onFollowing, onError },
    })
  }
}
