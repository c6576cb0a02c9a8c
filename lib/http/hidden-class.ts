import { IncomingMessage, ServerResponse, type Server, type ServerOptions } from 'node:http'
import type { Request, Response } from 'express'
import { attempt } from './step-aside.js'

/**
 * Express gives each request and response another prototype when it arrives. Up to Node 22, V8 then takes each of them for a kind of its own
 * (a hidden class), and no look at one of their properties is remembered for the next: each is a search.
 */
export const PROTOTYPES_ARE_COSTLY = Number.parseInt(process.versions.node) < 24

// Found again by the package's other build too, where an app has loaded both.
const CLASSES = Symbol.for('reelcache.classes')

/** What a server makes requests and responses with. */
type Classes = Pick<ServerOptions, 'IncomingMessage' | 'ServerResponse'>

/** Notes on a server what it makes requests and responses with, where that is not Node's own. */
export const noteClasses = <S extends Server>(server: S, classes: Classes): S =>
  Object.defineProperty(server, CLASSES, { value: classes })

/**
 * Gives a request and its response a hidden class that V8 knows again, where they have another prototype than they were born with: what V8
 * keeps as a dictionary shares one with all other dictionaries of its prototype, and what is left of a request then costs about half. V8 has
 * places for 64 such classes; in one process of 64 a request's and its response's fall on one by chance, and nothing is won. Without the
 * prototype's change a dictionary would be the slower one.
 */
export function shareHiddenClass(req: Request, res: Response): void {
  if (!PROTOTYPES_ARE_COSTLY) return
  const socket = req.socket as { server?: { readonly [CLASSES]?: Classes } } | undefined
  const { IncomingMessage: Req = IncomingMessage, ServerResponse: Res = ServerResponse } =
    socket?.server?.[CLASSES] ?? {}
  if (Object.getPrototypeOf(req) !== Req.prototype) keepAsDictionary(req, 'complete')
  if (Object.getPrototypeOf(res) !== Res.prototype) keepAsDictionary(res, 'sendDate')
}

/** V8 keeps whatever loses a property as a dictionary from then on. It is put back as it was. */
function keepAsDictionary(object: object, name: string): void {
  const property = Object.getOwnPropertyDescriptor(object, name)
  // What is fixed could not be put back.
  if (property?.configurable !== true || !Object.isExtensible(object)) return
  Reflect.deleteProperty(object, name)
  try {
    Object.defineProperty(object, name, property)
  } catch (error) {
    attempt(() => Object.defineProperty(object, name, property))
    throw error
  }
}
