import { EventEmitter } from 'node:events'
import { createCache, ReelcacheError, type CacheOptions, type RouteOptions } from '../lib/index.js'
import { meantName, spanIn } from '../lib/option-hints.js'

function messageOf(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    if (error instanceof ReelcacheError) return error.message
    throw error
  }
  throw new Error('nothing was thrown')
}

const cache = createCache({ tts: { fileCache: false } })
afterAll(() => cache.close())

describe('an option whose name is nearly right', () => {
  it.each<[object, string]>([
    [{ api: { TTL: 1 } }, 'ttl'],
    [{ api: { tttl: 1 } }, 'ttl'],
    [{ api: { maxsize: 1 } }, 'maxSize'],
    [{ api: { max_size: 1 } }, 'maxSize'],
    [{ api: { maxSzie: 1 } }, 'maxSize'],
    [{ api: { maxMemorySize: 1 } }, 'maxSize'],
    [{ tts: { maxSize: 1 } }, 'maxMemorySize'],
    [{ tts: { max: 1 } }, 'maxMemorySize'],
    [{ tts: { cachedir: 'a' } }, 'cacheDir'],
    [{ tts: { fileMaxByte: 1 } }, 'fileMaxBytes'],
    [{ api: { stdTTL: 1 } }, 'ttl'],
    [{ api: { maxAge: 1 } }, 'ttl'],
    [{ api: { staleWhileRevalidat: 1 } }, 'staleWhileRevalidate'],
    [{ memory: { maxbytes: 1 } }, 'maxBytes'],
    [{ memory: { max: 1 } }, 'maxBytes'],
    [{ redis: { prefx: 'a' } }, 'prefix'],
    [{ alerts: { heapCritcal: 1 } }, 'heapCritical'],
    [{ apis: {} }, 'api'],
    [{ enhance: {} }, 'enhanced'],
  ])('in %j is refused with the name that was meant, %s', (options, meant) => {
    expect(messageOf(() => createCache(options as CacheOptions))).toContain(`did you mean "${meant}"? Or write one of `)
  })

  it.each([
    [{ ttls: 1 }, 'did you mean "ttl"? Or write one of '],
    [{ Vary: [] }, 'did you mean "vary"? Or write one of '],
    [{ keyGenerator: () => 1 }, 'did you mean "key"? Or write one of '],
    [{ maxsize: 5 }, 'did you mean "maxSize"? it belongs to the profile: createCache({ api: { maxSize: … } })'],
    [{ maxSize: 5 }, 'has no option "maxSize": it belongs to the profile: createCache({ api: { maxSize: … } })'],
  ])('on a route, %j, is refused with what was meant', (options, sentence) => {
    expect(messageOf(() => cache.cacheApi(options as RouteOptions))).toContain(sentence)
  })

  it('on a speech route is refused with the name of the speech profile', () => {
    expect(messageOf(() => cache.cacheTts({ maxSize: 5 } as RouteOptions))).toContain(
      'did you mean "maxMemorySize"? it belongs to the profile: createCache({ tts: { maxMemorySize: … } })',
    )
  })

  it.each([{ api: { whatever: 1 } }, { api: { x: 1 } }, { memory: { budget: 1 } }, { colour: 1 }])(
    'is not made up where nothing is near: %j',
    options => {
      expect(messageOf(() => createCache(options as CacheOptions))).not.toContain('did you mean')
    },
  )

  it('is found in bounded time for a name of any length', () => {
    expect(meantName('ttl'.repeat(1_000_000), ['ttl', 'maxSize'])).toBeUndefined()
    expect(meantName('', ['ttl'])).toBeUndefined()
  })
})

describe.each(['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const)('%s', factory => {
  it.each<[unknown, string]>([
    ['5 minutes', `not "5 minutes": write ${factory}({ ttl: 300_000 })`],
    ['1 hour', `not "1 hour": write ${factory}({ ttl: 3_600_000 })`],
    ['10s', `not "10s": write ${factory}({ ttl: 10_000 })`],
    ['300', `not "300": write ${factory}({ ttl: 300_000 })`],
    ['movies', `not "movies": write ${factory}({ ttl: 300_000 })`],
    [300, `not 300: write ${factory}({ ttl: 300 }) for milliseconds, or ${factory}({ ttl: 300_000 }) for seconds`],
    [300_000, `not 300000: write ${factory}({ ttl: 300_000 }) for milliseconds, or `],
    [() => undefined, `not a function: write app.get(path, ${factory}(), handler)`],
    [[300], `not a list`],
    [null, `not null`],
    [true, `not true`],
  ])('given %p says what to write', (given, sentence) => {
    const message = messageOf(() => cache[factory](given as RouteOptions))
    expect(message).toContain(`${factory} takes an object of options, ${sentence}`)
  })

  it('given to Express in place of what it makes says that it is to be called', () => {
    const request = Object.assign(new EventEmitter(), { method: 'GET', url: '/', headers: {} })
    expect(messageOf(() => cache[factory](request as RouteOptions))).toContain(
      `${factory} was given a request: it makes the middleware, so write app.use(${factory}())`,
    )
  })
})

describe('a span', () => {
  it.each([
    ['5 minutes', 300_000],
    ['1 minute', 60_000],
    ['1.5 hours', 5_400_000],
    ['2d', 172_800_000],
    ['250ms', 250],
    [' 3 Weeks ', 1_814_400_000],
  ])('written %p is %p milliseconds', (text, span) => {
    expect(spanIn(text)).toBe(span)
    expect(messageOf(() => cache.cacheApi({ ttl: text } as never))).toContain(`${JSON.stringify(text)}: `)
  })

  it.each(['', 'soon', 'five minutes', '5 parsecs', '-5 minutes', '1e9 h'])('is not found in %p', text => {
    expect(spanIn(text)).toBeUndefined()
    expect(messageOf(() => cache.cacheApi({ ttl: text } as never))).toContain('(five minutes: 300_000)')
  })
})
