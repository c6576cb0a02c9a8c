import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks'
import type { Milliseconds } from '../core/types.js'

/** Milliseconds between two looks of the histogram, which counts them as delay. */
const RESOLUTION = 20

/** How late the event loop is. The measuring itself wakes the process, so it goes on only while somebody may see it. */
export class LoopDelay {
  #histogram: IntervalHistogram | undefined

  /** At the 99th percentile since the last `restart`; undefined while nothing is measured. */
  get value(): Milliseconds | undefined {
    if (this.#histogram === undefined || this.#histogram.count === 0) return undefined
    return Math.max(0, this.#histogram.percentile(99) / 1e6 - RESOLUTION)
  }

  start(): void {
    if (this.#histogram !== undefined) return
    this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION })
    this.#histogram.enable()
  }

  restart(): void {
    this.#histogram?.reset()
  }

  stop(): void {
    this.#histogram?.disable()
    this.#histogram = undefined
  }
}
