/** What is set up wrongly is said once, in words that can be followed. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testCache, type RouteOptions } from '../support/cache.js'
import { ask, postJson } from '../support/client.js'
import { expresses } from '../support/express.js'
import { serve } from '../support/server.js'
import { until } from '../support/until.js'

const warned: { message: string; code: string | undefined }[] = []
let emitWarning: jest.SpyInstance
let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reelcache-'))
  warned.length = 0
  emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation((message, options) => {
    warned.push({ message: String(message), code: (options as { code?: string } | undefined)?.code })
  })
})
afterEach(() => {
  emitWarning.mockRestore()
  rmSync(dir, { recursive: true, force: true })
})
const codes = () => warned.map(({ code }) => code)

describe('a cacheDir that cannot be used', () => {
  const isRoot = process.getuid?.() === 0
  const places: [what: string, place: () => string][] = [
    ['a file', () => (writeFileSync(join(dir, 'file'), ''), join(dir, 'file'))],
    ['below a file', () => (writeFileSync(join(dir, 'file'), ''), join(dir, 'file', 'speech'))],
    ['in /proc', () => '/proc/reelcache/speech'],
    ['in /dev/null', () => '/dev/null/speech'],
  ]
  if (!isRoot)
    places.push(['without rights', () => (mkdirSync(join(dir, 'x')), chmodSync(join(dir, 'x'), 0o500), join(dir, 'x'))])

  it.each(places)('is said once at start, where it is %s', async (_what, place) => {
    const cacheDir = place()
    const cache = testCache({ tts: { cacheDir } })
    cache.cacheTts()
    cache.cacheTts({ ttl: 10_000 })
    await until('it is said', () => codes().includes('WRN_REELCACHE_FILES_AWAY'))
    expect(codes()).toEqual(['WRN_REELCACHE_FILES_AWAY'])
    expect(warned[0]!.message).toContain(cacheDir)
  })

  it('is no word about one that can be used, made or not', async () => {
    testCache({ tts: { cacheDir: join(dir, 'a', 'b') } }).cacheTts()
    const cache = testCache({ tts: { cacheDir: dir } })
    cache.cacheTts()
    await cache.verify()
    expect(codes()).toEqual([])
  })
})

describe.each(expresses)('a POST without a body parser on %s', (_version, express) => {
  it.each(['cacheApi', 'cacheAi', 'cacheTts'] as const)('is said once, behind %s', async factory => {
    const app = express()
    app.post('/ask', testCache()[factory](), (_req, res) => void res.json({}))
    const served = await serve(app)
    for (let at = 0; at < 3; at++) await postJson(served, '/ask', { at })
    expect(codes()).toEqual(['WRN_REELCACHE_BODY_UNPARSED'])
    expect(warned[0]!.message).toMatch(new RegExp(`${factory} .*express\\.json\\(\\)`))
  })

  it('is no word where there is one, or where a GET has none', async () => {
    const app = express()
    app.use(express.json())
    app.all('/ask', testCache().cacheAi(), (_req, res) => void res.json({}))
    const served = await serve(app)
    await postJson(served, '/ask', {})
    await ask(served, '/ask')
    expect(codes()).toEqual([])
  })
})

describe('a span that looks like seconds', () => {
  const short: RouteOptions[] = [
    { ttl: 60 },
    { ttl: 999 },
    { negativeTtl: 30 },
    { staleWhileRevalidate: 60 },
    { staleIfError: 300 },
  ]
  it.each(short)('is said once: %j on a route', options => {
    const cache = testCache()
    cache.cacheApi(options)
    cache.cacheApi(options)
    const [[name, value]] = Object.entries(options) as [[string, number]]
    expect(codes()).toEqual(['WRN_REELCACHE_SHORT_SPAN'])
    expect(warned[0]!.message).toContain(`write ${name}: ${value}_000`)
  })

  it('is said once: in createCache', () => {
    testCache({ api: { ttl: 60 }, ai: { ttl: 60 } })
    expect(codes()).toEqual(['WRN_REELCACHE_SHORT_SPAN'])
  })

  it.each<RouteOptions>([{}, { ttl: 0 }, { ttl: 1_000 }, { staleIfError: 0 }, { handlerTimeout: 500 }])(
    'is not %j',
    options => {
      testCache().cacheApi(options)
      expect(codes()).toEqual([])
    },
  )
})
