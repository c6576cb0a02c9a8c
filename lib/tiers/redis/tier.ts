import type { CacheEvent } from '../../core/events.js'
import { deleteAtOf } from '../../core/entry.js'
import { chain } from '../../core/maybe.js'
import type { CacheEntry, Clock, MaybePromise, Milliseconds, StoreUsage, Tier } from '../../core/types.js'
import type { ResolvedRedis } from '../../options.js'
import { connect, type Command, type Connection } from './client.js'
import { Failures, type Work } from '../failures.js'
import { Commands, NotSent } from './commands.js'
import { ALL, keyPurged, type Judged, type Purged } from './known-purges.js'
import { RedisLeases } from './leases.js'
import { Names } from './names.js'
import type { PurgeLogOptions } from './purge-log.js'
import { PurgeLogs } from './purge-logs.js'
import { sharedSecret } from './secret.js'
import { tryOut } from './try-out.js'
import { fromWallTime, isFromFuture, toWallTime, wallClock } from '../wall-time.js'
import { decodeValue, encodeValue } from './value.js'

export interface RedisTierOptions extends ResolvedRedis {
  readonly clock: Clock
  readonly report: (event: Extract<CacheEvent, { type: 'tier-error' }>) => void
  /** The store could not be used at start. */
  readonly warn: (error: unknown) => void
  /** Another machine has purged: what lies on this one is to go too. */
  readonly onPurges: PurgeLogOptions['onPurges']
  /** From now on the purges of others are heard of. */
  readonly onFollowing: PurgeLogOptions['onFollowing']
}

/** The store counts the time itself; a clock that jumps must not make it keep an answer for years. */
const LONGEST_STAY = 24 * 3_600_000
/** How long `close` goes on telling the others of purges that they have not heard of. */
const LAST_WORDS = 2_000

/**
 * Answers in a store that several machines share. Whatever fails is reported, and is a miss; while the store is away it is not asked, and
 * nobody waits for it.
 */
export class RedisTier implements Tier {
  readonly name = 'redis'
  readonly maxEntryBytes: number
  readonly leases: RedisLeases
  readonly #names: Names
  readonly #connection: Connection
  readonly #commands: Commands
  readonly #logs: PurgeLogs
  /** By key, so that what was set last is what stays. */
  readonly #writes = new Map<string, Promise<boolean>>()
  readonly #failures: Failures
  #damaged = 0
  #awaySince: Milliseconds | undefined
  #isClosed = false

