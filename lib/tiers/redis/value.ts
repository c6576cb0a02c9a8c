import { deleteAtOf } from '../../core/entry.js'
import { ownBytes } from '../../core/own-bytes.js'
import type { CacheEntry } from '../../core/types.js'
import { sha256OfBody } from '../digest.js'
import { decodeMeta, encodeMeta, entryOf, metaOf } from '../meta.js'

const LINE_END = 0x0a

/** An entry as one value: the line of its meta, then the bytes of its body. Undefined: it holds something that would not be read again. */
export async function encodeValue(entry: CacheEntry): Promise<Buffer | undefined> {
  const { body } = entry
  const meta = metaOf(entry, { size: body.length, sha256: await sha256OfBody(body) }, deleteAtOf(entry))
  return meta && Buffer.concat([encodeMeta(meta), body])
}

/** Reads a value again. Undefined: it is not what was written for this key. */
export async function decodeValue(value: unknown, key: string): Promise<CacheEntry | undefined> {
  if (!Buffer.isBuffer(value)) return undefined
  const end = value.indexOf(LINE_END) + 1
  const meta = decodeMeta(value.subarray(0, end))
  // The reply may be a part of what the socket has read; an entry must not keep the whole of that.
  const body = ownBytes([value.subarray(end)])
  const isWhole = meta?.key === key && meta.size === body.length && meta.sha256 === (await sha256OfBody(body))
  return isWhole ? entryOf(meta, body) : undefined
}
