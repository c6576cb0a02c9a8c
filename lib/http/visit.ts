import type { Request, Response } from 'express'
import type { ProfileName } from '../core/types.js'
import type { ResolvedRoute } from '../options.js'
import type { Engine } from './engine.js'
import type { RequestKey } from './key.js'
import type { Policy } from './policy.js'

/** One request on one route. */
export interface Visit {
  readonly engine: Engine
  readonly profile: ProfileName
  readonly route: ResolvedRoute
  readonly policy: Policy
  readonly req: Request
  readonly res: Response
  readonly key: RequestKey
}
