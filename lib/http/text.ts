import { createHash } from 'node:crypto'

/** Longer texts of a client stand in keys as digests. */
const LONGEST = 200

/** Most texts are of these characters, and stand in keys as they are. */
const PLAIN = /^[\w.:-]*$/

/** A text as a part of a key: no space, nothing that two different texts share. */
export function keyPart(text: string): string {
  if (text.length > LONGEST) return `~${createHash('sha256').update(text, 'utf16le').digest('hex')}`
  if (PLAIN.test(text)) return text
  // encodeURIComponent leaves `~` as it is, and throws on lone surrogates.
  if (!text.isWellFormed()) return `~~${Buffer.from(text, 'utf16le').toString('hex')}`
  return encodeURIComponent(text).replaceAll('~', '%7E').replaceAll('%3A', ':')
}
