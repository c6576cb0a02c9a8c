import type { Request, Response } from 'express'
import { types } from 'node:util'
import { accessorsFor, watchProperties, type Watcher } from './watched-properties.js'

const SOCKET = { prefix: 'socket.' }

/** What any connection says of the client and of the way it came. */
const ADDRESSES = accessorsFor(
  [
    ...['remoteAddress', 'remotePort', 'remoteFamily', 'localAddress', 'localPort', 'localFamily', 'address'],
    ...['_peername', 'bytesRead', 'bytesWritten'],
  ],
  SOCKET,
)

/** What an encrypted one says: who the client has proved to be, and what was agreed upon with it. */
const SECURITY = accessorsFor(
  [
    ...[
      'authorized',
      'authorizationError',
      'servername',
      'alpnProtocol',
      'getPeerCertificate',
      'getPeerX509Certificate',
    ],
    ...['getSession', 'getTLSTicket', 'isSessionReused', 'getCipher', 'getProtocol', 'getSharedSigalgs'],
    ...['getFinished', 'getPeerFinished', 'getEphemeralKeyInfo', 'exportKeyingMaterial'],
  ],
  SOCKET,
)

/** Where a connection cannot be watched, as a frozen object or the Proxy of HTTP/2, whoever looks at it at all is noted. */
const HOLDERS = accessorsFor(['socket', 'connection', 'client', 'stream'], { enumerable: true })

type Stop = () => void

/** Watches what the client's connection says, whichever way one comes to it. */
export function watchConnection(req: Request, res: Response, watcher: Watcher): Stop {
  const socket: unknown = req.socket
  if (typeof socket !== 'object' || socket === null) return () => undefined
  const stop = watchSocket(socket, watcher)
  if (stop !== undefined) return stop
  const stops = [req, res].map(half => watchProperties(half, HOLDERS, watcher))
  return () => stops.forEach(one => one?.())
}

/** Undefined: it cannot be watched. */
export function watchSocket(socket: object, watcher: Watcher): Stop | undefined {
  if (types.isProxy(socket)) return undefined
  const stop = watchProperties(socket, ADDRESSES, watcher)
  if (stop !== undefined && 'encrypted' in socket) watchProperties(socket, SECURITY, watcher)
  return stop
}
