import { randomBytes } from 'node:crypto'
import type { Connection } from './client.js'
import { inTime } from './commands.js'

const PATIENCE = 3_000
/** Milliseconds after which the store forgets it by itself. */
const STAY = '10000'

/** Writes a few bytes and reads them again. Rejects when they cannot be written, or are not the same. */
export function tryOut(connection: Connection, key: string): Promise<void> {
  return inTime(roundTrip(connection, key), PATIENCE)
}

async function roundTrip(connection: Connection, key: string): Promise<void> {
  await connection.opened
  const bytes = randomBytes(32)
  // Another machine that starts now does the same.
  const own = `${key}:${bytes.toString('hex', 0, 8)}`
  await connection.send({ name: 'SET', key: own, tail: [bytes, 'PX', STAY] })
  const back = await connection.send({ name: 'GET', key: own })
  if (!Buffer.isBuffer(back) || !back.equals(bytes)) throw new Error('The store does not give back what it was given')
}
