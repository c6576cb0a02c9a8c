import { ServerResponse } from 'node:http'

/** Whether middleware in front, or a class of the app's own, has put another `setHeader` in place of Node's. */
export const hasOwnSetHeader = (res: ServerResponse): boolean => res.setHeader !== ServerResponse.prototype.setHeader

const WRITING = ['setHeader', 'writeHead', 'write', 'end'] as const

/** Whether middleware in front has put a method of its own on the response itself. */
export const isWrapped = (res: ServerResponse): boolean => WRITING.some(name => Object.hasOwn(res, name))

/**
 * A `setHeader` of somebody's own had its way with the value when the handler set it, and what is stored is what came of that: it may see the
 * field again, and leave it out for this client, but it must not change it twice.
 */
export function keepAsStored(res: ServerResponse, name: string, value: string | string[]): void {
  const set = res.getHeader(name)
  if (set === undefined || String(set) === String(value) || !(res instanceof ServerResponse)) return
  ServerResponse.prototype.setHeader.call(res, name, value)
}
