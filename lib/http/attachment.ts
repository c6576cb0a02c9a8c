import type { AsyncResource } from 'node:async_hooks'
import type { ServerResponse } from 'node:http'
import { EventEmitter } from 'node:events'
import type { Request, Response } from 'express'
import { Connection } from './connection.js'
import type { Fields } from './headers.js'
import { standInResponse } from './stand-in.js'
import type { Undo } from './step-aside.js'

type Listener = (...args: unknown[]) => void
type Emit = (name: string | symbol, ...args: unknown[]) => boolean

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
  closers: new Connection(req).closers,
})

/** Remembers what a tie is going to put on request and response. */
export function keepUntied(undo: Undo, req: Request, res: Response): void {
  undo.keep(req, ['emit', 'destroy'])
  undo.keep(res, ['emit', 'on', 'destroy'])
}

/**
 * Everything a handler can ask or tell a response, save what `capture` has patched. `cork` and `uncork` stay the client's: Node calls them
 * itself with each `write`, also for the bytes that `compression` in front still sends.
 */
const METHODS = [
  ...['setHeader', 'setHeaders', 'appendHeader', 'removeHeader', 'getHeader', 'getHeaders', 'getHeaderNames'],
  ...['hasHeader', 'getRawHeaderNames', 'addTrailers', 'destroy', 'setTimeout'],
  ...['writeContinue', 'writeProcessing', 'writeEarlyHints'],
] as const
/** `compression` in front takes these for its own stream, which the handler does not write to any more. */
const LISTENERS = ['on', 'once', 'addListener', 'prependListener', 'prependOnceListener'] as const
const SETTINGS = ['statusCode', 'statusMessage', 'sendDate'] as const
const STATES = [
  ...['headersSent', 'finished', 'destroyed', 'closed', 'errored', 'writable', 'writableEnded', 'writableFinished'],
  ...['writableLength', 'writableNeedDrain'],
] as const

