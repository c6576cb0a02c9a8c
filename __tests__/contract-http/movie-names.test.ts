import express5, { type Request } from 'express'
import { cacheStatus, testCache, type RouteOptions } from '../support/cache.js'
import { ask } from '../support/client.js'
import { expresses } from '../support/express.js'
import { serve } from '../support/server.js'

type MovieOf = NonNullable<RouteOptions['movieId']>

describe('the movie of a wildcard path, which Express 5 gives as a list,', () => {
  it.each<[string, MovieOf | undefined, string]>([
    ['named by the route', req => req.params['slug'], '/*slug'],
    ['called movieId', undefined, '/*movieId'],
    ['called id', undefined, '/*id'],
  ])('%s, is its only member', async (_, movieId, path) => {
    const cache = testCache()
    const app = express5()
    app.get(path, cache.cacheApi({ ...(movieId && { movieId }) }), (_req, res) => void res.json({}))
    const served = await serve(app)
    await ask(served, '/the-matrix')
    expect((await ask(served, '/the-matrix')).headers['x-cache']).toBe('HIT')
    expect(await cache.purge({ movie: 'the-matrix' })).toBe(1)
    expect((await ask(served, '/the-matrix')).headers['x-cache']).toBe('MISS')
  })
})

describe.each(expresses)('movieId on %s', (_, express) => {
  it.each<[string, MovieOf, string | undefined]>([
    ['a text', () => 'a', 'a'],
    ['a number', () => 603, '603'],
    ['a list of one text', () => ['a'], 'a'],
    ['undefined', () => undefined, '-'],
    ['null', () => null, '-'],
    ['a list of several, which names no one movie', () => ['a', 'b'], undefined],
    ['an empty list', () => [], undefined],
    ['an empty text', () => '', undefined],
    ['a list in a list', () => [['a']] as never, undefined],
    ['an object', () => ({}) as never, undefined],
    ['true', () => true as never, undefined],
    ['NaN', () => NaN, undefined],
    [
      'an error',
      () => {
        throw new Error('no')
      },
      undefined,
    ],
  ])('that answers %s is in the key, or sends the request past the cache', async (__, movieId, scope) => {
    const cache = testCache()
    const route = cache.cacheApi({ movieId })
    const app = express()
    const keys: (string | undefined)[] = []
    app.get(
      '/x',
      (req: Request, _res, next) => (keys.push(route.key(req)), next()),
      route,
      (_req, res) => void res.json({}),
    )
    const answer = await ask(await serve(app), '/x')
    expect([answer.status, keys[0]?.split(' ')[1]]).toEqual([200, scope])
    expect(cacheStatus(answer)['detail']).toBe(scope === undefined ? 'key-error' : undefined)
  })
})
