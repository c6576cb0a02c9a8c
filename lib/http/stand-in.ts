import { ServerResponse, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** A connection that is always well and leads nowhere. */
class StandInSocket extends Duplex {
  constructor(readonly remoteAddress: string | undefined) {
    super({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
  }

  setTimeout(): this {
    return this
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
}

/** A connection like this one for whoever asks about it, without a client at its end. */
export function standInSocket(socket: Socket): Socket {
  const other = new StandInSocket(socket.remoteAddress)
  return Object.assign(other as unknown as Socket, 'encrypted' in socket && { encrypted: socket.encrypted })
}

/** A response that nobody gets. */
export function standInResponse(req: IncomingMessage, socket: Socket): ServerResponse {
  const res = new ServerResponse(req)
  res.assignSocket(socket)
  // What the server does for a response of its own: once it is finished its connection is closed to it.
  res.once('finish', () => socket.destroy())
  return res
}
