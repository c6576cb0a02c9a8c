import http from 'node:http'
import https from 'node:https'
import type { Express } from 'express'
import { ReelcacheError } from './errors.js'
import { noteClasses, PROTOTYPES_ARE_COSTLY } from './http/hidden-class.js'

/**
 * An HTTP server for an Express app, whose requests and responses are born with the app's own prototypes: `createServer(app).listen(3000)`
 * in place of `app.listen(3000)`.
 *
 * Express gives each request and response another prototype when it arrives. Up to Node 22, V8 then takes each of them for a kind of its
 * own and finds their properties the slow way, which is more than half of what a request through Express costs. Here that step changes
 * nothing, because they have that prototype already; the app behaves the same. From Node 24 on this is `http.createServer`. `options` are those of `http.createServer`; a class of your
 * own for requests or responses is taken, and goes the slow way. Throws `ReelcacheError` when `app` is no Express app.
 */
export function createServer(app: Express, options: http.ServerOptions = {}): http.Server {
  const all = { ...classesOf(app), ...options }
  return noteClasses(http.createServer(all, app), all)
}

/** The same over TLS; `options` are those of `https.createServer`. */
export function createSecureServer(app: Express, options: https.ServerOptions): https.Server {
  const all = { ...classesOf(app), ...options }
  return noteClasses(https.createServer(all, app), all)
}

// Node's classes are functions and may be called so; by `Reflect.construct` each instance would cost more than is won.
type Make = (this: object, first: unknown, second?: unknown) => void
const makeRequest = http.IncomingMessage as unknown as Make
const makeResponse = http.ServerResponse as unknown as Make

/** Classes that make what Node's do, with the prototypes of the app, where that is worth anything. Stack traces show the names of such functions. */
function classesOf(app: Express): http.ServerOptions {
  const { request, response } = prototypesOf(app)
  if (!PROTOTYPES_ARE_COSTLY) return {}
  function IncomingMessage(this: object, socket: unknown): void {
    makeRequest.call(this, socket)
  }
  function ServerResponse(this: object, req: unknown, options: unknown): void {
    makeResponse.call(this, req, options)
  }
  IncomingMessage.prototype = request
  ServerResponse.prototype = response
  // V8 counts how many properties the whole line of constructors will set: without it there is no room, and it makes dictionaries.
  Object.setPrototypeOf(IncomingMessage, http.IncomingMessage)
  Object.setPrototypeOf(ServerResponse, http.ServerResponse)
  return { IncomingMessage, ServerResponse } as unknown as http.ServerOptions
}

function prototypesOf(app: unknown): Pick<Express, 'request' | 'response'> {
  const { request, response, handle } = (app ?? {}) as Partial<Express> & { handle?: unknown }
  // `express` itself, which one may forget to call, has a request and a response too.
  const isApp =
    request instanceof http.IncomingMessage && response instanceof http.ServerResponse && handle !== undefined
  if (!isApp) {
    throw new ReelcacheError(
      'ERR_REELCACHE_INVALID_APP',
      'createServer takes an app of Express: createServer(express())',
    )
  }
  return { request, response }
}
