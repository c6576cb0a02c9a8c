/** A POST that only asks, whose answer is stored, leaves what GET stored alone; one that may have changed something does not. */
import type { Response } from 'express'
import { testCache, type RouteOptions } from '../support/cache.js'
import { ask, postJson } from '../support/client.js'
import { expresses } from '../support/express.js'
import { serve } from '../support/server.js'

type Post = (res: Response, headers: NodeJS.Dict<unknown>) => unknown

describe.each(expresses)('on %s', (_version, express) => {
  async function cached(post: Post, options: RouteOptions = {}, factory: 'cacheApi' | 'cacheAi' = 'cacheApi') {
    const app = express()
    app.use(express.json())
    app.use('/movies/:movieId', testCache()[factory]({ ...options, methods: ['GET', 'POST'] }))
    app.get('/movies/:movieId', (_req, res) => res.json({ id: 603 }))
    app.post('/movies/:movieId', (req, res) => post(res, req.headers))
    const served = await serve(app)
    const get = async () => (await ask(served, '/movies/603')).headers['x-cache']
    await get()
    expect(await get()).toBe('HIT')
    return { served, get }
  }

  const asking: [what: string, post: Post, options: RouteOptions][] = [
    ['json', res => res.json({ found: 1 }), {}],
    ['send', res => res.send('found'), {}],
    ['write and end', res => (res.write('found'), res.end('it')), {}],
    ['an answer that says how long it is fresh', res => res.set('Cache-Control', 'max-age=60').send('found'), {}],
    ['a stored 404', res => res.status(404).send('none'), { negativeTtl: 60_000 }],
    ['an answer that is stored by Vary', res => res.vary('Accept-Language').send('found'), {}],
    ['an answer for all of the movie', res => res.send('found'), { invalidate: 'movie' }],
  ]
  describe('a stranger cannot throw out the GET of a URL by a POST that is answered with', () => {
    it.each(asking)('%s', async (_what, post, options) => {
      const { served, get } = await cached(post, options)
      for (let n = 0; n < 5; n++) {
        await postJson(served, '/movies/603', { query: n })
        expect(await get()).toBe('HIT')
      }
    })

    it('an event stream of a model', async () => {
      const stream: Post = res => (res.type('text/event-stream'), res.write('data: x\n\n'), res.end('data: [DONE]\n\n'))
      const { served, get } = await cached(stream, {}, 'cacheAi')
      await postJson(served, '/movies/603', { query: 1 })
      expect(await get()).toBe('HIT')
    })

    it('an answer that is not stored because of his own cookie', async () => {
      const { served, get } = await cached((res, headers) => res.send(`hello ${headers['cookie'] === undefined}`))
      await postJson(served, '/movies/603', { query: 1 }, { Cookie: '_ga=x' })
      expect(await get()).toBe('HIT')
    })
  })

  const changing: [string, Post][] = [
    ['201', res => res.status(201).json({ id: 604 })],
    ['204', res => res.status(204).end()],
    ['303', res => res.redirect(303, '/movies/603')],
    ['a cookie', res => res.cookie('seen', '1').send('thanks')],
    ['no-store', res => res.set('Cache-Control', 'no-store').send('thanks')],
    ['private', res => res.set('Cache-Control', 'private').send('thanks')],
  ]
  it.each(changing)('a POST that is answered with %s and not stored throws it out', async (_what, post) => {
    const { served, get } = await cached(post)
    await postJson(served, '/movies/603', { rating: 5 })
    expect(await get()).toBe('MISS')
  })

  it.each([400, 403, 500])('a POST that fails with %i does not', async status => {
    const { served, get } = await cached(res => res.status(status).send('no'))
    await postJson(served, '/movies/603', { rating: 5 })
    expect(await get()).toBe('HIT')
  })

  it('a POST that goes past the cache does', async () => {
    const { served, get } = await cached(res => res.send('thanks'))
    await postJson(served, '/movies/603', { rating: 5 }, { Authorization: 'Bearer a' })
    expect(await get()).toBe('MISS')
  })
})
