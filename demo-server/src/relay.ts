import { pipeline, Readable } from 'node:stream'
import type { Response as Answer } from 'express'

/** Sends on what a model server streams. Where one side breaks off the other is broken too, and nobody is left to tell. */
export function relay(body: ReadableStream | null, res: Answer): void {
  if (body) pipeline(Readable.fromWeb(body), res, () => undefined)
  else res.end()
}
