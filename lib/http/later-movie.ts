import type { Request } from 'express'
import { NO_MOVIE } from '../core/tags.js'
import type { ResolvedRoute } from '../options.js'
import { movieScope } from './key.js'
import { attempt } from './step-aside.js'

/**
 * Which movie a request is about, asked after its handler has answered: a cache mounted with `app.use` runs before any router has named one.
 * Every layer of a router sets `req.params` anew, and without `mergeParams` a router hides those around it, so what each layer sets is kept.
 */
export class LaterMovie {
  readonly #seen: Record<string, unknown> = {}
  #params: Request['params']

  constructor(
    private readonly req: Request,
    private readonly route: ResolvedRoute,
  ) {
    this.#params = req.params
    Object.assign(this.#seen, req.params)
    // A request that does not let itself be watched still has the parameters of its last layer.
    attempt(() => Object.defineProperty(req, 'params', { get: this.#get, set: this.#set, ...VISIBLE }))
  }

  /** The movie as keys write it; undefined where none is named. Ends the watch. */
  take(): string | undefined {
    const { req, route } = this
    this.restore()
    const { params } = req
    try {
      req.params = { ...this.#seen, ...params } as Request['params']
      const movie = movieScope(req, route)
      return movie === NO_MOVIE ? undefined : movie
    } finally {
      req.params = params
    }
  }

  /** Makes `req.params` a plain property again, unless somebody else has done so. */
  restore(): void {
    const { req } = this
    if (Object.getOwnPropertyDescriptor(req, 'params')?.get !== this.#get) return
    Object.defineProperty(req, 'params', { value: this.#params, writable: true, ...VISIBLE })
  }

  readonly #get = (): Request['params'] => this.#params
  readonly #set = (params: Request['params']): void => {
    this.#params = params
    Object.assign(this.#seen, params)
  }
}

const VISIBLE = { enumerable: true, configurable: true } as const
