import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { isFresh } from '../../core/entry.js'
import type { Claim, Lease, Leases } from '../../core/leases.js'
import type { CacheEntry, Clock, MaybePromise, Milliseconds } from '../../core/types.js'
import type { Command, Word } from './client.js'
import type { Names } from './names.js'

export interface LeaseOptions {
  readonly send: (command: Command) => Promise<unknown>
  readonly names: Names
  /** How long a lease holds that is not renewed. */
  readonly span: Milliseconds
  readonly clock: Clock
  /** What the store has under a key. */
  readonly read: (key: string) => MaybePromise<CacheEntry | undefined>
  /** Resolves when nothing is being written under a key. */
  readonly written: (key: string) => Promise<unknown> | undefined
}

/** Stands in the place of a lease: the answer cannot be shared, and nobody should wait for the next one. */
const ALONE = 'alone'
const ALONE_SPAN = 1_000

const FIRST_PAUSE = 25
const LONGEST_PAUSE = 250
const SLOWER = 1.5
/** In so many parts of its span a lease is renewed once: two tries may fail. */
const RENEWALS = 3

/** Does something with a lease if it still has our token; it may have run out, and be another's. */
const ifMine = (then: string): string => `if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end\nreturn ${then}`
const RELEASE = ifMine("redis.call('del', KEYS[1])")
const RENEW = ifMine("redis.call('pexpire', KEYS[1], ARGV[2])")
const REPLACE = ifMine("redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3])")

/** One machine makes an answer, and the others wait for it; whatever fails, each makes its own. */
export class RedisLeases implements Leases {
  readonly #held = new Set<() => Promise<void>>()

  constructor(private readonly options: LeaseOptions) {}

  async claim(key: string, patience: Milliseconds, signal: AbortSignal): Promise<Claim> {
    try {
      return await this.#claim(key, performance.now() + patience, signal)
    } catch {
      // The store is away, or the one who asked.
      return { is: 'alone' }
    }
  }

  /** Gives back what is held: nobody need wait for a process that ends. */
  async close(): Promise<void> {
    await Promise.all([...this.#held].map(release => release()))
  }

  async #claim(key: string, deadline: number, signal: AbortSignal): Promise<Claim> {
    const { send, names, span } = this.options
    const name = names.lease(key)
    for (;;) {
      signal.throwIfAborted()
      const token = randomUUID()
      const take = { name: 'SET', key: name, tail: [token, 'NX', 'PX', String(span)] }
      // In this order: who held it before has put its answer there before it let go.
      const [taken, found] = await Promise.all([send(take), this.options.read(key)])
      if (taken === null) {
        const claim = this.#isAnswer(found) ? answer(found) : await this.#wait(key, name, deadline, signal)
        if (claim !== undefined) return claim
      } else if (this.#isAnswer(found) || signal.aborted) {
        await this.#ask(name, RELEASE, token)
        return found === undefined ? { is: 'alone' } : answer(found)
      } else return { is: 'mine', lease: this.#hold(key, name, token) }
    }
  }

  /** Undefined: whoever held it has let go without an answer, or is gone. */
  async #wait(key: string, name: string, deadline: number, signal: AbortSignal): Promise<Claim | undefined> {
    let span = FIRST_PAUSE
    for (;;) {
      const holder = await this.options.send({ name: 'GET', key: name })
      if (holder === null) return undefined
      if (Buffer.isBuffer(holder) && holder.toString() === ALONE) return { is: 'alone' }
      const left = deadline - performance.now()
      if (left <= 0) return { is: 'alone' }
      await pause(Math.min(span, left), undefined, { signal })
      span = Math.min(span * SLOWER, LONGEST_PAUSE)
      const found = await this.options.read(key)
      if (this.#isAnswer(found)) return answer(found)
    }
  }

  /** The index of a key's variants is never stale: they are. */
  #isAnswer(found: CacheEntry | undefined): found is CacheEntry {
    return found !== undefined && (found.variants !== undefined || isFresh(found, this.options.clock.now()))
  }

  #hold(key: string, name: string, token: string): Lease {
    const { span } = this.options
    const renew = (): void => void this.#ask(name, RENEW, token, String(span)).catch(() => undefined)
    const renewing = setInterval(renew, span / RENEWALS).unref()
    const letGo = (): boolean => {
      clearInterval(renewing)
      return this.#held.delete(release)
    }
    const release = async (): Promise<void> => {
      if (letGo()) await this.#ask(name, RELEASE, token).catch(() => undefined)
    }
    this.#held.add(release)
    return {
      end: outcome => {
        if (outcome === 'abandoned') void release()
        else if (letGo()) void this.#settle(key, name, token, outcome === 'landed').catch(() => undefined)
      },
    }
  }

  /** An answer that is not in the store, refused or too large, is nothing to wait for. */
  async #settle(key: string, name: string, token: string, hasLanded: boolean): Promise<void> {
    await this.options.written(key)
    const isThere = hasLanded && (await this.options.send({ name: 'EXISTS', key: this.options.names.entry(key) }))
    if (Number(isThere) > 0) await this.#ask(name, RELEASE, token)
    else await this.#ask(name, REPLACE, token, ALONE, String(ALONE_SPAN))
  }

  #ask(name: string, script: string, ...words: Word[]): Promise<unknown> {
    return this.options.send({ name: 'EVAL', head: [script, '1'], key: name, tail: words })
  }
}

const answer = (entry: CacheEntry): Claim => ({ is: 'answer', entry })
