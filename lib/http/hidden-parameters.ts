import type { Request } from 'express'
import { parameterName, rootName, type VisibleQuery } from './query.js'
import { putBack } from './step-aside.js'

/** Where the parameters are that a handler must not see. */
export interface Hiding {
  /** Properties of the request that still show one: whoever reads them has seen it. */
  readonly leaks: readonly string[]
}

/**
 * Takes parameters outside the key out of the handler's sight: what it cannot see it cannot answer with. `undo` learns how to put each of them
 * back.
 */
export function hideParameters(
  req: Request,
  { text, hidden }: VisibleQuery,
  undo: { push(step: () => void): unknown },
): Hiding {
  const { originalUrl } = req
  const full = req.originalUrl.slice(req.originalUrl.indexOf('?') + 1)
  const shows = detector(full, hidden)
  const replace = (name: string, value: unknown): boolean => {
    const own = Object.getOwnPropertyDescriptor(req, name)
    undo.push(() => putBack(req, name, own))
    return Reflect.defineProperty(req, name, own?.configurable === false ? { value } : { ...SHOWN, value })
  }

  undo.push(() => (req.originalUrl = originalUrl))
  req.url = withQuery(req.url, text)
  req.originalUrl = withQuery(req.originalUrl, text)
  // What parseurl keeps of a URL is looked at by others too.
  for (const name of PARSED) {
    const parsed: unknown = Object.hasOwn(req, name) ? (req as unknown as Record<string, unknown>)[name] : undefined
    if (isObject(parsed)) replace(name, parsedWithout(parsed, text))
  }
  // Express 5 parses the URL at each reading. Express 4 has parsed it into a property by now, and others have put a getter there.
  const query = queryOf(req)
  const isShown = !shows(query) || replace('query', visibleFields(query as object, hidden))

  const leaks = isShown ? [] : ['query']
  for (const name of Object.keys(req)) {
    if (NODES_OWN.has(name)) continue
    const own = Object.getOwnPropertyDescriptor(req, name)
    if (own === undefined || !('value' in own) || !shows(own.value)) continue
    const shown = without(own.value, full, text, hidden)
    const isReplaced = !shows(shown) && replace(name, shown)
    if (!isReplaced) leaks.push(name)
  }
  return { leaks }
}

const SHOWN = { configurable: true, enumerable: true, writable: true } as const
const PARSED = ['_parsedUrl', '_parsedOriginalUrl'] as const

/** What others than middleware in front put there, or what is in the key. */
const NODES_OWN = new Set([
  ...['url', 'originalUrl', 'query', 'body', 'params', 'baseUrl', 'res', 'next', 'app', 'route', 'socket', 'client'],
  ...['headers', 'rawHeaders', '_readableState', '_events', '_parsedUrl', '_parsedOriginalUrl'],
])

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** A getter that somebody put there may throw. */
function queryOf(req: Request): unknown {
  try {
    return req.query
  } catch {
    return undefined
  }
}

const withQuery = (url: string, text: string): string => {
  const mark = url.indexOf('?')
  return mark < 0 ? url : url.slice(0, mark) + (text === '' ? '' : `?${text}`)
}

/** What middleware in front has kept of the query or the URL, as it would have been without the hidden parameters. */
function without(value: unknown, full: string, text: string, hidden: ReadonlySet<string>): unknown {
  if (typeof value !== 'string') return isPlain(value) && !Array.isArray(value) ? visibleFields(value, hidden) : value
  return value.replaceAll(text === '' ? `?${full}` : full, () => text).replaceAll(full, () => text)
}

function parsedWithout(parsed: object, text: string): object {
  const copy = Object.assign(
    Object.create(Object.getPrototypeOf(parsed) as object | null) as Record<string, unknown>,
    parsed,
  )
  for (const name of ['path', 'href', '_raw'])
    if (typeof copy[name] === 'string') copy[name] = withQuery(copy[name], text)
  copy['query'] = text === '' ? null : text
  copy['search'] = text === '' ? null : `?${text}`
  return copy
}

function visibleFields(query: object, hidden: ReadonlySet<string>): object {
  const fields = Object.fromEntries(Object.entries(query).filter(([name]) => !hidden.has(rootName(name))))
  return Object.setPrototypeOf(fields, Object.getPrototypeOf(query) as object | null) as object
}

/** Values looked at in one property: what middleware in front keeps of a URL is small. */
const MOST_VALUES = 1_000

/** Tells whether a value shows a hidden parameter: in a text, or as the name of a field. */
function detector(full: string, hidden: ReadonlySet<string>): (value: unknown) => boolean {
  const pairs = full.split('&').filter(pair => pair !== '' && hidden.has(parameterName(pair)))
  const isIn = (text: string): boolean => pairs.some(pair => text.includes(pair))
  return root => {
    const values: unknown[] = [root]
    for (let at = 0; at < values.length && at < MOST_VALUES; at++) {
      const value = values[at]
      if (typeof value === 'string' && isIn(value)) return true
      if (value instanceof URL || value instanceof URLSearchParams) values.push(String(value))
      else if (value instanceof Map)
        values.push(Object.fromEntries([...value].map(([name, one]) => [String(name), one])))
      else if (isPlain(value)) {
        if (!Array.isArray(value) && Object.keys(value).some(name => hidden.has(rootName(name)))) return true
        values.push(...(Object.values(value) as unknown[]).slice(0, MOST_VALUES))
      }
    }
    return false
  }
}

function isPlain(value: unknown): value is object {
  if (!isObject(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === null || prototype === Object.prototype
}
