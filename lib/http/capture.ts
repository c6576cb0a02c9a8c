import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Response } from 'express'
import { Connection } from './connection.js'
import { isHeadSent } from './head-sent.js'
import { sealHead, type Seal } from './seal.js'
import { attempt, type Undo } from './step-aside.js'

/** Who listens to an answer while it is made. */
export interface Sink {
  /**
   * The head is about to go out: status and fields are final on the response, and may still be added to. `whole` is the body where the
   * answer is one `end(body)`. True: hold the answer back, the sink will send one itself.
   */
  head(whole: Buffer | undefined): boolean
  /** Wants the bytes of the body. */
  readonly isOpen: boolean
  /**
   * What the handler is told after a `write` of so many bytes to which the client said `isWritable`: after false it waits for `drain`.
   */
  answerWrite(isWritable: unknown, bytes: number): unknown
  /** True while middleware in front handles what the handler sent, false when the handler goes on. */
  pause(isPaused: boolean): void
  /** Bytes of its own that were sent (or, held back, would have been). */
  chunk(bytes: Buffer): void
  /** The handler ended the answer, and what was not held back has been handed to Node. */
  end(): void
  /** The connection closed before the handler ended the answer. */
  abort(): void
  /** The client has got all, or its connection has closed. */
  close(): void
}

export interface Capture {
  /** Stops listening: the response is as it was. */
  release(): void
  /** To be called once released: sends what was held back, and the end, where the handler has come to it. */
  letGo(chunks: readonly Buffer[]): void
  /** Goes on listening; what the handler sends goes to another response from here on. */
  redirect(other: ServerResponse): void
  /** Lets middleware in front add to a head that nobody gets, as it would have without the redirection. */
  rehearseHead(): void
}

/**
 * Listens to everything a handler can answer with: `write`, `end` and `writeHead` are what `json`, `send`, `pipe`, `sendFile` and the rest
 * come down to. The client's bytes go first and unchanged, and so do return values, callbacks, errors and `drain`.
 */
export function capture(res: Response, sink: Sink, undo: Undo): Capture {
  let target: ServerResponse = res
  let outlet: Outlet = outletOf(res)
  let connection = new Connection(res.req)
  let isHeaded = false
  let isEnded = false
  let isOutward = false
  /** There is one as long as the answer is held back. */
  let seal: Seal | undefined

  const unseal = (): void => {
    seal?.break()
    seal = undefined
  }
  undo.add(unseal)

  const begin = (whole?: Buffer): void => {
    isHeaded = true
    listen(() => {
      if (sink.head(whole)) seal = sealHead(res)
    })
  }

  /** That listening fails is not the handler's fault: its answer goes on unheard, where it is not held back. */
  const listen = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      attempt(() => sink.abort())
      if (seal === undefined) return
      unseal()
      throw error
    }
  }

  const outward = <T>(send: () => T): T => {
    // Middleware in front may call back in: `end` of `compression` writes the head.
    const wasOutward = isOutward
    isOutward = true
    sink.pause(true)
    try {
      return send()
    } finally {
      isOutward = wasOutward
      sink.pause(wasOutward)
    }
  }

  /** The handler has broken its answer off. That it ends it all the same, as a `finally` does, makes no whole of it. */
  const isTornDown = (): boolean => target.destroyed || connection.isTornDown

  const endTornDown = (args: unknown[]): Response => {
    isEnded = true
    listen(() => sink.abort())
    unseal()
    outward(() => outlet.end.apply(target, args as Parameters<Outlet['end']>))
    return res
  }

  const patched = {
    writeHead(...args: unknown[]) {
      seal?.refuse()
      settleHead(res, args)
      if (!isHeaded) begin()
      return seal === undefined ? outward(() => outlet.writeHead.call(target, res.statusCode)) : res
    },

    write(...args: unknown[]) {
      // What `end` writes is known already: that of HTTP/2 does, and so may one in front.
      if (isOutward) return outlet.write.apply(target, args as Parameters<Outlet['write']>)
      if (!isHeaded) begin()
      const [chunk, encoding, callback] = bodyArguments(args)
      if (seal === undefined) {
        const isWritable = outward(() => outlet.write.apply(target, args as Parameters<Outlet['write']>))
        // What middleware in front answers is the handler's: `pipe` waits for `drain` after `false` alone.
        if (!sink.isOpen) return isWritable
        let answer: unknown = isWritable
        listen(() => {
          const bytes = copyOf(chunk, encoding)
          sink.chunk(bytes)
          answer = sink.answerWrite(isWritable, bytes.length)
        })
        return answer as boolean
      }
      sink.chunk(copyOf(chunk, encoding))
      if (callback !== undefined) process.nextTick(callback)
      return true
    },

    end(...args: unknown[]) {
      if (isEnded) return outlet.end.apply(target, args as Parameters<Outlet['end']>)
      if (isTornDown()) return endTornDown(args)
      const [chunk, encoding, callback] = bodyArguments(args)
      const bytes = chunk === undefined || chunk === null ? Buffer.alloc(0) : bytesOf(chunk, encoding)
      const isWhole = !isHeaded
      if (isWhole) begin(bytes)
      isEnded = true
      if (seal !== undefined && callback !== undefined) res.once('finish', callback)
      if (seal === undefined) outward(() => outlet.end.apply(target, args as Parameters<Outlet['end']>))
      listen(() => {
        if (!isWhole && bytes.length > 0 && sink.isOpen) sink.chunk(bytes)
        sink.end()
      })
      return res
    },

    flushHeaders() {
      if (!isHeaded) begin()
      if (seal === undefined) outward(() => outlet.flushHeaders.call(target))
    },
  }
  undo.keep(res, PATCHED)
  patch(res, patched)
  const { writeHead } = outlet

  const leave = (): void => {
    attempt(() => sink.close())
    if (!isEnded) attempt(() => sink.abort())
  }
  undo.add(() => res.removeListener('close', leave))
  res.on('close', leave)

  const release = (): void => {
    unseal()
    patch(res, outlet)
  }
  return {
    release,
    letGo(chunks) {
      for (const chunk of chunks) res.write(chunk)
      if (isEnded) res.end()
    },
    redirect(other) {
      target = other
      outlet = outletOf(other)
      connection = new Connection(other)
      unseal()
      patch(res, patched)
    },
    rehearseHead: () => void outward(() => writeHead.call(res, res.statusCode)),
  }
}

