/** What happened within the last hour, step by step, kept up to date by messages that each tell the last steps again. */

const HOUR = 3_600_000
const OUTCOMES = ['hit', 'stale', 'miss', 'bypass']

export class Past {
  /** Counts by the instant at which a step began. */
  #steps = new Map()
  #step = 0
  /** When the step under way ends. */
  #end = 0

  take({ from, step, profiles, evictions }) {
    this.#step = step
    this.#end = from + evictions.length * step
    evictions.forEach((evicted, at) => {
      const countsOf = name => Object.fromEntries(OUTCOMES.map(outcome => [outcome, profiles[name][outcome][at]]))
      const counts = Object.fromEntries(Object.keys(profiles).map(name => [name, countsOf(name)]))
      this.#steps.set(from + at * step, { evicted, profiles: counts })
    })
    for (const time of this.#steps.keys()) if (time < this.#end - HOUR) this.#steps.delete(time)
  }

  /** The span before now in so many equal parts, the oldest first: of one profile, or of all where it is ''. */
  parts(span, number, profile) {
    const width = span / number
    // Parts begin where they always begin: a bar does not change once it is over.
    const end = Math.ceil(this.#end / width) * width
    return Array.from({ length: number }, (_, index) => {
      const until = end - (number - 1 - index) * width
      return { from: until - width, until, ...this.#sum(until - width, until, profile) }
    })
  }

  /** The share of the look-ups in the minute before an instant that the cache answered; null where there were none. */
  rate(until, profile) {
    return rateOf(this.#sum(until - 60_000, until, profile))
  }

  /** Whether anything was looked up within the last so many milliseconds. */
  hasLookUps(span) {
    return rateOf(this.#sum(this.#end - span, this.#end, '')) !== null
  }

  #sum(from, until, profile) {
    const sum = { hit: 0, stale: 0, miss: 0, bypass: 0, evicted: 0 }
    for (let time = from; time < until; time += this.#step) {
      const step = this.#steps.get(time)
      if (step === undefined) continue
      sum.evicted += step.evicted
      const counts = profile === '' ? Object.values(step.profiles) : [step.profiles[profile]]
      for (const one of counts) for (const outcome of OUTCOMES) sum[outcome] += one[outcome]
    }
    return sum
  }
}

export function rateOf({ hit, stale, miss }) {
  const all = hit + stale + miss
  return all === 0 ? null : (hit + stale) / all
}
