import type { Request } from 'express'
import type { BypassReason } from './core/outcomes.js'
import type { ProfileName } from './core/types.js'
import { keyOf, type RequestKey } from './http/key.js'
import { Policy } from './http/policy.js'
import type { ResolvedRoute } from './options.js'

/** What the middleware of a route would do with a request: the key it would look up, or why it would let it go past. */
export function lookUpOf(
  req: Request,
  profile: ProfileName,
  route: ResolvedRoute,
): Pick<RequestKey, 'text'> | BypassReason {
  const policy = new Policy(route)
  const key = policy.bypassReason(req) ?? keyOf(req, profile, route)
  if (typeof key === 'string' || route.key === undefined || key.isIdentified) return key
  return policy.credentials(req) ?? key
}
