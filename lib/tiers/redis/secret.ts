import type { Connection } from './client.js'
import { inTime } from './commands.js'

const PATIENCE = 3_000
const TEXT = /^[0-9a-f]{64}$/

/** The secret under a name of the store: whoever comes first decides. It waits until the store can be asked at all. */
export async function sharedSecret(connection: Connection, key: string, ours: Buffer): Promise<Buffer | undefined> {
  await connection.opened
  await inTime(connection.send({ name: 'SET', key, tail: [ours.toString('hex'), 'NX'] }), PATIENCE)
  const text = String(await inTime(connection.send({ name: 'GET', key }), PATIENCE))
  return TEXT.test(text) ? Buffer.from(text, 'hex') : undefined
}
