import type { CacheEntry, Milliseconds } from './types.js'

/**
 * What an entry costs beside its text and bytes: its row, its memory, its places in the LRU list, the key map and the tag index, and a kind
 * of its own, which most entries share. Measured on Node 20 with 50,000 small entries: see __tests__/tiers/memory-overhead.test.ts.
 */
export const ENTRY_OVERHEAD = 512

/** No entry may take more than this part of the memory budget. */
export const LARGEST_ENTRY_SHARE = 1 / 8

/**
 * An entry of these fields. Each by its name, also those that few have: so V8 gives all entries one hidden class and keeps their fields in the
 * object itself, which takes less memory than what a spread makes, and a fifth of its time.
 */
export function makeEntry(fields: CacheEntry): CacheEntry {
  const { key, movie, profile, status, headers, removed, body, etag, handlerEtag, storedAt, initialAge } = fields
  const { freshSpan, explicit, refreshSpan, coverSpan, handlerTime, chunkEnds, asOf, variants } = fields
  return Object.freeze({
    key,
    movie,
    profile,
    status,
    headers,
    removed,
    body,
    etag,
    handlerEtag,
    storedAt,
    initialAge,
    freshSpan,
    explicit,
    refreshSpan,
    coverSpan,
    handlerTime,
    chunkEnds,
    asOf,
    variants,
  })
}

/** Bytes an entry counts for against the budget: body, headers, validators, key and overhead. */
export function entrySize(entry: CacheEntry): number {
  let size = ENTRY_OVERHEAD + entry.body.length + textSize(entry.key)
  for (const text of [entry.movie, entry.etag, entry.handlerEtag]) if (text !== undefined) size += textSize(text)
  for (const name in entry.headers) {
    const value = entry.headers[name]!
    size += textSize(name)
    if (typeof value === 'string') size += textSize(value)
    else for (const line of value) size += textSize(line)
  }
  for (const variant of entry.variants ?? []) size += 64 + textSize(variant.key) + textSize(variant.names.join())
  return size
}

// V8 keeps a text with one character above Latin-1 at two bytes a character; headers and keys hold few such, so count all at two.
const textSize = (text: string): number => 24 + 2 * text.length

/** Seconds since the answer was generated, for `Age` (RFC 9111 section 4.2.3). */
export const ageOf = ({ storedAt, initialAge }: Pick<CacheEntry, 'storedAt' | 'initialAge'>, now: number): number =>
  Math.max(0, Math.floor((now - storedAt + initialAge) / 1000))

/** Fresh before this instant. */
export const staleAtOf = ({ storedAt, freshSpan }: Pick<CacheEntry, 'storedAt' | 'freshSpan'>): Milliseconds =>
  storedAt + freshSpan

/** Before this instant it is served stale while it is refreshed; not after it is stale: never. */
export const refreshUntilOf = ({ storedAt, refreshSpan }: Pick<CacheEntry, 'storedAt' | 'refreshSpan'>): Milliseconds =>
  storedAt + refreshSpan

/** Before this instant it is served stale where the handler fails; not after it is stale: never. */
export const coverUntilOf = ({ storedAt, coverSpan }: Pick<CacheEntry, 'storedAt' | 'coverSpan'>): Milliseconds =>
  storedAt + coverSpan

/** From this instant on only a 304 of the handler makes the entry usable again; the next sweep removes it. */
export const deleteAtOf = (entry: Pick<CacheEntry, 'storedAt' | 'refreshSpan' | 'coverSpan'>): Milliseconds =>
  Math.max(refreshUntilOf(entry), coverUntilOf(entry))

export const isFresh = (entry: CacheEntry, now: number): boolean => now < staleAtOf(entry)
