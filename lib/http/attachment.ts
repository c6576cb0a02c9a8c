import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Request, Response } from 'express'
import type { Fields } from './headers.js'
import { standInResponse, standInSocket } from './stand-in.js'

type Listener = (...args: unknown[]) => void

/** What a connection tells a response and a request; the handler must not hear it of a client it has been taken from. */
const RESPONSE_EVENTS = ['close', 'finish', 'drain', 'error'] as const
const REQUEST_EVENTS = ['aborted', 'close', 'error'] as const

type ResponseEvent = (typeof RESPONSE_EVENTS)[number]

const isOneOf = <T extends string>(names: readonly T[], name: string | symbol): name is T =>
  (names as readonly (string | symbol)[]).includes(name)

/** Who listened before the handler ran: Node and middleware in front, who are always told the truth. */
export interface Front {
  readonly ofResponse: readonly (readonly Listener[])[]
  readonly ofRequest: readonly (readonly Listener[])[]
  /** How many listened for the end of the connection itself. */
  readonly closers: number
}

export const frontOf = (req: Request, res: Response): Front => ({
  ofResponse: RESPONSE_EVENTS.map(name => res.rawListeners(name) as Listener[]),
  ofRequest: REQUEST_EVENTS.map(name => req.rawListeners(name) as Listener[]),
  closers: req.socket.listenerCount('close'),
})

/** Everything a handler can ask or tell a response, save what `capture` has patched. */
const METHODS = [
  ...['setHeader', 'setHeaders', 'appendHeader', 'removeHeader', 'getHeader', 'getHeaders', 'getHeaderNames'],
  ...['hasHeader', 'getRawHeaderNames', 'addTrailers', 'cork', 'uncork', 'destroy', 'setTimeout'],
  ...['writeContinue', 'writeProcessing', 'writeEarlyHints'],
] as const
const SETTINGS = ['statusCode', 'statusMessage', 'sendDate'] as const
const STATES = [
  ...['headersSent', 'finished', 'destroyed', 'closed', 'errored', 'writable', 'writableEnded', 'writableFinished'],
  ...['writableLength', 'writableNeedDrain', 'writableCorked'],
] as const

/** What a handler has made of its head so far. */
export interface Head {
  readonly statusCode: number
  readonly statusMessage: string
  readonly fields: Fields
  readonly isSent: boolean
}

/**
 * Ties a handler's response to its client, and takes it from the client where the handler shall go on alone: because the client has left, or
 * because it was answered otherwise. From then on the handler writes to a response of Node's own that is always well and leads nowhere, and
 * hears nothing of the client: whoever uses `pipe`, `pipeline` or an AbortController tied to `close` goes on as if nothing had happened.
 */
export class Attachment {
  readonly #socket: Socket
  /** Whether the handler goes on, once the client has left. */
  #goesOn: boolean | undefined
  #other: ServerResponse | undefined

  constructor(
    private readonly req: Request,
    private readonly res: Response,
    private readonly front: Front,
    /** Whether the handler shall go on when the client leaves now. */
    private readonly mayGoOn: () => boolean,
    /** The client has left, and the handler goes on. */
    private readonly onLeave: () => void,
  ) {
    this.#socket = req.socket
    this.#watchResponse()
    this.#watchRequest()
    for (const half of [req, res]) this.#watchDestroy(half)
  }

  /** The client has left, and the handler listens to the connection itself: its calling `end` does not say any more that its answer is whole. */
  get isDoubtful(): boolean {
    return this.#goesOn === true && this.#socket.listenerCount('close') > this.front.closers
  }

  get isApart(): boolean {
    return this.#other !== undefined
  }