  constructor(private readonly options: RedisTierOptions) {
    const { client, prefix, timeout, maxEntryBytes, lease, clock, report, warn, onPurges, onFollowing } = options
    this.maxEntryBytes = maxEntryBytes
    this.#names = new Names(prefix)
    this.#failures = new Failures(clock, error => report({ type: 'tier-error', tier: this.name, error }))
    const onError = (error: unknown): void => this.#lost('connect', error)
    const connection = connect(client, onError)
    this.#connection = connection
    const probe = { name: 'EXISTS', key: this.#names.purges }
    this.#commands = new Commands({ connection, timeout, probe, onBack: () => this.#back() })
    this.#logs = new PurgeLogs({
      ...{ connect: () => connect(client, onError), names: this.#names, onPurges, onError },
      onFollowing: begun => {
        onFollowing(begun)
        this.#commands.probe()
        this.#back()
      },
    })
    this.leases = new RedisLeases({
      ...{ names: this.#names, span: lease, clock },
      send: command => this.#send(command),
      read: key => this.get(key),
      written: key => this.#writes.get(key),
    })
    void connection.opened.then(() => this.#logs.follow())
    void tryOut(connection, this.#names.probe).catch((error: unknown) => {
      if (!this.#isClosed) warn(this.#failures.text ?? error)
    })
  }

  /** What an answer is as of whose making begins now; undefined while nothing is known of purges. */
  get asOf(): string | undefined {
    return this.#logs.asOf
  }

  /** Whether another machine's purge has thrown out an entry that lies in a file. */
  isOutdated(entry: Judged): boolean {
    return this.#logs.isOutdated(entry)
  }

  get(key: string): MaybePromise<CacheEntry | undefined> {
    return this.#isAway ? undefined : this.#read(key)
  }

  set(entry: CacheEntry): MaybePromise<boolean> {
    if (this.#isAway) return false
    if (entry.body.length > this.maxEntryBytes) return chain(this.delete(entry.key), () => false)
    const before = this.#writes.get(entry.key)
    const write = this.#write(entry, before).finally(() => {
      if (this.#writes.get(entry.key) === write) this.#writes.delete(entry.key)
    })
    this.#writes.set(entry.key, write)
    return write
  }

  /** Takes one entry out, which the others need not hear of: it has expired, or was replaced. */
  delete(key: string): MaybePromise<boolean> {
    return this.#isAway ? false : this.#remove(key)
  }

  deleteTag(tag: string): Promise<number> {
    return this.#purge(tag)
  }

  clear(): Promise<number> {
    return this.#purge(ALL)
  }

  /** A key and its variants, on every machine. */
  purgeKey(key: string): Promise<number> {
    return this.#purge(keyPurged(key))
  }

  /** A secret that all machines have, ours where none had been told before. Rejects where the store cannot be asked. */
  agreeOnSecret(ours: Buffer): Promise<Buffer | undefined> {
    return sharedSecret(this.#connection, this.#names.secret, ours)
  }

  usage(): StoreUsage {
    const { count, text } = this.#failures
    return { damaged: this.#damaged, failures: count, failing: text, awaySince: this.#awaySince }
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#writes.values(), this.leases.close(), this.#logs.told(LAST_WORDS)])
    this.#isClosed = true
    this.#logs.end()
    this.#commands.end()
    this.#connection.close()
  }

  /** Without the logs nobody could tell what has been purged. */
  get #isAway(): boolean {
    return this.#isClosed || !this.#logs.isFollowed || this.#commands.isOpen
  }

  async #read(key: string): Promise<CacheEntry | undefined> {
    const name = this.#names.entry(key)
    const value = await this.#attempt('read', { name: 'GET', key: name })
    if (value === undefined || value === null) return undefined
    const entry = await decodeValue(value, key)
    if (entry === undefined) this.#damaged++
    const { clock } = this.options
    // Whoever has another time may still use it; here it is a miss, and what is made anew takes its place.
    if (entry !== undefined && isFromFuture(entry.storedAt, wallClock(clock).now())) return undefined
    // Purges that came while it was read count too.
    if (entry !== undefined && this.#logs.allows(entry)) return fromWallTime(entry, clock)
    void this.#attempt('remove', { name: 'UNLINK', key: name })
    return undefined
  }

  async #write(entry: CacheEntry, before: Promise<unknown> | undefined): Promise<boolean> {
    const value = await encodeValue(toWallTime(entry, this.options.clock))
    await before
    const name = this.#names.entry(entry.key)
    const stay = Math.floor(Math.min(deleteAtOf(entry) - this.options.clock.now(), LONGEST_STAY))
    // Nobody would be given what does not say which purges it knows.
    if (value === undefined || entry.asOf === undefined || stay < 1) {
      await this.#attempt('remove', { name: 'UNLINK', key: name })
      return false
    }
    const reply = await this.#attempt('write', { name: 'SET', key: name, tail: [value, 'PX', String(stay)] })
    return reply !== undefined
  }

  async #remove(key: string): Promise<boolean> {
    await this.#writes.get(key)
    return Number(await this.#attempt('remove', { name: 'UNLINK', key: this.#names.entry(key) })) > 0
  }

  /** Tells the other machines; what cannot be said now is owed. How many entries it concerns nobody knows. */
  async #purge(purged: Purged): Promise<number> {
    if (this.#isClosed) return 0
    const { command, done } = this.#logs.tell(purged)
    done(await this.#attempt('purge', command))
    return 0
  }

  /** The command of a lease; rejects where that cannot be relied on. */
  #send(command: Command): Promise<unknown> {
    return this.#isAway ? Promise.reject(new NotSent('The store is away')) : this.#commands.send(command)
  }

  /** The reply; undefined where there was none, or an error. */
  async #attempt(work: Work, command: Command): Promise<unknown> {
    try {
      const reply = await this.#commands.send(command)
      this.#failures.worked(work)
      return reply
    } catch (error) {
      if (!(error instanceof NotSent)) this.#lost(work, error)
      return undefined
    }
  }

  /** While the store is away each failure is the same one. */
  #lost(work: Work, error: unknown): void {
    if (this.#isClosed || this.#awaySince !== undefined) return
    this.#failures.failed(work, error)
    if (this.#isAway) this.#awaySince = this.options.clock.now()
  }

  #back(): void {
    if (this.#isAway) return
    this.#awaySince = undefined
    this.#failures.worked('connect')
  }
}
