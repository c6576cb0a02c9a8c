import type { Express } from 'express'
import type { CachedRoute } from './source.js'

/** A route of the cache in an app, and what Express would tell it of a request's URL. */
export interface FoundRoute {
  readonly route: CachedRoute
  /** As the app names it: `/api/movies/:movieId`; undefined for middleware without a route. */
  readonly pattern: string | undefined
  readonly params: Record<string, string>
  readonly baseUrl: string
  readonly url: string
  /** What Express would leave in `req.route`; undefined for middleware without a route. */
  readonly expressRoute: object | undefined
}

/** What Express 4 and 5 keep of each `use` and each route. */
interface Layer {
  readonly handle: unknown
  readonly route?: {
    readonly path: unknown
    readonly methods: Record<string, boolean>
    readonly stack: readonly Layer[]
  }
  match(path: string): boolean | Match
}

/** What a layer made of a path: the newest router returns it, older ones leave it in the layer and return true. */
interface Match {
  readonly params?: Record<string, string>
  /** The part of the path that was used up. */
  readonly path?: string
}

interface Router {
  readonly stack: readonly Layer[]
  readonly mergeParams?: boolean
}

interface Position {
  readonly method: string
  readonly baseUrl: string
  /** What is left of the URL. */
  readonly url: string
  readonly params: Record<string, string>
}

type RouteOf = (middleware: unknown) => CachedRoute | undefined

const isRouter = (handle: unknown): handle is Router =>
  typeof handle === 'function' && 'stack' in handle && Array.isArray(handle.stack)

/**
 * The first route of the cache that a request would come to, found as Express finds it, without running anything: in the app, in its
 * routers and in theirs. An app mounted in an app is not looked into, for it cannot be seen from outside.
 */
export function findRoute(app: Express, method: string, target: string, routeOf: RouteOf): FoundRoute | undefined {
  const mount = app.path()
  if (!target.startsWith(mount)) return undefined
  const url = target.slice(mount.length)
  const start = { method, baseUrl: mount, url: url.startsWith('/') ? url : `/${url}`, params: {} }
  return search(routerOf(app), start, routeOf)
}

/** In Express 4 `router` is a getter that throws. */
function routerOf(app: Express): Router | undefined {
  const { _router } = app as unknown as { _router?: Router }
  return _router ?? (app as unknown as { router?: Router }).router
}

function search(router: Router | undefined, at: Position, routeOf: RouteOf): FoundRoute | undefined {
  for (const layer of router?.stack ?? []) {
    const match = matchOf(layer, at)
    if (match === undefined) continue
    const params = { ...(router?.mergeParams === true && at.params), ...match.params }
    const found =
      layer.route === undefined
        ? searchMiddleware(layer, inside(match, { ...at, params }), routeOf)
        : searchRoute(layer.route, { ...at, params }, routeOf)
    if (found !== undefined) return found
  }
  return undefined
}

function searchRoute(route: NonNullable<Layer['route']>, at: Position, routeOf: RouteOf): FoundRoute | undefined {
  const { method } = at
  const isMeant =
    route.methods['_all'] === true ||
    route.methods[method] === true ||
    (method === 'head' && route.methods['get'] === true)
  const ours = isMeant ? route.stack.map(({ handle }) => routeOf(handle)).find(found => found !== undefined) : undefined
  return ours && { ...at, route: ours, pattern: at.baseUrl + String(route.path), expressRoute: route }
}

function searchMiddleware({ handle }: Layer, at: Position, routeOf: RouteOf): FoundRoute | undefined {
  if (isRouter(handle)) return search(handle, at, routeOf)
  const route = routeOf(handle)
  return route && { ...at, route, pattern: undefined, expressRoute: undefined }
}

/** Whether Express would go into a layer, and what it would find there. */
function matchOf(layer: Layer, { url }: Position): Match | undefined {
  try {
    const match = layer.match(pathOf(url))
    return match === true ? { ...(layer as Match) } : match || undefined
  } catch {
    // A path that cannot be decoded.
    return undefined
  }
}

/** What is mounted under a path sees the rest of the URL. */
function inside({ path = '' }: Match, at: Position): Position {
  const prefix = path === '/' ? '' : path
  const rest = at.url.slice(prefix.length)
  return { ...at, baseUrl: at.baseUrl + prefix, url: rest.startsWith('/') ? rest : `/${rest}` }
}

const pathOf = (url: string): string => url.split('?', 1)[0]!
