import { once } from 'node:events'
import http from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Application, Express as App } from 'express'
import { createServer } from '../../lib/index.js'
import { exchange } from '../support/client.js'
import { listening, type Served } from '../support/server.js'

/** The server that Express itself would make, and ours. */
export const makers = [
  ['http.createServer', (app: Application, options: http.ServerOptions = {}) => http.createServer(options, app)],
  ['createServer', (app: Application, options?: http.ServerOptions) => createServer(app as App, options)],
] as const

export type Make = (typeof makers)[number][1]

/** What came of the same through `http.createServer` and through ours. */
export interface Pair<T> {
  readonly plain: T
  readonly ours: T
}

export async function both<T>(run: (make: Make) => Promise<T>): Promise<Pair<T>> {
  return { plain: await run(makers[0][1]), ours: await run(makers[1][1]) }
}

/** Serves an app that is made anew for each of the two, and compares every byte they say but the time. */
export function bothSay(make: () => Application, bytes: string | Buffer): Promise<Pair<string>> {
  return both(async serverOf => said(await listening(serverOf(make())), bytes))
}

/** Each byte is one character. */
export async function said(served: Served, bytes: string | Buffer): Promise<string> {
  return undated((await exchange(served, bytes)).toString('latin1'))
}

export const undated = (text: string): string => text.replace(/^Date: .*\r\n/gm, '')

/** The bytes of a request, after whose answer the connection closes. */
export function bytesOf(method: string, path: string, headers: Record<string, string> = {}, body = ''): string {
  return lines(
    `${method} ${path} HTTP/1.1`,
    ...Object.entries({ Host: 'films.example', Connection: 'close', ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    ),
    '',
    body,
  )
}

export const lines = (...all: string[]): string => all.join('\r\n')

/** A connection on which a test says one thing after another. */
export class Line {
  readonly #socket: Socket
  readonly #over: Promise<unknown>
  #heard = ''

  constructor(served: Served) {
    this.#socket = connect(served.port, '127.0.0.1')
    this.#socket.setEncoding('latin1').on('data', (text: string) => (this.#heard += text))
    this.#over = once(this.#socket, 'close')
  }

  say(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  /** Resolves once the server has said this. */
  async hear(text: string): Promise<void> {
    while (!this.#heard.includes(text)) await once(this.#socket, 'data')
  }

  end(): void {
    this.#socket.end()
  }

  hangUp(): void {
    this.#socket.destroy()
  }

  /** All that the server said, when it has closed the connection. */
  async all(): Promise<string> {
    await this.#over
    return undated(this.#heard)
  }
}