/** Of these, what Node asks before it writes. */
const SENDING = ['finished', 'destroyed'] as const

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
  readonly #connection: Connection
  /** Whether the handler goes on, once the client has left. */
  #goesOn: boolean | undefined
  #heardOfIt = false
  readonly #aliases: Alias[] = []
  readonly #drained = new Set<Listener>()
  #handlers: readonly (readonly Listener[])[] | undefined
  #other: ServerResponse | undefined

  constructor(
    private readonly req: Request,
    private readonly res: Response,
    private front: Front,
    /** The handler's: it is told there what others bring about. */
    private readonly context: AsyncResource,
    /** Whether the handler shall go on when the client leaves now. */
    private readonly mayGoOn: () => boolean,
    /** The client has left, and the handler goes on. */
    private readonly onLeave: () => void,
  ) {
    this.#connection = new Connection(req)
    this.#watchResponse()
    this.#watchRequest()
    this.#watchDrain()
    for (const half of [req, res]) this.#watchDestroy(half)
  }

  /** The client has left, and the handler listened to the connection itself: its calling `end` does not say any more that its answer is whole. */
  get isDoubtful(): boolean {
    return this.#goesOn === true && this.#heardOfIt
  }

  /** To be asked while the client is there: whoever listens to the connection may take its leave with the first news. */
  lookForListeners(): void {
    if (this.#goesOn === undefined) this.#heardOfIt ||= this.#connection.closers > this.front.closers
  }

  get isApart(): boolean {
    return this.#other !== undefined
  }

  /**
   * Call it before the client is answered otherwise: who has come to listen so far is the handler, and who comes with that answer belongs to
   * it.
   */
  noteHandler(): void {
    this.#handlers = this.#listenersBut(this.front.ofResponse)
  }

  /** The client is on its own, and the handler goes on with a response that nobody gets. */
  part({ statusCode, statusMessage, fields }: Head): ServerResponse {
    const handlers = this.#handlers ?? this.#listenersBut(this.front.ofResponse)
    this.front = { ...this.front, ofResponse: this.#listenersBut(handlers) }
    const other = standInResponse(this.req, this.#connection.standIn())
    Object.assign(other, { statusCode, statusMessage })
    for (const [name, value] of Object.entries(fields)) if (value !== undefined) other.setHeader(name, value)
    this.#other = other
    for (const name of RESPONSE_EVENTS) other.on(name, (...args: unknown[]) => this.#tellHandler(name, args))
    this.#redirect(other)
    // It may be waiting for the client that is gone.
    process.nextTick(() => this.#tellHandler('drain', []))
    return other
  }

  #listenersBut(known: readonly (readonly Listener[])[]): Listener[][] {
    return RESPONSE_EVENTS.map((name, at) =>
      (this.res.rawListeners(name) as Listener[]).filter(listener => !known[at]!.includes(listener)),
    )
  }

  #watchResponse(): void {
    const { res } = this
    const emit = res.emit.bind(res) as Emit
    this.#override(res, 'emit', (name: string | symbol, ...args: unknown[]) => {
      if (name === 'close' && this.#other === undefined && this.#isGoingOn()) {
        this.onLeave()
      }
      const isOfConnection = this.#other !== undefined && isOneOf(RESPONSE_EVENTS, name)
      return isOfConnection ? this.#tellFront(emit, name, args) : emit(name, ...args)
    })
  }

  #watchRequest(): void {
    const { req } = this
    const emit = req.emit.bind(req) as Emit
    this.#override(req, 'emit', (name: string | symbol, ...args: unknown[]) => {
      // Node aborts the request first, then tells the response.
      const isOfConnection =
        isOneOf(REQUEST_EVENTS, name) && (this.#connection.isDestroyed || this.#other !== undefined)
      if (!isOfConnection || (this.#other === undefined && !this.#isGoingOn())) return emit(name, ...args)
      tell(req, emit, name, this.front.ofRequest[REQUEST_EVENTS.indexOf(name)]!, args)
      this.#override(req, 'aborted', false)
      this.#override(req, 'destroyed', false)
      return true
    })
  }

  /** `compression` in front takes whoever waits for `drain` to its own stream: they are to be told when that one has nobody to send to. */
  #watchDrain(): void {
    const { res } = this
    const on = res.on.bind(res) as (name: string | symbol, listener: Listener) => Response
    this.#override(res, 'on', (name: string | symbol, listener: Listener) => {
      if (name === 'drain') this.#drained.add(listener)
      // Whoever looks after the connection, as `sendFile` does, listens there next, and no more once it has broken.
      if (name === 'finish') process.nextTick(() => this.lookForListeners())
      return on(name, listener)
    })
  }

  /** A handler that tears the connection down has not been left by its client. */
  #watchDestroy(half: Request | Response): void {
    const destroy = half.destroy.bind(half)
    this.#override(half, 'destroy', (error?: Error) => {
      // Node, too, destroys a request: once its body is read, which leaves the connection alone, and when that is gone.
      const isRead = half === this.req && this.req.readableEnded
      if (!isRead && !this.#connection.isDestroyed) this.#goesOn ??= false
      return destroy(error)
    })
  }

  /** Decided once: request and response are told of the same end. */
  #isGoingOn(): boolean {
    this.lookForListeners()
    return (this.#goesOn ??= !this.#connection.isOurs && this.mayGoOn())
  }

  #tellFront(emit: Emit, name: ResponseEvent, args: unknown[]): boolean {
    const { res } = this
    this.#asItIs(() => tell(res, emit, name, this.front.ofResponse[RESPONSE_EVENTS.indexOf(name)]!, args))
    return true
  }

  /** Whoever logs what the client got must see that, not what the handler makes now. */
  #asItIs(work: () => void): void {
    const { res } = this
    for (const { name, real } of this.#aliases) {
      if (real === undefined) Reflect.deleteProperty(res, name)
      else Object.defineProperty(res, name, real)
    }
    try {
      work()
    } finally {
      for (const { name, shown } of this.#aliases) Object.defineProperty(res, name, shown)
    }
  }

  #tellHandler(name: ResponseEvent, args: unknown[]): void {
    const { res } = this
    const front = this.front.ofResponse[RESPONSE_EVENTS.indexOf(name)]!
    const listeners = res.rawListeners(name) as Listener[]
    const known = listeners.filter(listener => !front.includes(listener))
    const elsewhere = name === 'drain' ? [...this.#drained].filter(listener => !listeners.includes(listener)) : []
    for (const listener of [...known, ...elsewhere]) this.context.runInAsyncScope(listener, res, ...args)
  }

  #redirect(other: ServerResponse): void {
    const { req, res } = this
    const of = other as unknown as Record<string, unknown>
    for (const name of METHODS) {
      const method = of[name]
      if (typeof method === 'function') this.#alias(name, { value: bound(method, other), writable: true })
    }
    const listening = LISTENING as unknown as Record<string, unknown>
    for (const name of LISTENERS) this.#alias(name, { value: bound(listening[name], res), writable: true })
    for (const name of SETTINGS) this.#alias(name, { get: () => of[name], set: value => void (of[name] = value) })
    const own: Partial<Record<string, Alias>> = {}
    const real = (name: string): unknown => own[name]?.real?.value
    // `compression` in front may still be sending to the client, and Node looks here whether it may.
    const isSending = (name: string): boolean => own[name] !== undefined && !SENDING.some(state => real(state) === true)
    for (const name of STATES) {
      const alias = this.#alias(name, {
        get: () => (isSending(name) ? real(name) : of[name]),
        // Node still writes down what becomes of the connection: that is not the handler's.
        set: (value: unknown) => {
          if (alias.real !== undefined && 'value' in alias.real) alias.real.value = value
        },
      })
      if (isOneOf(SENDING, name)) own[name] = alias
    }
    if (this.#goesOn !== true) return
    this.#override(req, 'socket', other.socket)
    this.#override(res, 'socket', other.socket)
  }

  #alias(name: string, descriptor: PropertyDescriptor): Alias {
    const { res } = this
    const shown = { ...descriptor, configurable: true, enumerable: true }
    const alias = { name, shown, real: Object.getOwnPropertyDescriptor(res, name) }
    this.#aliases.push(alias)
    Object.defineProperty(res, name, shown)
    return alias
  }

  #override(target: object, name: string, value: unknown): void {
    Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: true })
  }
}

/**
 * Whoever still listens of those, by the `emit` that they know: an agent in front that has wrapped it counts on being called around its
 * listeners. The others are out of its sight meanwhile.
 */
function tell(half: EventEmitter, emit: Emit, name: string, those: readonly Listener[], args: unknown[]): void {
  const listeners = half.rawListeners(name) as Listener[]
  const others = listeners.filter(listener => !those.includes(listener))
  // Nobody listens for the error: Node would make it the process's.
  if (others.length === listeners.length) return
  for (const listener of others) LISTENING.removeListener.call(half, name, listener)
  try {
    emit(name, ...args)
  } finally {
    for (const listener of others) LISTENING.addListener.call(half, name, listener)
  }
}

/** Past whatever somebody has put in their places. */
const LISTENING = EventEmitter.prototype

const bound = (method: unknown, self: object): unknown => (method as (...args: unknown[]) => unknown).bind(self)

/** A property of the response that shows another's. */
interface Alias {
  readonly name: string
  readonly shown: PropertyDescriptor
  readonly real: PropertyDescriptor | undefined
}
