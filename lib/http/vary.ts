import type { IncomingHttpHeaders } from 'node:http'
import { deleteAtOf, makeEntry } from '../core/entry.js'
import type { CacheEntry } from '../core/types.js'
import { VARIANT } from '../core/variants.js'
import { joined, members, type Fields } from './headers.js'
import { fieldPart } from './key.js'
import { normalizedList } from './negotiation.js'

/** Variants kept under one key; the oldest goes first. */
export const MAX_VARIANTS = 32

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/

/** The request fields a Vary names, sorted; undefined when it is `*` or cannot be parsed: the answer depends on what no key holds. */
export function variesOn(fields: Fields): string[] | undefined {
  if (fields['vary'] === undefined) return []
  const names = [...new Set(members(joined(fields, 'vary').toLowerCase()))].sort()
  return names.every(name => name !== '*' && TOKEN.test(name)) ? names : undefined
}

/** The key of the answer that these request fields choose (RFC 9111 section 4.1). */
export function variantKey(key: string, names: readonly string[], headers: IncomingHttpHeaders): string {
  return names.reduce((text, name) => `${text}${VARIANT}${name}${fieldPart(normalized(name, headers[name]))}`, key)
}

const NEGOTIATED = new Set(['accept', 'accept-encoding', 'accept-language', 'accept-charset'])

/** Of these lists the same value is written in several ways; Node has joined their lines already. */
const normalized = (name: string, value: string | string[] | undefined): string | string[] | undefined =>
  typeof value === 'string' && NEGOTIATED.has(name) ? normalizedList(value, name === 'accept') : value

/** The key of the stored variant that this request chooses, newest first; undefined when none fits. */
export function chosenVariant(index: CacheEntry, headers: IncomingHttpHeaders): string | undefined {
  const tried = new Map<string, string>()
  for (const variant of index.variants!.toReversed()) {
    const names = variant.names.join()
    const key = tried.get(names) ?? variantKey(index.key, variant.names, headers)
    tried.set(names, key)
    if (key === variant.key) return key
  }
  return undefined
}

/** The index of a key's variants with one more, and the keys of those that had to go. */
export function withVariant(
  index: CacheEntry | undefined,
  key: string,
  names: readonly string[],
  entry: CacheEntry,
): { index: CacheEntry; dropped: readonly string[] } {
  const others = (index?.variants ?? []).filter(variant => variant.key !== entry.key)
  const variants = [...others, { names, key: entry.key }]
  const dropped = variants.splice(0, variants.length - MAX_VARIANTS).map(variant => variant.key)
  const deleteAt = Math.max(index?.variants === undefined ? 0 : deleteAtOf(index), deleteAtOf(entry))
  const span = deleteAt - entry.storedAt
  const spans = { freshSpan: span, refreshSpan: span, coverSpan: span }
  return {
    index: makeEntry({
      ...entry,
      ...{ key, headers: {}, removed: [], body: Buffer.alloc(0), chunkEnds: undefined },
      ...spans,
      variants,
    }),
    dropped,
  }
}