  /** The client is on its own, and the handler goes on with a response that nobody gets. */
  part({ statusCode, statusMessage, fields, isSent }: Head): ServerResponse {
    const other = standInResponse(this.req, standInSocket(this.#socket))
    Object.assign(other, { statusCode, statusMessage })
    for (const [name, value] of Object.entries(fields)) if (value !== undefined) other.setHeader(name, value)
    if (isSent) other.writeHead(statusCode)
    this.#other = other
    for (const name of RESPONSE_EVENTS) other.on(name, (...args: unknown[]) => this.#tellHandler(name, args))
    this.#redirect(other)
    return other
  }

  #watchResponse(): void {
    const { res } = this
    const emit = res.emit.bind(res) as (name: string | symbol, ...args: unknown[]) => boolean
    this.#override(res, 'emit', (name: string | symbol, ...args: unknown[]) => {
      if (name === 'close' && this.#other === undefined && this.#isGoingOn()) {
        this.onLeave()
      }
      const isOfConnection = this.#other !== undefined && isOneOf(RESPONSE_EVENTS, name)
      return isOfConnection ? this.#tellFront(name, args) : emit(name, ...args)
    })
  }

  #watchRequest(): void {
    const { req } = this
    const emit = req.emit.bind(req) as (name: string | symbol, ...args: unknown[]) => boolean
    this.#override(req, 'emit', (name: string | symbol, ...args: unknown[]) => {
      // Node aborts the request first, then tells the response.
      const isOfConnection = isOneOf(REQUEST_EVENTS, name) && this.#socket.destroyed
      if (!isOfConnection || !this.#isGoingOn()) return emit(name, ...args)
      for (const listener of this.front.ofRequest[REQUEST_EVENTS.indexOf(name)]!) {
        if (req.rawListeners(name).includes(listener)) listener.apply(req, args)
      }
      this.#override(req, 'aborted', false)
      this.#override(req, 'destroyed', false)
      return true
    })
  }

  /** A handler that tears the connection down has not been left by its client. */
  #watchDestroy(half: Request | Response): void {
    const destroy = half.destroy.bind(half)
    this.#override(half, 'destroy', (error?: Error) => {
      // Node, too, destroys a request whose connection is gone.
      if (!this.#socket.destroyed) this.#goesOn ??= false
      return destroy(error)
    })
  }

  /** Decided once: request and response are told of the same end. */
  #isGoingOn(): boolean {
    const { readableEnded, errored } = this.#socket
    // Neither ended nor broken by its client: it was closed on this side.
    const isOurs = !readableEnded && errored === null
    return (this.#goesOn ??= !isOurs && this.mayGoOn())
  }

  #tellFront(name: ResponseEvent, args: unknown[]): boolean {
    const { res } = this
    for (const listener of this.front.ofResponse[RESPONSE_EVENTS.indexOf(name)]!) {
      if (res.rawListeners(name).includes(listener)) listener.apply(res, args)
    }
    return true
  }

  #tellHandler(name: ResponseEvent, args: unknown[]): void {
    const { res } = this
    const front = this.front.ofResponse[RESPONSE_EVENTS.indexOf(name)]!
    for (const listener of res.rawListeners(name) as Listener[]) {
      if (!front.includes(listener)) listener.apply(res, args)
    }
  }

  #redirect(other: ServerResponse): void {
    const { req, res } = this
    for (const name of METHODS) {
      const method = (other as unknown as Record<string, unknown>)[name]
      if (typeof method === 'function') this.#override(res, name, method.bind(other))
    }
    const of = other as unknown as Record<string, unknown>
    for (const name of SETTINGS) this.#define(res, name, { get: () => of[name], set: value => void (of[name] = value) })
    // Node still writes down what becomes of the connection: that is not the handler's.
    for (const name of STATES) this.#define(res, name, { get: () => of[name], set: () => undefined })
    if (this.#goesOn !== true) return
    this.#override(req, 'socket', other.socket)
    this.#override(res, 'socket', other.socket)
  }

  #override(target: object, name: string, value: unknown): void {
    this.#define(target, name, { value, writable: true })
  }

  #define(target: object, name: string, descriptor: PropertyDescriptor): void {
    Object.defineProperty(target, name, { ...descriptor, configurable: true, enumerable: true })
  }
}
