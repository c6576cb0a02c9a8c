import express5 from 'express'
import { setImmediate as turn } from 'node:timers/promises'
import type { CacheEvent } from '../../lib/core/events.js'
import { cacheStatus, testCache, type Cache, type RouteOptions } from '../support/cache.js'
import { ask, type Answer } from '../support/client.js'
import { fakeClock } from '../support/clock.js'
import { counted, expresses, type Express } from '../support/express.js'
import { serve } from '../support/server.js'

const broken = new Error('broken')
const thenable = (settle: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void): object => ({
  then: settle,
})

/** What a function among the options may be, or answer. */
const FUNCTIONS: Readonly<Record<string, () => unknown>> = {
  true: () => true,
  false: () => false,
  undefined: () => undefined,
  null: () => null,
  "'no'": () => 'no',
  one: () => 1,
  throwing: () => {
    throw broken
  },
  'async true': async () => true,
  'async false': async () => false,
  'async rejecting': async () => {
    throw broken
  },
  'a promise of true': () => Promise.resolve(true),
  'a promise of false': () => Promise.resolve(false),
  "a promise of 'no'": () => Promise.resolve('no'),
  'a promise that rejects': () => Promise.reject(broken),
  'a thenable of true': () => thenable(resolve => resolve(true)),
  'a thenable that rejects': () => thenable((_resolve, reject) => reject(broken)),
  'a thenable that throws': () =>
    thenable(() => {
      throw broken
    }),
  'a generator': function* () {
    yield true
  },
}
const NAMES = Object.keys(FUNCTIONS)
const OPTIONS = ['key', 'movieId', 'bypass', 'complete'] as const
type Option = (typeof OPTIONS)[number]

/** What comes of it: an answer that is a hit the next time, or the reason why not; `start`: refused before any request. */
const OUTCOMES: Record<Option, Readonly<Record<string, string>> & { readonly otherwise: string }> = {
  key: {
    ...{ true: 'hit', false: 'hit', undefined: 'hit', null: 'hit', "'no'": 'hit', one: 'hit' },
    ...{ 'async true': 'start', 'async false': 'start', 'async rejecting': 'start', 'a generator': 'start' },
    otherwise: 'key-error',
  },
  movieId: {
    ...{ undefined: 'hit', null: 'hit', "'no'": 'hit', one: 'hit' },
    ...{ 'async true': 'start', 'async false': 'start', 'async rejecting': 'start', 'a generator': 'start' },
    otherwise: 'key-error',
  },
  bypass: {
    ...{ true: 'option', false: 'hit', undefined: 'hit', null: 'hit' },
    ...{ 'async true': 'start', 'async false': 'start', 'async rejecting': 'start', 'a generator': 'start' },
    otherwise: 'key-error',
  },
  complete: {
    ...{ true: 'hit', 'async true': 'hit', 'a promise of true': 'hit', 'a thenable of true': 'hit' },
    otherwise: 'incomplete',
  },
}

const outcomeOf = (option: Option, name: string): string => OUTCOMES[option][name] ?? OUTCOMES[option].otherwise

let unhandled: unknown[]
const note = (error: unknown): void => void unhandled.push(error)
let warnings: jest.SpyInstance

beforeEach(() => {
  unhandled = []
  process.on('unhandledRejection', note)
  warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
})
afterEach(async () => {
  await turn()
  process.removeListener('unhandledRejection', note)
  warnings.mockRestore()
  expect(unhandled).toEqual([])
})

const said = (): string[] => warnings.mock.calls.map(([message]) => String(message))

/** Resolves once it is known what became of the answer. */
const decided = (cache: Cache): Promise<CacheEvent> =>
  new Promise(resolve =>
    cache.on('event', event => {
      if (['stored', 'refused', 'bypass'].includes(event.type)) resolve(event)
    }),
  )

