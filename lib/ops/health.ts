import { getHeapStatistics } from 'node:v8'
import type { Alert } from './alerts.js'
import type { CacheStats } from './stats.js'

/** Whether it works, and what is off. */
export interface Health {
  /** `degraded`: it costs speed or money; `failing`: it is about to cost answers. */
  status: 'ok' | 'degraded' | 'failing'
  /** Bytes of the heap that are used, V8's limit for them, and what the process takes altogether. */
  memory: { used: number; total: number; percentage: number; rss: number }
  cache: Pick<CacheStats, 'entries' | 'bytes' | 'maxBytes' | 'hitRate' | 'hitRates' | 'files' | 'redis'>
  alerts: Alert[]
}

export function healthOf({ alerts, entries, bytes, maxBytes, hitRate, hitRates, files, redis }: CacheStats): Health {
  const { used_heap_size: used, heap_size_limit: total } = getHeapStatistics()
  return {
    status: statusOf(alerts),
    memory: { used, total, percentage: Math.round((used / total) * 1_000) / 10, rss: process.memoryUsage.rss() },
    cache: { entries, bytes, maxBytes, hitRate, hitRates, files, redis },
    alerts,
  }
}

function statusOf(alerts: readonly Alert[]): Health['status'] {
  if (alerts.some(({ severity }) => severity === 'critical')) return 'failing'
  return alerts.some(({ severity }) => severity === 'warning') ? 'degraded' : 'ok'
}
