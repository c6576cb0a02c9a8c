import { newHeaderMap, sharedValue } from '../core/header-map.js'
import type { HeaderMap } from '../core/types.js'
import { joined, lineOf, members, type Fields } from './headers.js'

/** RFC 9110 section 7.6.1 and RFC 9111 section 3.1: fields that speak about one connection. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Fields that the cache writes itself on every answer. */
const OWN = new Set(['age', 'x-cache', 'content-length'])

/** Most handlers take nothing away, and each entry would hold an empty list. */
const NOTHING: readonly string[] = Object.freeze([])

/** Fields that middleware before and after the cache add members to: only what was added is the handler's. */
const ACCUMULATING = new Set([
  ...['vary', 'link', 'access-control-expose-headers', 'server-timing', 'allow', 'cache-status'],
])

export interface HandlerFields {
  /** All but the validator. */
  readonly headers: HeaderMap
  readonly removed: readonly string[]
  readonly etag: string | undefined
}

/**
 * What the handler did to the header: fields it set or changed, and fields it took away. What stood on the response before the cache ran
 * (CORS, request id, rate limit) belongs to each request and is left out.
 */
export function handlerFields(before: Fields, after: Fields): HandlerFields {
  const unshared = after['connection'] === undefined ? [] : members(joined(after, 'connection').toLowerCase())
  const headers = newHeaderMap()
  let etag: string | undefined
  for (const name of Object.keys(after)) {
    if (HOP_BY_HOP.has(name) || OWN.has(name) || unshared.includes(name)) continue
    const added = addedValue(name, before[name], after[name])
    if (added === undefined) continue
    if (name === 'etag') etag = lineOf(after, name)
    else headers[name] = typeof added === 'string' ? sharedValue(added) : added
  }
  const removed = Object.keys(before).filter(name => after[name] === undefined && !OWN.has(name))
  return { headers, removed: removed.length === 0 ? NOTHING : removed, etag }
}

function addedValue(
  name: string,
  before: Fields[string],
  after: Fields[string],
): string | readonly string[] | undefined {
  if (after === undefined || after === before) return undefined
  const lines = typeof after === 'object' ? after : [String(after)]
  if (before === undefined) return typeof after === 'object' ? lines : lines[0]
  const old = typeof before === 'object' ? before : [String(before)]
  if (lines.join('\n') === old.join('\n')) return undefined
  if (!ACCUMULATING.has(name)) return typeof after === 'object' ? lines : lines[0]
  const known = new Set(members(old.join(',')))
  const added = members(lines.join(',')).filter(member => !known.has(member))
  return added.length === 0 ? undefined : added.join(', ')
}

/** Whether what stands on a response already matters to a stored field of this name. */
export const isAccumulating = (name: string): boolean => ACCUMULATING.has(name)

/** The value a stored field takes on a response that may have one of its own already. */
export function mergedValue(
  name: string,
  current: Fields[string],
  stored: string | readonly string[],
): string | string[] {
  if (current === undefined || !ACCUMULATING.has(name)) return typeof stored === 'string' ? stored : [...stored]
  const old = members(typeof current === 'object' ? current.join(',') : String(current))
  // Of these only Link speaks of things whose letters have a case.
  const alike = (member: string): string => (name === 'link' ? member : member.toLowerCase())
  const known = new Set(old.map(alike))
  const lines = members(typeof stored === 'string' ? stored : stored.join(','))
  return [...old, ...lines.filter(member => !known.has(alike(member)))].join(', ')
}
