import type { Response } from 'express'
import type { LiveReader } from '../core/live.js'

/** A client as one who reads a stream. */
export function readerOf(res: Response): LiveReader {
  // `compression` in front collects what it is given until it is asked to send it.
  const { flush } = res as { flush?: () => void }
  return {
    write(chunk) {
      const isWritable = res.write(chunk)
      flush?.call(res)
      return isWritable
    },
    onDrain: listener => void res.on('drain', listener),
    end: () => void res.end(),
    cut: () => void res.destroy(),
  }
}
