import { AsyncResource } from 'node:async_hooks'
import type { Response } from 'express'
import type { LiveReader } from '../core/live.js'

/** A client as one who reads a stream. */
export function readerOf(res: Response): LiveReader & { readonly isGone: boolean } {
  // `compression` in front collects what it is given until it is asked to send it.
  const { flush } = res as { flush?: () => void }
  // Bound now: the response may be given to a handler that goes on, and this client keeps what it has.
  const [write, end, destroy] = [res.write.bind(res), res.end.bind(res), res.destroy.bind(res)]
  let isGone = false
  res.once('close', () => (isGone = true))
  // Middleware in front may end the answer meanwhile: that we write after its end is no event for the process.
  res.on('error', () => undefined)
  return {
    get isGone() {
      return isGone
    },
    write(chunk) {
      // A `write` of somebody's own may say nothing: only `false` asks to wait, as `pipe` has it.
      const isWritable: unknown = write(chunk)
      flush?.call(res)
      return isWritable !== false
    },
    // The connection says it, in a context of its own.
    onDrain: listener => void res.on('drain', AsyncResource.bind(listener)),
    end: () => void end(),
    cut: () => void destroy(),
  }
}