/** Asks twice, and says what became of the first answer. */
async function outcome(express: Express, options: RouteOptions, isStreamed: boolean): Promise<string> {
  const cache = testCache()
  const handler = counted((_req, res, run) => {
    if (isStreamed) res.type('json').write(' ')
    if (isStreamed) res.end(JSON.stringify({ run }))
    else res.json({ run })
  })
  let route
  try {
    route = cache.cacheApi(options)
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_REELCACHE_INVALID_OPTION' })
    expect((error as Error).message).toContain('is an async function: write a function that answers at once')
    return 'start'
  }
  const app = await serve(express().get('/movie', route, handler))
  const fate = decided(cache)
  const first = await ask(app, '/movie')
  expect(first.status).toBe(200)
  const event = await fate
  const second = await ask(app, '/movie')
  expect(JSON.parse(String(second.body)).run).toBe(event.type === 'stored' ? 1 : 2)
  return event.type === 'refused' || event.type === 'bypass' ? event.reason : 'hit'
}

describe.each(expresses)('A function among the options on %s', (_version, express) => {
  const table = OPTIONS.flatMap(option => NAMES.map(name => [option, name, outcomeOf(option, name)] as const))

  it.each(table)('%s: %s comes to %s', async (option, name, expected) => {
    for (const isStreamed of [false, true]) {
      const options = { [option]: FUNCTIONS[name] } as RouteOptions
      expect(await outcome(express, options, isStreamed)).toBe(expected)
    }
  })

  it.each(OPTIONS)('%s that answers what cannot be used is told of once for a route', async option => {
    const cache = testCache()
    const route = cache.cacheApi({ [option]: () => Promise.resolve(7) })
    const app = await serve(express().get('/movie', route, (_req, res) => res.json({})))
    for (const [index] of NAMES.entries()) await ask(app, `/movie?page=${index}`)
    await turn()
    const wanted = option === 'complete' ? 'only true is a yes' : 'It must answer at once'
    expect(said()).toEqual([expect.stringContaining(`cacheApi.${option} answered with`)])
    expect(said()[0]).toContain(wanted)
  })

  it('of a profile counts for its routes', async () => {
    const cache = testCache({ api: { bypass: (() => 'no') as never } })
    const app = await serve(express().get('/movie', cache.cacheApi(), (_req, res) => res.json({})))
    expect(cacheStatus(await ask(app, '/movie'))['detail']).toBe('key-error')
    expect(() => testCache({ api: { key: async () => 'x' } })).toThrow('api.key is an async function')
  })

  it.each(['throwing', 'async rejecting', 'a promise that rejects'] as const)(
    'movieId that is %s is asked by a PUT too, and costs nothing but the movie',
    async name => {
      const movieId = (): never => FUNCTIONS[name === 'async rejecting' ? 'a promise that rejects' : name]!() as never
      const cache = testCache({ api: { invalidate: 'movie', movieId } })
      const app = await serve(express().put('/movie', cache.cacheApi(), (_req, res) => void res.json({})))
      expect((await ask(app, '/movie', { method: 'PUT' })).status).toBe(200)
    },
  )

  it('that is cost is refused: it is a number', () => {
    for (const name of NAMES) {
      expect(() => testCache().cacheApi({ cost: FUNCTIONS[name] as never })).toThrow('what one run costs, a number')
    }
  })

  it.each(NAMES)('authorize: %s lets in nobody but with true', async name => {
    const cache = testCache()
    const guard = cache.adminRouter({ authorize: FUNCTIONS[name] as never })
    const app = express()
      .use('/cache', guard)
      .use((_error: unknown, _req: unknown, res: express5.Response, _next: unknown) => void res.status(500).end())
    const answer = await ask(await serve(app), '/cache/stats')
    const isYes = ['true', 'async true', 'a promise of true', 'a thenable of true'].includes(name)
    expect(answer.status === 200).toBe(isYes)
  })
})

