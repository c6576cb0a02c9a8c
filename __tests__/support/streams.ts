import { once } from 'node:events'
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { RequestHandler } from 'express'
import { counter } from './gate.js'

/** What came of an answer that was read as it came. */
export interface Heard {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** It was ended, and not broken off. */
  readonly isWhole: boolean
}

/** A client that reads an answer as it comes. */
export class Listener {
  readonly over: Promise<Heard>
  #length = 0
  readonly #chunks: Buffer[] = []
  readonly #waiting: { bytes: number; done: () => void }[] = []

  constructor(readonly response: IncomingMessage) {
    response.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#length += chunk.length
      for (const { bytes, done } of this.#waiting) if (this.#length >= bytes) done()
    })
    response.on('error', () => undefined)
    this.over = new Promise(done => response.once('close', () => done(this.soFar)))
  }

  /** Resolves once so many bytes of the body are there. */
  heard(bytes: number): Promise<void> {
    return new Promise(done => (this.#length >= bytes ? done() : void this.#waiting.push({ bytes, done })))
  }

  get soFar(): Heard {
    const { statusCode: status, headers, complete: isWhole } = this.response
    return { status: status!, headers, body: Buffer.concat(this.#chunks), isWhole }
  }

  leave(): void {
    this.response.destroy()
  }
}

/** Waits for the head of an answer, and reads on from there. */
export async function listen(sent: ClientRequest): Promise<Listener> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  // The connection may break later.
  sent.on('error', () => undefined)
  return new Listener(response)
}

/** A text for each kind of outcome, so that twenty can be compared at a glance. */
export function outcomeOf({ status, body, isWhole }: Heard, expected: Buffer): string {
  if (status !== 200) return `status ${status}`
  if (isWhole) return body.equals(expected) ? 'whole' : `ended after ${body.length} of ${expected.length} bytes`
  return body.equals(expected.subarray(0, body.length)) ? 'broken off' : 'broken off, and wrong'
}

export interface Departures {
  readonly middleware: RequestHandler
  /** Resolves once the connections of `count` requests have closed, and all who listened for that have heard of it. */
  reached(count: number): Promise<void>
}

/** Put in front of the cache, it tells a test that so many clients have gone. */
export function departures(): Departures {
  const gone = counter()
  const middleware: RequestHandler = (_req, res, next) => {
    res.on('close', () => gone.add())
    next()
  }
  return { middleware, reached: gone.reached }
}
