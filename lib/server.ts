import http, { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { Express } from 'express'
import { ReelcacheError } from './errors.js'

/**
 * An HTTP server for an Express app, whose requests and responses are born with the app's own prototypes: `createServer(app).listen(3000)`
 * in place of `app.listen(3000)`.
 *
 * Express gives each request and response another prototype when it arrives. Up to Node 22, V8 then takes each of them for a kind of its
 * own and finds their properties the slow way, which is more than half of what a request through Express costs. Here that step changes
 * nothing, because they have that prototype already; the app behaves the same. `options` are those of `http.createServer`. Throws
 * `ReelcacheError` when `app` is no Express app.
 */
export const createServer = (app: Express, options: http.ServerOptions = {}): http.Server =>
  http.createServer({ ...options, ...classesOf(app) }, app)

/** The same over TLS; `options` are those of `https.createServer`. */
export const createSecureServer = (app: Express, options: https.ServerOptions): https.Server =>
  https.createServer({ ...options, ...classesOf(app) }, app)

type Classes = Required<Pick<http.ServerOptions, 'IncomingMessage' | 'ServerResponse'>>

function classesOf(app: Express): Classes {
  const { request, response } = app as Partial<Express>
  if (!(request instanceof IncomingMessage) || !(response instanceof ServerResponse)) {
    throw new ReelcacheError(
      'ERR_REELCACHE_INVALID_APP',
      'createServer takes an app of Express: createServer(express())',
    )
  }
  return { IncomingMessage: bornAs(IncomingMessage, request), ServerResponse: bornAs(ServerResponse, response) }
}

/**
 * The class whose instances are made as `Base` makes them, and have `prototype`. Node's classes are functions and may be called so; by
 * `Reflect.construct` each instance would cost more than is won.
 */
function bornAs<T>(Base: T, prototype: object): T {
  const make = Base as (this: object, first: unknown, second: unknown) => void
  function Born(this: object, first: unknown, second: unknown): void {
    make.call(this, first, second)
  }
  Born.prototype = prototype
  return Born as T
}
