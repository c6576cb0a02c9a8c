import { makeCache, type Cache, type Factories } from './create.js'

let shared: Cache | undefined

/** The cache behind the four factories below, made when the first of them is called. */
export const defaultCache = (): Cache => (shared ??= makeCache())

/** Caches plain JSON in the default cache. Options: `RouteOptions`. Throws `ReelcacheError` when one is wrong. */
export const cacheApi: Factories['cacheApi'] = options => defaultCache().cacheApi(options)
/** Caches JSON made from several sources in the default cache. Options: `RouteOptions`. Throws `ReelcacheError` when one is wrong. */
export const cacheEnhanced: Factories['cacheEnhanced'] = options => defaultCache().cacheEnhanced(options)
/** Caches a model's text in the default cache. Options: `RouteOptions`. Throws `ReelcacheError` when one is wrong. */
export const cacheAi: Factories['cacheAi'] = options => defaultCache().cacheAi(options)
/** Caches speech in the default cache. Options: `RouteOptions`. Throws `ReelcacheError` when one is wrong. */
export const cacheTts: Factories['cacheTts'] = options => defaultCache().cacheTts(options)
