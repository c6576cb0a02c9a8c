import type { ServerResponse } from 'node:http'
import { attempt } from './step-aside.js'

/** Bytes that a client has not taken yet. Node's own timeouts look at `writeQueueSize` too, to tell a slow client from one that has gone. */
export function unsentOf(res: ServerResponse): number {
  const socket = res.req.socket as { _handle?: { writeQueueSize?: number } | null } | undefined
  return res.writableLength + (socket?._handle?.writeQueueSize ?? 0)
}

/** Breaks off with a client, as if it had left. Without a response of its own yet, only its connection can be closed. */
export function breakOff(res: ServerResponse): void {
  const error = new Error('The client takes nothing, and others need the memory that its answer holds')
  attempt(() => res.req.socket.destroy(Object.assign(error, { code: 'ECONNRESET' })))
}
