import { getHeapStatistics } from 'node:v8'
import type { CacheEvent } from '../core/events.js'
import type { Metrics } from '../core/metrics.js'
import { repeat } from '../core/repeat.js'
import { Recent } from '../core/recent.js'
import { PROFILES, type Clock, type Milliseconds, type StoreUsage, type TierUsage } from '../core/types.js'
import { Alerts, type Alert, type Thresholds } from './alerts.js'
import { diskOf, type Disk } from './disk.js'
import { LoopDelay } from './loop-delay.js'

const FIVE_MINUTES = 300_000
const HOUR = 3_600_000
/** Whoever has asked within so long asks again. */
const WATCHED = 600_000

export interface Monitored {
  readonly metrics: Metrics
  readonly clock: Clock
  readonly thresholds: Thresholds
  /** Milliseconds between two looks. */
  readonly interval: Milliseconds
  readonly files: { usage(): TierUsage } | undefined
  readonly redis: { usage(): StoreUsage } | undefined
  /** Where those files lie, and what is to stay free there. */
  readonly fileOptions: { readonly dir: string; readonly minFreeBytes: number | undefined } | undefined
  readonly report: (event: CacheEvent) => void
  /** Somebody hears of alerts as they come. */
  readonly isHeard: () => boolean
}

const look = (monitor: Monitor): Promise<void> => monitor.look()

/** Looks after a cache: now and then by itself, so that alerts come as events, and whenever somebody asks. */
export class Monitor {
  readonly #alerts: Alerts
  readonly #damage: Recent
  readonly #loopDelay = new LoopDelay()
  readonly #stopLooking: () => void
  #damaged = 0
  #disk: Disk | undefined
  #askedAt = -Infinity
  #isLooking = false
  #hasStopped = false

  constructor(private readonly monitored: Monitored) {
    const { thresholds, clock, interval, report } = monitored
    this.#alerts = new Alerts(thresholds, clock, report)
    this.#damage = new Recent(clock)
    this.#stopLooking = repeat(this, interval, look)
    void this.#lookAtDisk()
  }

  /** What is off right now. */
  get alerts(): Alert[] {
    this.#askedAt = performance.now()
    if (!this.#hasStopped) this.#loopDelay.start()
    this.#judge()
    return this.#alerts.list
  }

  /** One look, as the timer takes it. */
  async look(): Promise<void> {
    await this.#lookAtDisk()
    // The file system may have taken its time.
    if (this.#hasStopped) return
    this.#judge()
    const isWatched = this.monitored.isHeard() || performance.now() - this.#askedAt < WATCHED
    if (isWatched) {
      this.#loopDelay.start()
      this.#loopDelay.restart()
    } else this.#loopDelay.stop()
  }

  stop(): void {
    this.#hasStopped = true
    this.#stopLooking()
    this.#loopDelay.stop()
  }

  #judge(): void {
    const { metrics, files, redis } = this.monitored
    const usage = files?.usage()
    this.#countDamage(usage?.damaged ?? 0)
    const { used_heap_size: used, heap_size_limit: total } = getHeapStatistics()
    this.#alerts.judge({
      heap: { used, total },
      evictions: {
        all: metrics.recentEvictions.within(FIVE_MINUTES),
        early: metrics.recentEarlyEvictions.within(FIVE_MINUTES),
      },
      lately: metrics.lookUps(PROFILES, FIVE_MINUTES),
      lastHour: metrics.lookUps(PROFILES, HOUR),
      covered: metrics.recentCovers.within(FIVE_MINUTES),
      loopDelay: this.#loopDelay.value,
      files: usage,
      redis: redis?.usage(),
      damaged: this.#damage.within(HOUR),
      disk: this.#disk,
    })
  }

  #countDamage(damaged: number): void {
    if (damaged > this.#damaged) this.#damage.add(damaged - this.#damaged)
    this.#damaged = damaged
  }

  /** A file system that does not answer is asked once. */
  async #lookAtDisk(): Promise<void> {
    const { fileOptions } = this.monitored
    if (fileOptions === undefined || this.#isLooking) return
    this.#isLooking = true
    this.#disk = await diskOf(fileOptions.dir, fileOptions.minFreeBytes)
    this.#isLooking = false
  }
}
