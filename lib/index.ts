export { createCache } from './create.js'
export { createSecureServer, createServer } from './server.js'
export type { Cache, Factories } from './create.js'
export type { PurgeTarget } from './purge.js'
export type { Alert, CacheStats, ProfileStats } from './stats.js'
export type { FileUsage, VerifyReport } from './tiers/file/tier.js'
export { cacheAi, cacheApi, cacheEnhanced, cacheTts, defaultCache } from './factories.js'
export { elevenLabs, googleSpeech, openaiChat, openaiSpeech } from './presets.js'
export { ERROR_CODES, ReelcacheError } from './errors.js'
export type { ErrorCode } from './errors.js'
export type { CacheHandler } from './http/middleware.js'
export type {
  BodyFilter,
  CacheOptions,
  FieldFilter,
  MemoryBudget,
  ProfileOptions,
  RouteOptions,
  TtsOptions,
} from './options.js'
export type { CacheEvent, CacheEventListener } from './core/events.js'
export { BYPASS_REASONS, REFUSAL_REASONS, STALE_REASONS } from './core/outcomes.js'
export type { BypassReason, EvictionCause, RefusalReason, StaleReason } from './core/outcomes.js'
export type { Clock, Milliseconds, ProfileName } from './core/types.js'
