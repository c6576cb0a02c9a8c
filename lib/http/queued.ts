import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Request, Response } from 'express'

// Found again by the package's other build too, where an app has loaded both.
const QUEUE = Symbol.for('reelcache.queue')

type Queueing = Socket & { [QUEUE]?: Set<ServerResponse> | undefined }

/** It comes behind another response on its connection: nothing of it leaves before that one's end. */
export const isQueued = (req: Request, res: Response): boolean => res.socket === null && req.socket instanceof Socket

/**
 * When a connection ends, Node closes the response that is being sent on it, and no other. The response of a pipelined request that is still
 * waiting for its turn is never closed: its handler would run for nobody, and others would wait for that run. Such responses are closed here, as
 * Node closes the one.
 *
 * False where the connection has ended already.
 */
export function closeWithConnection(req: Request, res: Response): boolean {
  const socket: Queueing = req.socket
  if (!isQueued(req, res)) return true
  if (socket.destroyed) return false
  const queue = (socket[QUEUE] ??= queueOf(socket))
  queue.add(res)
  res.once('close', () => queue.delete(res))
  return true
}

function queueOf(socket: Socket): Set<ServerResponse> {
  const queue = new Set<ServerResponse>()
  socket.once('close', () => {
    for (const res of queue) if (res.socket === null) process.nextTick(close, res)
  })
  return queue
}

function close(res: ServerResponse): void {
  Object.assign(res, { destroyed: true, _closed: true })
  res.emit('close')
}
