import type { Request } from 'express'
import type { Asked } from './asked.js'
import type { Policy } from './policy.js'

/** What Express 4 and 5 keep of each handler of a route. */
interface Layer {
  readonly handle: { readonly key?: unknown }
  /** In lower case; undefined for `route.all`. */
  readonly method?: string
}

/** Whether requests with this method are looked up where the middleware stands. */
export function isLookedUp({ req, method }: Asked, policy: Policy): boolean {
  const { methods } = policy.route
  if (methods !== undefined) return methods.some(name => name === (method === 'HEAD' ? 'GET' : method))
  return method !== 'POST' || isOnPostRoute(req, policy.mark)
}

/**
 * Whether a route has this middleware for POST, by name or for all methods. `req.route` alone does not say so: Express leaves it set when a
 * route passes the request on to what `use` has mounted.
 */
function isOnPostRoute(req: Request, mark: unknown): boolean {
  const { stack = [] } = (req.route ?? {}) as { readonly stack?: readonly Layer[] }
  let isNamed = false
  let isForAll = false
  let hasHandler = false
  for (const { handle, method } of stack) {
    // Tracers put functions of their own into a layer, and copy the properties of what they wrap.
    if (handle.key === mark) {
      isNamed ||= method === 'post'
      // `app.all` makes a layer for each method, TRACE too, which no route takes alone.
      isForAll ||= method === undefined || method === 'trace'
    } else if (method === undefined || method === 'post') hasHandler = isNamed || isForAll
  }
  // On a route for all methods that only passes on, it stands in front of other routes, as with `use`.
  return isForAll ? hasHandler : isNamed
}
