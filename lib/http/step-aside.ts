import { ServerResponse } from 'node:http'
import type { Response } from 'express'
import type { CacheEntry } from '../core/types.js'
import { isAccumulating } from './handler-fields.js'
import { resetHead, type Fields } from './headers.js'
import { hasOwnSetHeader } from './wrapped.js'

/**
 * The cache can fail, the app cannot: requests that are not quite Node's (serverless adapters, HTTP/2, other runtimes) may lack or refuse what
 * the cache asks of them. Then it steps aside: what it has put on request and response is taken off again, and the handler runs as without it.
 */

/** How to take off again what was put on a request and its response. */
export class Undo {
  readonly #steps: (() => void)[] = []

  add(step: () => void): void {
    this.#steps.push(step)
  }

  /** Call it before these properties are set or defined. */
  keep(target: object, names: readonly string[]): void {
    const before = names.map(name => Object.getOwnPropertyDescriptor(target, name))
    this.add(() => names.forEach((name, at) => putBack(target, name, before[at])))
  }

  /** Last first; what cannot be taken off stays. */
  run(): void {
    for (const step of this.#steps.splice(0).reverse()) attempt(step)
  }
}

/** Puts back what stood there: undefined for a property that was inherited, or absent. */
export function putBack(target: object, name: string, own: PropertyDescriptor | undefined): void {
  if (own === undefined) Reflect.deleteProperty(target, name)
  else Reflect.defineProperty(target, name, own)
}

/** Sets a property, also where its prototype has only a getter, as HTTP/2 requests do. Throws where it cannot be shown at all. */
export function show(target: object, name: string, value: unknown): void {
  if (Reflect.set(target, name, value)) return
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: true })
}

/** Whether something went well. */
export function attempt(work: () => void): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}

/** What stood on a response before a stored head is written over it. Node's own takes every stored field: a hit does not pay for a copy. */
export const headBefore = (res: Response): Fields | undefined =>
  res instanceof ServerResponse && !hasOwnSetHeader(res) ? undefined : { ...res.getHeaders() }

const WRITTEN = [
  ...['etag', 'date', 'age', 'cache-status', 'x-cache', 'accept-ranges'],
  ...['content-length', 'content-range', 'content-location'],
] as const

/** Takes a stored head off again, so that the handler begins with what stood there. */
export function takeHeadBack(
  res: Response,
  before: Fields | undefined,
  { headers }: Pick<CacheEntry, 'headers'>,
): void {
  attempt(() => {
    const { sendDate } = res
    if (res.statusCode !== 200) res.statusCode = 200
    if (before !== undefined) return resetHead(res, before, sendDate)
    const written = [...Object.keys(headers).filter(name => !isAccumulating(name)), ...WRITTEN]
    for (const name of written) res.removeHeader(name)
    // Node takes the removal of a Date for a wish to have none.
    res.sendDate = sendDate
  })
}
