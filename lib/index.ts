export { createCache } from './create.js'
export { createSecureServer, createServer } from './server.js'
export type { Cache, Factories } from './create.js'
export type { PurgeTarget } from './purge.js'
export { collectPrometheus } from './ops/prometheus.js'
export type { MetricRegistry } from './ops/prometheus.js'
export type { Alert } from './ops/alerts.js'
export type { Health } from './ops/health.js'
export type { CacheStats, HitRates, ProfileStats } from './ops/stats.js'
export type { WarmOptions } from './ops/warm/options.js'
export type { WarmCounts, WarmFailure, WarmProgress, WarmReport } from './ops/warm/report.js'
export type { WarmRequest } from './ops/warm/request.js'
export type { WarmRequests } from './ops/warm.js'
export type { WarmUpReport } from './tiers/warm-up.js'
export type { TierUsage as FileUsage } from './core/types.js'
export type { VerifyReport } from './tiers/file/tier.js'
export { cacheAi, cacheApi, cacheEnhanced, cacheTts, defaultCache } from './factories.js'
export { elevenLabs, googleSpeech, openaiChat, openaiSpeech } from './presets.js'
export { ERROR_CODES, ReelcacheError } from './errors.js'
export type { ErrorCode } from './errors.js'
export type { CacheHandler } from './http/middleware.js'
export type {
  AdminOptions,
  AlertOptions,
  AudioOptions,
  BodyFilter,
  CacheOptions,
  FieldFilter,
  MemoryBudget,
  ProfileOptions,
  RedisClient,
  RedisOptions,
  RouteOptions,
  RunOptions,
  TtsOptions,
} from './options.js'
export type { CacheEvent, CacheEventListener } from './core/events.js'
export type { Saving } from './core/saving.js'
export type { Savings } from './core/metrics.js'
export { ALERTS, BYPASS_REASONS, REFUSAL_REASONS, STALE_REASONS } from './core/outcomes.js'
export type {
  AlertCode,
  AlertSeverity,
  BypassReason,
  EvictionCause,
  RefusalReason,
  StaleReason,
} from './core/outcomes.js'
export type { Clock, Milliseconds, ProfileName, StoreUsage } from './core/types.js'
