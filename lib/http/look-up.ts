import type { BypassReason } from '../core/outcomes.js'
import type { ProfileName } from '../core/types.js'
import type { Asked } from './asked.js'
import { isLookedUp } from './place.js'
import type { RequestKey } from './key.js'
import type { KnownKeys } from './known-keys.js'
import type { Policy } from './policy.js'

/** What a request is looked up under on a route, or why it goes past the cache. */
export function lookUpOf(
  asked: Asked,
  profile: ProfileName,
  policy: Policy,
  keys: KnownKeys,
): RequestKey | BypassReason {
  const { route } = policy
  if (!isLookedUp(asked, policy)) return 'method'
  const key = policy.bypassReason(asked) ?? keys.keyOf(asked, profile, policy)
  if (typeof key === 'string' || route.key === undefined || key.isIdentified) return key
  return policy.credentials(asked) ?? key
}
