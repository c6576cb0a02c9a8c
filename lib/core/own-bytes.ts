/**
 * These chunks as one Buffer of its own: whoever made them may use theirs again, and no part of a pool of Node's keeps the whole pool in memory.
 */
export function ownBytes(chunks: readonly Uint8Array[]): Buffer {
  const own = Buffer.allocUnsafeSlow(chunks.reduce((sum, { length }) => sum + length, 0))
  let end = 0
  for (const chunk of chunks) {
    own.set(chunk, end)
    end += chunk.length
  }
  return own
}
