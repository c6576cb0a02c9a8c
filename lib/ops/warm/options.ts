import type { Milliseconds } from '../../core/types.js'
import { ReelcacheError } from '../../errors.js'
import { check, LONGEST_TIMER, type Check } from '../../options.js'
import type { WarmProgress } from './report.js'

/** How a cache is warmed. */
export interface WarmOptions {
  /** Requests under way at one time. Default: 4. */
  concurrency?: number
  /** Requests begun within a second. Default: none, as fast as they are answered. */
  rate?: number
  /** Milliseconds after which a request counts as failed. Default: 60,000. */
  timeout?: Milliseconds
  /** What paths are added to. Scheme and host name are in the key: write those that clients use. Default: 'http://localhost'. */
  base?: string
  /** Request headers of all, under those of each. Default: none. */
  headers?: Readonly<Record<string, string | readonly string[]>>
  /** Ends it early: what is under way is broken off, and the report says `aborted`. Default: none. */
  signal?: AbortSignal
  /** Is told of every request that has an outcome. What it throws or rejects with ends the warming. Default: none. */
  onProgress?: (progress: WarmProgress) => void | Promise<void>
}

export interface ResolvedWarm {
  readonly concurrency: number
  readonly rate: number | undefined
  readonly timeout: Milliseconds
  readonly base: URL
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly signal: AbortSignal | undefined
  readonly onProgress: (progress: WarmProgress) => void | Promise<void>
}

const MOST_AT_ONCE = 1_000

const isNumber = (value: unknown, least: number, most: number): value is number =>
  typeof value === 'number' && value >= least && value <= most

const CHECKS: Readonly<Record<keyof WarmOptions, Check>> = {
  concurrency: value =>
    isNumber(value, 1, MOST_AT_ONCE) && Number.isInteger(value)
      ? undefined
      : `a whole number of requests at one time, 1 to ${MOST_AT_ONCE}`,
  rate: value =>
    isNumber(value, 0.001, 1_000_000) ? undefined : 'a number of requests a second, 0.001 or more (fifty: 50)',
  timeout: value =>
    isNumber(value, 1, LONGEST_TIMER)
      ? undefined
      : `a number of milliseconds from 1 to ${LONGEST_TIMER} (a minute: 60_000)`,
  base: value =>
    typeof value === 'string' && isWebAddress(value) ? undefined : "an address: 'https://movies.example'",
  headers: value =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? undefined
      : "request headers by name: { 'X-Warm': '1' }",
  signal: value => (value instanceof AbortSignal ? undefined : 'an AbortSignal'),
  onProgress: value => (typeof value === 'function' ? undefined : 'a function'),
}

const isWebAddress = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)

/** Validates the options of `warm` and fills in the defaults. Throws `ReelcacheError`. */
export function resolveWarm(options: WarmOptions = {}): ResolvedWarm {
  check('warm', options, CHECKS)
  return {
    concurrency: options.concurrency ?? 4,
    rate: options.rate,
    timeout: options.timeout ?? 60_000,
    base: new URL(options.base ?? 'http://localhost'),
    headers: options.headers ?? {},
    signal: options.signal,
    onProgress: options.onProgress ?? (() => undefined),
  }
}

/** A text would be taken letter by letter. */
export function checkWarm(app: unknown, requests: unknown): void {
  if (typeof app !== 'function') throw wrong('an app')
  const isIterable =
    typeof requests === 'object' &&
    requests !== null &&
    (Symbol.iterator in requests || Symbol.asyncIterator in requests) &&
    !Buffer.isBuffer(requests)
  if (!isIterable) throw wrong('an iterable of requests')
}

const wrong = (what: string): ReelcacheError =>
  new ReelcacheError(
    'ERR_REELCACHE_INVALID_WARM',
    `warm was not given ${what}: write warm(app, ['/api/movies/603', { url: '/api/movies/603/tts', body: { text: 'Hello' } }])`,
  )