describe.each(expresses)('An async complete on %s', (_version, express) => {
  /** A route whose body is judged when the test says so. */
  async function judged(options: Partial<RouteOptions> = {}, factory: 'cacheApi' | 'cacheAi' = 'cacheApi') {
    const cache = testCache()
    let open = (_isWhole: boolean): void => undefined
    const spoken = new Promise<boolean>(resolve => (open = resolve))
    const complete = jest.fn((_body: Buffer) => spoken)
    const handler = counted((_req, res, run) => void res.json({ run }))
    const app = await serve(express().get('/movie', cache[factory]({ ...options, complete }), handler))
    return { cache, app, handler, complete, open }
  }

  it('holds up no answer, and none is said to be stored before it has spoken', async () => {
    const { cache, app, open, complete } = await judged()
    const fate = decided(cache)
    const first = await ask(app, '/movie')
    expect(cacheStatus(first)).toMatchObject({ fwd: 'miss' })
    expect(cacheStatus(first)['stored']).toBeUndefined()
    expect(String(complete.mock.calls[0]![0])).toBe('{"run":1}')
    open(true)
    expect(await fate).toMatchObject({ type: 'stored' })
    expect(cacheStatus(await ask(app, '/movie'))['hit']).toBe(true)
  })

  it.each([
    { Range: 'bytes=2-4' },
    { 'If-None-Match': '"other"' },
    { 'If-Modified-Since': 'Sun, 17 May 2026 10:00:00 GMT' },
  ])('holds up no request with %j', async headers => {
    const { cache, app, open } = await judged()
    const fate = decided(cache)
    const first = await ask(app, '/movie', { headers: { ...headers } })
    expect(first.status).toBe('Range' in headers ? 206 : 200)
    expect(cacheStatus(first)['stored']).toBeUndefined()
    open(true)
    expect(await fate).toMatchObject({ type: 'stored' })
  })

  it('lets equal requests wait, and one run answers them', async () => {
    const { cache, app, handler, open } = await judged()
    const fate = decided(cache)
    await ask(app, '/movie')
    const others: Promise<Answer>[] = [1, 2, 3].map(() => ask(app, '/movie'))
    await turn()
    open(true)
    await fate
    for (const { status } of await Promise.all(others)) expect(status).toBe(200)
    expect(handler.calls).toBe(1)
  })

  it('that says no lets those who waited run the handler themselves', async () => {
    const { cache, app, handler, open } = await judged()
    const fate = decided(cache)
    await ask(app, '/movie')
    const other = ask(app, '/movie')
    open(false)
    expect(await fate).toMatchObject({ type: 'refused', reason: 'incomplete' })
    expect((await other).status).toBe(200)
    expect(handler.calls).toBe(2)
  })

  it('that never speaks has said no after lockTimeout', async () => {
    const { cache, app } = await judged({ lockTimeout: 50 }, 'cacheAi')
    const fate = decided(cache)
    await ask(app, '/movie')
    expect(await fate).toMatchObject({ type: 'refused', reason: 'incomplete' })
  })

  it('keeps nothing that a purge has thrown out meanwhile', async () => {
    const { cache, app, open } = await judged()
    const fate = decided(cache)
    await ask(app, '/movie')
    await cache.purge({ all: true })
    open(true)
    expect(await fate).toMatchObject({ type: 'refused', reason: 'purged' })
  })
})

describe('What else is given to a cache', () => {
  it.each(['async rejecting', 'a promise that rejects', 'throwing'] as const)(
    'as a listener, and is %s, is told of in a warning',
    async name => {
      const cache = testCache()
      cache.on('event', FUNCTIONS[name]!)
      await cache.purge({ all: true })
      await turn()
      expect(said()).toEqual([expect.stringContaining('An event listener threw: Error: broken')])
    },
  )

  it.each(['async rejecting', 'a promise that rejects', 'throwing'] as const)(
    'as onProgress, and is %s, ends the warming with its error',
    async name => {
      const cache = testCache()
      const app = express5().get('/movie', cache.cacheApi(), (_req, res) => void res.json({}))
      await expect(cache.warm(app, ['/movie'], { onProgress: FUNCTIONS[name] as never })).rejects.toBe(broken)
    },
  )

  it('as a clock that is async is refused', () => {
    const clock = { ...fakeClock(), now: (async () => 0) as never }
    expect(() => testCache({ clock })).toThrow('clock is an object: write an object with now(), in milliseconds')
  })
})
