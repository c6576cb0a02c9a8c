import { ServerResponse, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** A connection that is always well and leads nowhere. */
class StandInSocket extends Duplex {
  constructor(readonly remoteAddress: string | undefined) {
    super({
      read: () => undefined,
      // Not at once: whoever fills it without a pause must let others have their turn, as with any connection.
      write: (_chunk, _encoding, done) => void setImmediate(done),
      writev: (_chunks, done) => void setImmediate(done),
    })
    // As a server does: an answer that is destroyed with an error is the answer's matter, not the process's.
    this.on('error', () => undefined)
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

/** What Node and Express look at of a connection: the address, the protocol, and the server that is asked once more for a refresh. */
export interface Likeness {
  readonly remoteAddress: string | undefined
  readonly encrypted?: boolean
  readonly server?: unknown
}

/** A connection that looks like another one, without a client at its end. */
export function standInSocket({ remoteAddress, encrypted, server }: Likeness): Socket {
  const other = new StandInSocket(remoteAddress)
  return Object.assign(
    other as unknown as Socket,
    encrypted === true && { encrypted },
    server !== undefined && { server },
  )
}

/** A response that nobody gets. */
export function standInResponse(req: IncomingMessage, socket: Socket): ServerResponse {
  const res = new ServerResponse(req)
  res.assignSocket(socket)
  // What the server does for a response of its own: it says when to go on, and closes the connection once it is finished.
  Object.defineProperty(res, 'writableNeedDrain', { get: () => socket.writableNeedDrain })
  socket.on('drain', () => res.emit('drain'))
  res.once('finish', () => socket.destroy())
  return res
}