const PATCHED = ['writeHead', 'write', 'end', 'flushHeaders'] as const

type Outlet = Pick<ServerResponse, (typeof PATCHED)[number]>

const outletOf = ({ writeHead, write, end, flushHeaders }: ServerResponse): Outlet => ({
  writeHead,
  write,
  end,
  flushHeaders,
})

/** Each by its name: of an object that is written to by `Object.assign`, V8 makes a dictionary, which is slower wherever it was none yet. */
function patch(res: ServerResponse, { writeHead, write, end, flushHeaders }: Outlet): void {
  res.writeHead = writeHead
  res.write = write
  res.end = end
  res.flushHeaders = flushHeaders
}

/** Runs once when the head of an answer is about to go out. */
export function onHead(res: Response, listener: () => void): void {
  const { writeHead } = res
  res.writeHead = function (this: Response, ...args: unknown[]) {
    res.writeHead = writeHead
    settleHead(res, args)
    listener()
    return writeHead.call(res, res.statusCode)
  } as Response['writeHead']
}

/** Tells once whether an answer that has been ended was sent, or its connection closed before. */
export function onSent(res: ServerResponse, listener: (isSent: boolean) => void): void {
  const tell = (): void => {
    res.removeListener('finish', tell).removeListener('close', tell)
    listener(isHeadSent(res))
  }
  res.on('finish', tell).on('close', tell)
}

/**
 * Moves what `writeHead(status, reason?, headers?)` brings onto the response, where it can be read: Node does not show it in `getHeaders()`,
 * and of a flat array it keeps only the last of several lines once a header was set.
 */
function settleHead(res: Response, [status, reason, fields]: unknown[]): void {
  const headers = typeof reason === 'object' && reason !== null ? reason : fields
  if (Array.isArray(headers)) setLines(res, headers as unknown[])
  else if (typeof headers === 'object' && headers !== null) {
    for (const [name, value] of Object.entries(headers as OutgoingHttpHeaders)) {
      if (name !== '' && value !== undefined) res.setHeader(name, value)
    }
  }
  if (typeof status === 'number' && status !== res.statusCode) res.statusCode = status
  if (typeof reason === 'string') res.statusMessage = reason
}

/** `[name, value, name, value]`, or `[[name, value], …]`: the new lines replace old ones of the same name, and stand beside each other. */
function setLines(res: Response, headers: unknown[]): void {
  const flat = (Array.isArray(headers[0]) ? headers.flat() : headers) as OutgoingHttpHeader[]
  const names = flat.filter((_, index) => index % 2 === 0).map(String)
  for (const name of names) res.removeHeader(name)
  for (const [index, name] of names.entries()) {
    const value = flat[index * 2 + 1]
    if (value !== undefined) res.appendHeader(name, typeof value === 'number' ? String(value) : value)
  }
}

/** `(chunk?, encoding?, callback?)` with any of the first two left out. */
function bodyArguments([first, second, third]: unknown[]): [
  chunk: unknown,
  encoding: BufferEncoding | undefined,
  callback: (() => void) | undefined,
] {
  if (typeof first === 'function') return [undefined, undefined, first as () => void]
  if (typeof second === 'function') return [first, undefined, second as () => void]
  return [first, second as BufferEncoding | undefined, third as (() => void) | undefined]
}

function bytesOf(chunk: unknown, encoding: BufferEncoding | undefined): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding)
  const { buffer, byteOffset, byteLength } = chunk as Uint8Array
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** Handlers may use their buffer again after a write. */
const copyOf = (chunk: unknown, encoding: BufferEncoding | undefined): Buffer =>
  typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk as Uint8Array)
