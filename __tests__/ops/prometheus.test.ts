import express from 'express'
import { Registry, type RegistryContentType } from 'prom-client'
import { PROFILES } from '../../lib/core/types.js'
import { collectPrometheus, type CacheStats } from '../../lib/index.js'
import { METRICS } from '../../lib/ops/families.js'
import { testCache, type Cache } from '../support/cache.js'
import { ask } from '../support/client.js'
import { parseExposition, type MetricFamily } from '../support/exposition.js'
import { serve } from '../support/server.js'
import { temporaryDirectory } from '../tiers/file/support.js'

const directory = temporaryDirectory()

/** A cache that has seen hits, misses, bypasses, refusals and evictions, in memory and in files. */
async function used(): Promise<Cache> {
  const cache = testCache({
    api: { maxSize: 2, cost: 0.25 },
    tts: { cacheDir: directory(), maxMemorySize: 1, cost: 0.015 },
  })
  const app = express()
    .get('/api/:movieId', cache.cacheApi(), (req, res) => {
      if (req.query['private'] !== undefined) res.set('Cache-Control', 'private')
      res.json(req.params['movieId'])
    })
    .get('/tts/:movieId', cache.cacheTts(), (_req, res) => res.type('audio/ogg').send(Buffer.from('OggS')))
  const server = await serve(app)
  for (const path of ['/api/1', '/api/1', '/api/2', '/api/3', '/api/4?private', '/tts/1', '/tts/1'])
    await ask(server, path)
  await ask(server, '/api/1', { headers: { Authorization: 'Bearer x' } })
  await new Promise<void>(resolve => {
    if (cache.stats().profiles.tts.stored > 0) resolve()
    else cache.on('event', event => event.type === 'stored' && event.profile === 'tts' && resolve())
  })
  return cache
}

async function scraped(cache: Cache, type: RegistryContentType = Registry.PROMETHEUS_CONTENT_TYPE): Promise<string> {
  const registry = new Registry<RegistryContentType>()
  registry.setContentType(type)
  collectPrometheus(cache, registry)
  return registry.metrics()
}

const valueOf = (
  families: readonly MetricFamily[],
  name: string,
  labels: Record<string, string> = {},
): number | undefined =>
  families
    .find(family => family.name === name)
    ?.samples.find(
      sample => JSON.stringify(Object.entries(sample.labels).sort()) === JSON.stringify(Object.entries(labels).sort()),
    )?.value

