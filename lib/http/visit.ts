import type { Response } from 'express'
import type { ProfileName } from '../core/types.js'
import type { ResolvedRoute } from '../options.js'
import type { Asked } from './asked.js'
import type { Engine } from './engine.js'
import type { RequestKey } from './key.js'
import type { Policy } from './policy.js'

/** One request on one route. */
export interface Visit extends Asked {
  readonly engine: Engine
  readonly profile: ProfileName
  readonly route: ResolvedRoute
  readonly policy: Policy
  readonly res: Response
  readonly key: RequestKey
  /** Another cache has let the request through to this one. */
  readonly isNested: boolean
}
