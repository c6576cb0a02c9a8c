import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Request } from 'express'
import { standInSocket } from './stand-in.js'

/**
 * What the cache asks of a client's connection. A request may have none, a plain object, or one of HTTP/2, which throws once its session is over:
 * what cannot be asked is answered as of a connection that is there and says nothing.
 */
export class Connection {
  readonly #socket: Socket | undefined

  /** Of a request; of a response that nobody gets, the one it pretends to have. */
  constructor(half: Request | ServerResponse) {
    this.#socket = socketOf(half)
  }

  get isDestroyed(): boolean {
    return this.#ask(socket => socket.destroyed) === true
  }

  /** Neither ended nor broken by the client: it is closed on this side, or not at all. */
  get isOurs(): boolean {
    const isEnded = this.#ask(socket => socket.readableEnded) === true
    const error = this.#ask(socket => socket.errored)
    return !isEnded && (error === null || error === undefined)
  }

  /** This side has closed it: nothing more can be sent. */
  get isTornDown(): boolean {
    return this.isOurs && (this.isDestroyed || this.#ask(socket => socket.writableEnded) === true)
  }

  /** How many listen for its end. */
  get closers(): number {
    return this.#ask(socket => socket.listenerCount('close')) ?? 0
  }

  /** A connection like this one for whoever asks about it, without a client at its end. */
  standIn(): Socket {
    const remoteAddress = this.#ask(socket => socket.remoteAddress)
    const isEncrypted = this.#ask(socket => (socket as { encrypted?: boolean }).encrypted) === true
    const server = this.#ask(socket => (socket as { server?: unknown }).server)
    return standInSocket({ remoteAddress, encrypted: isEncrypted, server })
  }

  #ask<T>(question: (socket: Socket) => T): T | undefined {
    try {
      return this.#socket && question(this.#socket)
    } catch {
      return undefined
    }
  }
}

function socketOf(half: Request | ServerResponse): Socket | undefined {
  try {
    return (half as { socket?: Socket | null }).socket ?? undefined
  } catch {
    return undefined
  }
}
