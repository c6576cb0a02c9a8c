import type { Asked } from './asked.js'
import type { RequestKey } from './key.js'
import type { Policy } from './policy.js'

/** A request as one whom another's refusal may concern. */
export interface Asker extends Pick<Asked, 'headers'> {
  readonly policy: Policy
  readonly key: RequestKey
}
