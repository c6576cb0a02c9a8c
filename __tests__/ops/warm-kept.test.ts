import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kept } from '../../lib/ops/warm/kept.js'
import { testCache, type Cache, type CacheOptions } from '../support/cache.js'
import { expresses, type Express } from '../support/express.js'

type Factory = 'cacheApi' | 'cacheEnhanced' | 'cacheAi' | 'cacheTts'

const dirs: string[] = []
const newDir = (): string => {
  dirs.push(mkdtempSync(join(tmpdir(), 'reelcache-kept-')))
  return dirs.at(-1)!
}
afterAll(() => dirs.forEach(dir => rmSync(dir, { recursive: true })))

let warn: jest.SpiedFunction<typeof process.emitWarning>
beforeEach(() => (warn = jest.spyOn(process, 'emitWarning').mockImplementation()))
afterEach(() => warn.mockRestore())

function warmed(
  make: Express,
  factory: Factory,
  options: CacheOptions,
): { cache: Cache; warm: (count: number, from?: number) => ReturnType<Cache['warm']> } {
  const cache = testCache(options)
  const app = make()
  app.get('/:movieId', cache[factory](), (req, res) => void res.type('audio/mpeg').send(`ID3 ${req.url}`))
  const warm = (count: number, from = 0): ReturnType<Cache['warm']> =>
    cache.warm(
      app,
      Array.from({ length: count }, (_, n) => `/${from + n}`),
    )
  return { cache, warm }
}

describe.each(expresses)('cache.warm on %s', (_, make) => {
  it.each([
    ['cacheApi', { api: { maxSize: 10 } }, 'createCache({ api: { maxSize } }), which is 10'],
    ['cacheEnhanced', { enhanced: { maxSize: 10 } }, 'createCache({ enhanced: { maxSize } }), which is 10'],
    ['cacheAi', { ai: { maxSize: 10 } }, 'createCache({ ai: { maxSize } }), which is 10'],
    ['cacheTts', { tts: { maxMemorySize: 10 } }, 'createCache({ tts: { maxMemorySize } }), which is 10'],
  ] as const)(
    'says how much was kept of a list that is longer than %s holds, and warns once',
    async (factory, options, advice) => {
      const { warm } = warmed(make, factory, options)
      expect(await warm(30)).toMatchObject({ done: 30, warmed: 30, kept: 10 })
      expect(await warm(30, 100)).toMatchObject({ warmed: 30, kept: 10 })
      expect(warn.mock.calls).toEqual([
        [expect.stringContaining(advice), { type: 'ReelcacheWarning', code: 'WRN_REELCACHE_WARM_OVERFLOW' }],
      ])
      expect(warn.mock.calls[0]![0]).toContain('20 of its entries were evicted before the end')
    },
  )

  it('keeps all of a list that fits, and says nothing', async () => {
    const { warm } = warmed(make, 'cacheApi', { api: { maxSize: 30 } })
    expect(await warm(30)).toMatchObject({ warmed: 30, kept: 30 })
    expect(await warm(30)).toMatchObject({ warmed: 0, fresh: 30, kept: 0 })
    expect(warn).not.toHaveBeenCalled()
  })

  it('keeps in files what memory has no room for', async () => {
    const { warm } = warmed(make, 'cacheTts', { tts: { maxMemorySize: 5, cacheDir: newDir() } })
    expect(await warm(20)).toMatchObject({ warmed: 20, kept: 20 })
    expect(warn).not.toHaveBeenCalled()
  })

  it('counts what the budget of bytes pushed out', async () => {
    const { warm } = warmed(make, 'cacheApi', { memory: { maxBytes: 65_536 }, api: { maxSize: 1_000 } })
    const { warmed: all, kept } = await warm(500)
    expect(all).toBe(500)
    expect(kept).toBeLessThan(150)
    expect(kept).toBeGreaterThan(50)
  })

  it('does not count what clients have stored meanwhile', async () => {
    const cache = testCache()
    const app = make()
    app.get('/:movieId', cache.cacheApi(), (req, res) => void res.json(req.url))
    const others = cache.warm(app, ['/a', '/b'])
    expect(await cache.warm(app, ['/c'])).toMatchObject({ warmed: 1, kept: 1 })
    expect(await others).toMatchObject({ warmed: 2, kept: 2 })
  })

  it('counts variants of one URL each', async () => {
    const cache = testCache()
    const app = make()
    app.get('/:movieId', cache.cacheApi(), (req, res) => void res.vary('accept').send(req.get('accept')))
    const requests = ['text/a', 'text/b'].map(Accept => ({ url: '/603', headers: { Accept } }))
    expect(await cache.warm(app, requests, { concurrency: 1 })).toMatchObject({ warmed: 2, kept: 2 })
  })
})

it('notes no more than twice what is held', () => {
  const held = new Set<string>()
  const kept = new Kept(key => held.has(key))
  for (let n = 0; n < 100_000; n++) {
    held.add(`api ${n}`)
    held.delete(`api ${n - 100}`)
    kept.add(`api ${n}`)
  }
  expect(kept.count()).toBe(100)
  expect(kept.dropped.get('api')).toBe(99_900)
})
