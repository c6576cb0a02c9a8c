import type { ServerResponse } from 'node:http'

/** Header fields as `getHeaders()` gives them: lower-case names; a name with several lines holds an array. */
export type Fields = Readonly<Record<string, number | string | readonly string[] | undefined>>

/** The one line of a field, or undefined when it is absent or has several. */
export function lineOf(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return value
  return value?.length === 1 ? value[0] : undefined
}

/** A list-valued field with all its lines joined (RFC 9110 section 5.3), empty when it is absent. */
export function joined(fields: Fields, name: string): string {
  const value = fields[name]
  if (value === undefined) return ''
  return typeof value === 'object' ? value.join(', ') : String(value)
}

/** The members of a list field, trimmed; empty members are no members. A comma in quotes, or in the URL of a Link, separates nothing. */
export const members = (list: string): string[] =>
  (list.match(/(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,])+/g) ?? [])
    .map(member => member.trim())
    .filter(member => member !== '')

/** The URLs an answer names beside its own. */
export const locationsOf = (fields: Fields): string[] =>
  ['location', 'content-location'].map(name => lineOf(fields, name)).filter(location => location !== undefined)

/** Puts back what stood on the response, so that another answer can be written. */
export function resetHead(res: ServerResponse, before: Fields): void {
  res.statusMessage = ''
  for (const name of res.getHeaderNames()) if (before[name] === undefined) res.removeHeader(name)
  for (const [name, value] of Object.entries(before)) if (value !== undefined) res.setHeader(name, value)
}

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
const OWN = new Set(['age', 'cache-status', 'x-cache', 'content-length'])

/** Fields that middleware before and after the cache add members to: only what was added is the handler's. */
const ACCUMULATING = new Set(['vary', 'link', 'access-control-expose-headers', 'server-timing', 'allow'])

export interface HandlerFields {
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly removed: readonly string[]
}

/**
 * What the handler did to the header: fields it set or changed, and fields it took away. What stood on the response before the cache ran
 * (CORS, request id, rate limit) belongs to each request and is left out.
 */
export function handlerFields(before: Fields, after: Fields): HandlerFields {
  const unshared = new Set(members(joined(after, 'connection').toLowerCase()))
  // No prototype: a field may be called `constructor` or `__proto__`.
  const headers = Object.create(null) as Record<string, string | readonly string[]>
  for (const name of Object.keys(after)) {
    if (HOP_BY_HOP.has(name) || OWN.has(name) || unshared.has(name)) continue
    const added = addedValue(name, before[name], after[name])
    if (added !== undefined) headers[name] = added
  }
  const removed = Object.keys(before).filter(name => after[name] === undefined && !OWN.has(name))
  return { headers, removed }
}

function addedValue(
  name: string,
  before: Fields[string],
  after: Fields[string],
): string | readonly string[] | undefined {
  if (after === undefined) return undefined
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
