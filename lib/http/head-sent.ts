import type { ServerResponse } from 'node:http'

/**
 * Whether the head has left, by Node's own account. `@fastify/express` puts a `headersSent` of its own on the response, which is true only
 * after `res.send`, and true before anything has left.
 */
export const isHeadSent = (res: ServerResponse): boolean =>
  Object.hasOwn(res, 'headersSent')
    ? (Reflect.get(Object.getPrototypeOf(res) as object, 'headersSent', res) as boolean)
    : res.headersSent
