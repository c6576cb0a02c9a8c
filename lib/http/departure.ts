import type { ServerResponse } from 'node:http'
import type { Fields } from './headers.js'
import type { Undo } from './step-aside.js'

/** Where Node makes bytes of a head: all ways to send one come here, and no public interface shows what it was sent with. */
type StoreHeader = (this: ServerResponse, statusLine: string, headers: unknown) => unknown

interface Internals {
  readonly _storeHeader?: StoreHeader
}

/**
 * Tells once with which fields the head of a response leaves, all that middleware in front has added included. What the listener sets on the
 * response still leaves with it. It is told nothing of responses that lack this step, or do not let it be watched.
 */
export function onDeparture(res: ServerResponse, listener: (sent: Fields) => void, undo: Undo): void {
  const { _storeHeader: storeHeader } = res as unknown as Internals
  if (typeof storeHeader !== 'function') return
  let tell: typeof listener | undefined = listener
  const watched: StoreHeader = function (statusLine, headers) {
    const first = tell
    // The response lives on, and holds this function: it must not hold the run as well.
    tell = undefined
    first?.(sentFields(res, headers))
    return storeHeader.call(this, statusLine, headers)
  }
  undo.keep(res, ['_storeHeader'])
  Reflect.set(res, '_storeHeader', watched)
}

/** What stands on the response; or, where nothing does, what `writeHead` was given. */
function sentFields(res: ServerResponse, headers: unknown): Fields {
  if (typeof headers !== 'object' || headers === null || res.getHeaderNames().length > 0) return res.getHeaders()
  const sent: Record<string, string[]> = {}
  for (const [name, value] of linesOf(headers)) {
    const lines = Array.isArray(value) ? value.map(String) : [String(value)]
    ;(sent[name.toLowerCase()] ??= []).push(...lines)
  }
  return sent
}

/** `[name, value, …]`, `[[name, value], …]` or an object. */
function linesOf(headers: object): [name: string, value: unknown][] {
  if (!Array.isArray(headers)) return Object.entries(headers)
  const flat: unknown[] = Array.isArray(headers[0]) ? headers.flat() : headers
  return flat.flatMap((name, at) => (at % 2 === 0 ? [[String(name), flat[at + 1]]] : []))
}
