import { createHash } from 'node:crypto'
import objectHash from 'object-hash'

/** object-hash recurses, and looks every object up in a list of those it has seen: both must be bounded before it starts. */
const MAX_DEPTH = 64
const MAX_WEIGHT = 2_500
/** Beside its members: a look through the list of all containers before it. */
const CONTAINER_WEIGHT = 2

/**
 * The digest of a body or of any plain value: SHA-256 over object-hash's canonical text. The order of fields counts, because handlers see it. Undefined when
 * the value is too deep, too wide or too odd to hash faithfully within a bounded time.
 */
export function digestOf(value: unknown): string | undefined {
  if (Buffer.isBuffer(value)) return createHash('sha256').update('buffer:').update(value).digest('hex')
  if (value === undefined) return undefined
  const plain = lookThrough(value)
  if (plain === undefined) return undefined
  let canonical = ''
  const collect = (text: string): void => {
    canonical += text
  }
  const replacer = plain.hasNegativeZero ? { replacer: markNegativeZero } : undefined
  // The walk and its text are object-hash's; one hash of the whole text gives the digest that its own streaming would, in half the time.
  objectHash.writeToStream(
    value,
    { algorithm: 'sha256', respectType: false, unorderedObjects: false, ...replacer },
    { update: collect, write: collect },
  )
  // UTF-8 has no lone surrogates and would make them all the same character.
  return createHash('sha256')
    .update(canonical, canonical.isWellFormed() ? 'utf8' : 'utf16le')
    .digest('hex')
}

/** object-hash writes `-0` as `0`, and a handler can tell them apart. No plain value holds a symbol. */
const NEGATIVE_ZERO = Symbol('-0')
const markNegativeZero = (value: unknown): unknown => (Object.is(value, -0) ? NEGATIVE_ZERO : value)

/** Walks the value without recursion. Undefined: it is no plain data of bounded size, or holds an object twice. */
function lookThrough(root: unknown): { readonly hasNegativeZero: boolean } | undefined {
  const seen = new Set<object>()
  let level: unknown[] = [root]
  let weight = 0
  let hasNegativeZero = false
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return undefined
    const next: unknown[] = []
    for (const value of level) {
      hasNegativeZero ||= Object.is(value, -0)
      if (isAtom(value)) continue
      if (typeof value !== 'object' || seen.has(value!)) return undefined
      seen.add(value!)
      // An array says how long it is before its members are listed.
      weight += CONTAINER_WEIGHT + (Array.isArray(value) ? value.length : 0)
      if (weight > MAX_WEIGHT) return undefined
      const items = membersOf(value!)
      if (items === undefined) return undefined
      weight += Array.isArray(value) ? 0 : 2 * items.length
      if (weight > MAX_WEIGHT) return undefined
      next.push(...items)
    }
    level = next
  }
  return { hasNegativeZero }
}

const isAtom = (value: unknown): boolean =>
  value === null || ['string', 'number', 'boolean', 'undefined', 'bigint'].includes(typeof value)

/** What a plain object or array holds; undefined for any other kind, and where there is too much of it. */
function membersOf(value: object): unknown[] | undefined {
  const names = Object.keys(value)
  if (names.length > MAX_WEIGHT || Object.getOwnPropertySymbols(value).length > 0) return undefined
  // Holes, and names beside the indices, would not be in the hash.
  if (Array.isArray(value)) return names.length === value.length ? value : undefined
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return undefined
  return names.map(name => (value as Record<string, unknown>)[name])
}
