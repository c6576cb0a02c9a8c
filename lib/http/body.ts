import { createHash } from 'node:crypto'
import objectHash from 'object-hash'

/** object-hash recurses, and looks every object up in a list of those it has seen: both must be bounded before it starts. */
const MAX_DEPTH = 64
const MAX_WEIGHT = 2_500
/** Beside its members: a look through the list of all containers before it. */
const CONTAINER_WEIGHT = 2

/**
 * The digest of a body or of any plain value: SHA-256 over object-hash's canonical text, the same for any order of fields. Undefined when
 * the value is too deep, too wide or too odd to hash faithfully within a bounded time.
 */
export function digestOf(value: unknown): string | undefined {
  if (Buffer.isBuffer(value)) return createHash('sha256').update('buffer:').update(value).digest('hex')
  if (value === undefined || !isPlain(value)) return undefined
  let canonical = ''
  const collect = (text: string): void => {
    canonical += text
  }
  // The walk and its text are object-hash's; one hash of the whole text gives the digest that its own streaming would, in half the time.
  objectHash.writeToStream(value, { algorithm: 'sha256', respectType: false }, { update: collect, write: collect })
  // UTF-8 has no lone surrogates and would make them all the same character.
  return createHash('sha256')
    .update(canonical, canonical.isWellFormed() ? 'utf8' : 'utf16le')
    .digest('hex')
}

/** Walks the value without recursion: plain data of bounded size, no object twice. */
function isPlain(root: unknown): boolean {
  const seen = new Set<object>()
  let level: unknown[] = [root]
  let weight = 0
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return false
    const next: unknown[] = []
    for (const value of level) {
      if (!isAtom(value) && !isContainer(value)) return false
      if (!isContainer(value)) continue
      if (seen.has(value)) return false
      seen.add(value)
      weight += CONTAINER_WEIGHT + (Array.isArray(value) ? value.length : 2 * Object.keys(value).length)
      if (weight > MAX_WEIGHT) return false
      next.push(...Object.values(value as Record<string, unknown>))
    }
    level = next
  }
  return true
}

const isAtom = (value: unknown): boolean =>
  value === null || ['string', 'number', 'boolean', 'undefined', 'bigint'].includes(typeof value)

function isContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Object.getOwnPropertySymbols(value).length > 0) return false
  // Holes, and names beside the indices, would not be in the hash.
  if (Array.isArray(value)) return value.length > MAX_WEIGHT || Object.keys(value).length === value.length
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