describe('what Prometheus reads', () => {
  it('is right by a parser that is not prom-client, and holds every metric of the list', async () => {
    const families = parseExposition(await scraped(await used()))
    expect(families.map(({ name, type, help }) => ({ name, type, help }))).toEqual(
      Object.entries(METRICS).map(([name, { type, help }]) => ({ name, type, help })),
    )
  })

  it('agrees with stats', async () => {
    const cache = await used()
    const families = parseExposition(await scraped(cache))
    const stats: CacheStats = cache.stats()
    const { api, tts } = stats.profiles
    const outcome = (of: string): number | undefined =>
      valueOf(families, 'reelcache_requests_total', { profile: 'api', outcome: of })
    expect(['hit', 'collapsed', 'stale', 'miss', 'bypass'].map(outcome)).toEqual([1, 0, 0, 4, 1])
    const expected: [string, Record<string, string>, number][] = [
      ['reelcache_hits_total', { profile: 'api', tier: 'memory' }, 1],
      ['reelcache_bypasses_total', { profile: 'api', reason: 'authorization' }, 1],
      ['reelcache_refusals_total', { profile: 'api', reason: 'private' }, 1],
      ['reelcache_stored_total', { profile: 'api' }, 3],
      ['reelcache_evictions_total', { profile: 'api', tier: 'memory', reason: 'entries' }, 1],
      ['reelcache_entries', { profile: 'api', tier: 'memory' }, 2],
      ['reelcache_entries', { profile: 'tts', tier: 'file' }, 1],
      ['reelcache_size_bytes', { profile: 'tts', tier: 'memory' }, tts.bytes],
      ['reelcache_size_bytes', { profile: 'tts', tier: 'file' }, stats.files!.bytes],
      ['reelcache_budget_bytes', { tier: 'file' }, stats.files!.maxBytes],
      ['reelcache_saved_seconds_total', { profile: 'api' }, api.saved.time / 1000],
      ['reelcache_saved_cost_total', { profile: 'api' }, 0.25],
      ['reelcache_saved_runs_total', { profile: 'tts' }, 1],
      ['reelcache_alert', { reason: 'files-failing' }, 0],
    ]
    expect(expected.map(([name, labels]) => [name, labels, valueOf(families, name, labels)])).toEqual(expected)
  })

  it('counts each request once', async () => {
    const families = parseExposition(await scraped(await used()))
    const requests = families.find(({ name }) => name === 'reelcache_requests_total')!
    expect(requests.samples.reduce((sum, { value }) => sum + value, 0)).toBe(8)
  })

  it('has labels from closed lists, and never a key or a movie', async () => {
    const text = await scraped(await used())
    const families = parseExposition(text)
    for (const { name, samples } of families) {
      for (const { labels } of samples) expect([name, ...Object.keys(labels)]).toEqual([name, ...METRICS[name]!.labels])
    }
    const labels = new Set(Object.values(METRICS).flatMap(metric => metric.labels))
    expect([...labels].sort()).toEqual(['outcome', 'profile', 'reason', 'tier'])
    const profiles = families.flatMap(({ samples }) => samples.flatMap(sample => sample.labels['profile'] ?? []))
    expect([...new Set(profiles)].sort()).toEqual([...PROFILES].sort())
    expect(text).not.toMatch(/GET|http|localhost|127\.0/)
  })

  it('is of the moment at each scrape', async () => {
    const cache = await used()
    const registry = new Registry()
    collectPrometheus(cache, registry)
    const entries = async (): Promise<number | undefined> =>
      valueOf(parseExposition(await registry.metrics()), 'reelcache_entries', { profile: 'api', tier: 'memory' })
    expect(await entries()).toBe(2)
    await cache.purge({ all: true })
    expect(await entries()).toBe(0)
  })

  it('is right as OpenMetrics too', async () => {
    const text = await scraped(await used(), Registry.OPENMETRICS_CONTENT_TYPE)
    expect(text).toContain('# TYPE reelcache_requests counter\n')
    expect(text).toContain('\nreelcache_requests_total{profile="api",outcome="hit"} 1\n')
    expect(text.endsWith('# EOF\n')).toBe(true)
  })

  it('stands beside other metrics in one registry, but not beside itself', async () => {
    const cache = testCache()
    const registry = new Registry()
    collectPrometheus(cache, registry)
    expect(() => collectPrometheus(cache, registry)).toThrow(/already been registered/)
    registry.resetMetrics()
    await expect(registry.getMetricsAsJSON()).resolves.toHaveLength(Object.keys(METRICS).length)
  })
})

describe('the parser', () => {
  const head = '# HELP a_total A.\n# TYPE a_total counter\n'
  it('takes what is right', () => {
    expect(parseExposition(`${head}a_total{b="c\\"d\\n"} 1\n`)[0]!.samples[0]).toEqual({
      ...{ name: 'a_total', value: 1 },
      labels: { b: 'c"d\n' },
    })
  })

  it.each([
    ['a last line without its end', `${head}a_total 1`],
    ['a sample without a family', 'a_total 1\n'],
    ['a sample of another family', `${head}b_total 1\n`],
    ['a sample twice', `${head}a_total{b="c"} 1\na_total{b="c"} 2\n`],
    ['samples with different labels', `${head}a_total{b="c"} 1\na_total{d="c"} 2\n`],
    ['a family twice', `${head}a_total 1\n${head}`],
    ['a negative counter', `${head}a_total -1\n`],
    ['a value that is none', `${head}a_total one\n`],
    ['a label that is not closed', `${head}a_total{b="c} 1\n`],
    ['a label with a bare quote', `${head}a_total{b="c"d"} 1\n`],
    ['a counter that does not end in _total', '# HELP a A.\n# TYPE a counter\na 1\n'],
    ['a gauge that does', '# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n'],
    ['no help', '# TYPE a_total counter\na_total 1\n'],
    ['no type', '# HELP a_total A.\na_total 1\n'],
    ['milliseconds', '# HELP a_milliseconds A.\n# TYPE a_milliseconds gauge\na_milliseconds 1\n'],
  ])('refuses %s', (_, text) => {
    expect(() => parseExposition(text)).toThrow()
  })
})
