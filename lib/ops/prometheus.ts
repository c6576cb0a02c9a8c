import { familiesOf, METRICS, type Family, type Labels, type Measured } from './families.js'

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The text that Prometheus reads. */
export const exposition = (families: readonly Family[]): string =>
  families
    .map(({ name, type, help, values }) =>
      [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${type}`,
        ...values.map(({ labels, value }) => `${name}${labelled(labels)} ${value}`),
      ].join('\n'),
    )
    .join('\n')
    .concat('\n')

/** No value holds what would have to be escaped: they are words of ours. */
const labelled = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/** The part of a `Registry` of prom-client that is used. */
export interface MetricRegistry {
  registerMetric(metric: never): void
}

/** Adds the metrics of a cache to a registry of prom-client, which asks for their values whenever it is scraped. */
export function collectPrometheus(cache: Measured, registry: MetricRegistry): void {
  let families: Map<string, Family> | undefined
  // A scrape asks for one metric after the other: all are of the same instant.
  const current = (): Map<string, Family> => {
    if (families === undefined) {
      families = new Map(familiesOf(cache).map(family => [family.name, family]))
      setImmediate(() => (families = undefined)).unref()
    }
    return families
  }
  for (const [name, { type, help }] of Object.entries(METRICS)) {
    const metric = {
      ...{ name, type, help, aggregator: 'sum' },
      // In OpenMetrics the registry takes `_total` off the name, and adds it to the samples.
      get() {
        const { name: written, aggregator } = this
        return { ...{ name: written, type, help, aggregator }, values: current().get(name)!.values }
      },
      reset: () => undefined,
    }
    registry.registerMetric(metric as never)
  }
}
