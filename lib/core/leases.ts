import type { CacheEntry, Milliseconds } from './types.js'

/** Who of several machines makes an answer: the others wait for it, as requests of one machine follow a flight. */
export interface Leases {
  /**
   * How this machine goes on with a key that it has no answer for: it makes it, somebody else has made it, or each makes its own. Waits no
   * longer than `patience`.
   */
  claim(key: string, patience: Milliseconds, signal: AbortSignal): Promise<Claim>
}

export type Claim =
  | { readonly is: 'mine'; readonly lease: Lease }
  | { readonly is: 'answer'; readonly entry: CacheEntry }
  | { readonly is: 'alone' }

/** The right to make an answer, until it is made or its maker is gone. */
export interface Lease {
  end(outcome: 'landed' | 'refused' | 'abandoned'): void
}
