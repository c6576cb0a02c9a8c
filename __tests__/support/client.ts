import { once } from 'node:events'
import { request, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { Served } from './server.js'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Field lines as they came, names in lower case. */
  readonly lines: readonly (readonly [string, string])[]
  readonly body: Buffer
  readonly trailers: NodeJS.Dict<string>
}

export interface Question {
  readonly method?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | Buffer
}

/** Sends a request and leaves the response to the caller, for clients that leave half-way or read events as they come. */
export function open(
  served: Served,
  path: string,
  { method = 'GET', headers = {}, body }: Question = {},
): ClientRequest {
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
  return request({
    host: '127.0.0.1',
    port: served.port,
    agent: served.agent,
    path,
    method,
    headers: { ...length, ...headers },
  }).end(body)
}

export function ask(served: Served, path: string, question?: Question): Promise<Answer> {
  return answered(open(served, path, question))
}

export async function answered(sent: ClientRequest): Promise<Answer> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  // A connection that breaks now is told by the response; Node 26 tells the request as well.
  sent.on('error', () => undefined)
  return collected(response)
}

export async function collected(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return {
    status: response.statusCode!,
    headers: response.headers,
    lines: fieldLines(response.rawHeaders),
    body: Buffer.concat(chunks),
    trailers: response.trailers,
  }
}

/** Resolves when an exchange is over, however it ended. */
export function over(sent: ClientRequest): Promise<void> {
  return new Promise(resolve => sent.on('error', () => undefined).once('close', resolve))
}

function fieldLines(raw: readonly string[]): (readonly [string, string])[] {
  const lines: [string, string][] = []
  for (let i = 0; i < raw.length; i += 2) lines.push([raw[i]!.toLowerCase(), raw[i + 1]!])
  return lines
}

export function postJson(
  served: Served,
  path: string,
  body: unknown,
  headers: Question['headers'] = {},
): Promise<Answer> {
  return ask(served, path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

/** Writes bytes no HTTP client would send and returns everything the server said until it closed. */
export async function exchange(served: Served, bytes: string | Buffer): Promise<Buffer> {
  const socket = connect(served.port, '127.0.0.1')
  socket.write(bytes)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
