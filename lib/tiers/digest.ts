import { createHash, webcrypto } from 'node:crypto'

/** Above this size hashing leaves the event loop for the thread pool: 64 KiB take about 50 µs. */
const LARGE = 64 * 1024

export const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex')

export async function sha256OfBody(body: Buffer): Promise<string> {
  if (body.length <= LARGE) return sha256(body)
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', body)).toString('hex')
}
