import type { Request } from 'express'
import { ask, postJson, type Answer } from '../support/client.js'
import { cacheStatus, testCache, type RouteOptions } from '../support/cache.js'
import { counted, expresses } from '../support/express.js'
import { serve, type Served } from '../support/server.js'

const isHit = (answer: Answer): boolean => cacheStatus(answer)['hit'] === true

describe.each(expresses)('%s', (_, express) => {
  const serveGet = (options: RouteOptions, answer: (req: Request) => unknown): Promise<Served> => {
    const app = express()
    app.get('/', testCache().cacheApi(options), (req, res) => res.json(answer(req)))
    return serve(app)
  }

  describe('a stranger cannot reach an answer by a key that names nobody', () => {
    const bearer = { Authorization: 'Bearer a' }
    const values: [string, () => unknown][] = [
      ...[
        '',
        ' ',
        '\t\n',
        'undefined',
        'null',
        'NaN',
        'user:undefined',
        'acme:null',
        '[object Object]',
        '[object Promise]',
      ],
      ...[
        NaN,
        0,
        -0,
        false,
        true,
        null,
        undefined,
        [],
        {},
        [[]],
        [null],
        { user: undefined },
        { user: '' },
        Buffer.alloc(0),
        0n,
      ],
    ].map(value => [typeof value === 'bigint' ? '0n' : `${typeof value} ${JSON.stringify(value)}`, () => value])

    it.each(values)('%s', async (_name, key) => {
      const served = await serveGet({ key }, req => req.headers.authorization)
      expect((await ask(served, '/', { headers: bearer })).body.toString()).toContain('a')
      const other = await ask(served, '/', { headers: { Authorization: 'Bearer b' } })
      expect(cacheStatus(other)).toMatchObject({ fwd: 'bypass', detail: 'authorization' })
      expect(other.body.toString()).toBe('"Bearer b"')
    })

    it.each([
      ['anna'],
      [7],
      [{ user: 'anna', tenant: undefined }],
      [['', 'anna']],
      ['nullable'],
      ['undefined1'],
      [Buffer.from('a')],
    ])('and one that does is an identity: %j', async value => {
      const served = await serveGet({ key: () => value }, req => req.headers.authorization)
      await ask(served, '/', { headers: bearer })
      expect(isHit(await ask(served, '/', { headers: bearer }))).toBe(true)
    })

    it('which is read from an ignored cookie all the same', async () => {
      const served = await serveGet({ key: () => '' }, req => req.headers.cookie)
      await ask(served, '/', { headers: { Cookie: '_ga=1' } })
      const other = await ask(served, '/', { headers: { Cookie: '_ga=2' } })
      expect(other.body.toString()).toBe('"_ga=2"')
      expect(cacheStatus(other)['detail']).toMatch(/^unkeyed-header/)
    })

    it('and who carries nothing is looked up with it', async () => {
      const served = await serveGet({ key: () => '' }, () => 1)
      await ask(served, '/')
      expect(isHit(await ask(served, '/'))).toBe(true)
    })
  })

  describe('a stranger cannot get another body’s answer', () => {
    const serveEcho = (): Promise<Served> => {
      const app = express()
      app.use(express.json({ strict: false }))
      app.post('/', testCache().cacheApi(), (req, res) =>
        res.json(JSON.stringify(req.body, (_name, value: unknown) => (Object.is(value, -0) ? 'minus' : value))),
      )
      return serve(app)
    }
    const postText = (served: Served, body: string): Promise<Answer> =>
      ask(served, '/', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })

    it.each([
      ['{"a":0}', '{"a":-0}'],
      ['[0,[0]]', '[0,[-0]]'],
      ['{"a":{"b":[-0]}}', '{"a":{"b":[0]}}'],
      ['0', '-0'],
      ['[0.0]', '[-0.0]'],
    ])('%s and %s', async (one, other) => {
      const served = await serveEcho()
      const first = await postText(served, one)
      const second = await postText(served, other)
      expect(isHit(second)).toBe(false)
      expect(second.body.toString()).not.toBe(first.body.toString())
      expect(isHit(await postText(served, one))).toBe(true)
      expect((await postText(served, other)).body.toString()).toBe(second.body.toString())
    })
  })

  describe('a stranger cannot get what another’s Accept chose', () => {
    const serveVarying = (field: string): Promise<Served> => {
      const app = express()
      app.get('/', testCache().cacheApi(), (req, res) => res.vary(field).json(req.get(field)))
      return serve(app)
    }

    it.each([
      ['Accept', 'text/html;a="x, y"', 'text/html;a="x,y"'],
      ['Accept', 'text/html;a="x ; y"', 'text/html;a="x;y"'],
      ['Accept', 'text/html;a="X"', 'text/html;a="x"'],
      ['Accept', 'text/html;a="\\" , "', 'text/html;a="\\",  "'],
      ['Accept', 'text/html;profile=A', 'text/html;profile=a'],
      ['Accept', 'text/html;a=" x"', 'text/html;a="x"'],
      ['Accept-Language', 'en, fr', 'fr, en'],
      ['Accept-Language', 'e n', 'en'],
      ['Accept-Language', `${' '.repeat(300)}a${'b'.repeat(300)}`, `a${'b'.repeat(301)}`],
    ])('%s: %s and %s', async (field, one, other) => {
      const served = await serveVarying(field)
      await ask(served, '/', { headers: { [field]: one } })
      const second = await ask(served, '/', { headers: { [field]: other } })
      expect(isHit(second)).toBe(false)
      expect(isHit(await ask(served, '/', { headers: { [field]: one } }))).toBe(true)
    })

    it.each([
      ['Accept', 'Text/HTML ; Q=0.5,*/*', 'text/html;q=0.5, */*'],
      ['Accept-Language', 'EN ,fr\t;q = 0.5', 'en,fr;q=0.5'],
      ['Accept-Encoding', 'GZIP, br', 'gzip,br'],
    ])('and the same %s in another spelling is the same', async (field, one, other) => {
      const served = await serveVarying(field)
      await ask(served, '/', { headers: { [field]: one } })
      expect(isHit(await ask(served, '/', { headers: { [field]: other } }))).toBe(true)
    })

    it('though it is 15 KB of blanks, which is looked up like any other', async () => {
      const served = await serveVarying('Accept-Language')
      const headers = { 'Accept-Language': `a${' '.repeat(15_000)}b` }
      await ask(served, '/', { headers })
      const again = await ask(served, '/', { headers })
      expect(isHit(again)).toBe(true)
      expect(String(cacheStatus(again)['key']).length).toBeLessThan(200)
    })
  })

  describe('a stranger cannot keep a purged movie', () => {
    it.each([
      ['/movies/0603', 603],
      ['/movies/000603', '603'],
      ['/movies/603.0', '603'],
      ['/movies/%20603', '603'],
      ['/movies/+603', '603'],
      ['/movies/603', '0603'],
      ['/x?movieId=0603', '603'],
      ['/x?tmdbId=00603', '603'],
    ])('under %s when %p is purged', async (path, movie) => {
      const cache = testCache()
      const app = express()
      app.get('/movies/:movieId', cache.cacheApi(), (req, res) => res.json(Number(req.params['movieId'])))
      app.get('/x', cache.cacheApi(), (_req, res) => res.json(1))
      const served = await serve(app)
      await ask(served, path)
      expect(isHit(await ask(served, path))).toBe(true)
      expect(await cache.purge({ movie })).toBe(1)
      expect(isHit(await ask(served, path))).toBe(false)
    })

    it('that its handler finds in a longer text, where movieId says so', async () => {
      const cache = testCache()
      const app = express()
      const movieId = (req: Request): number => Number.parseInt(String(req.params['id']))
      app.get('/movies/:id', cache.cacheApi({ movieId }), (req, res) => res.json(movieId(req)))
      const served = await serve(app)
      await ask(served, '/movies/603abc')
      expect(await cache.purge({ movie: 603 })).toBe(1)
    })

    it.each(['/movies/6030', '/movies/60300', '/movies/-603', '/movies/tt0603', '/movies/0x25b'])(
      'and %s is another one',
      async path => {
        const cache = testCache()
        const app = express()
        app.get('/movies/:movieId', cache.cacheApi(), (_req, res) => res.json(1))
        const served = await serve(app)
        await ask(served, path)
        expect(await cache.purge({ movie: 603 })).toBe(0)
      },
    )

    it('and its other spellings are answers of their own', async () => {
      const cache = testCache()
      const app = express()
      const show = counted((req, res) => res.json(req.params['movieId']))
      app.get('/movies/:movieId', cache.cacheApi(), show)
      const served = await serve(app)
      expect((await ask(served, '/movies/603')).body.toString()).toBe('"603"')
      expect((await ask(served, '/movies/0603')).body.toString()).toBe('"0603"')
    })
  })

  describe('a stranger cannot make the cache list very many names', () => {
    const serveLarge = (options?: RouteOptions): Promise<Served> => {
      const app = express()
      app.use(express.json({ limit: '20mb' }))
      app.post('/', testCache().cacheApi(options), (req, res) => res.json(Object.hasOwn(req.body as object, 'n1')))
      return serve(app)
    }
    const named = (count: number): string => `{${Array.from({ length: count }, (_n, at) => `"n${at}":1`).join()}}`
    const json = { 'Content-Type': 'application/json' }

    it.each<[string, RouteOptions]>([
      ['all', {}],
      ['all but some', { body: { ignore: ['x'] } }],
    ])('where %s belong to the key', async (_name, options) => {
      const served = await serveLarge(options)
      const keys = jest.spyOn(Object, 'keys')
      const entries = jest.spyOn(Object, 'entries')
      const listed = (): number =>
        Math.max(
          0,
          ...[...keys.mock.results, ...entries.mock.results].map(
            ({ value }) => (value as unknown[] | undefined)?.length ?? 0,
          ),
        )
      try {
        const answer = await ask(served, '/', { method: 'POST', headers: json, body: named(300_000) })
        expect(cacheStatus(answer)['detail']).toBe('body-complex')
        expect(listed()).toBeLessThan(10_000)
      } finally {
        keys.mockRestore()
        entries.mockRestore()
      }
    })

    it('and few of them that are long are looked up', async () => {
      const served = await serveLarge()
      const body = { text: 'a'.repeat(900_000) }
      await postJson(served, '/', body)
      expect(isHit(await postJson(served, '/', body))).toBe(true)
    })

    it('and of many only those that belong to the key are looked at', async () => {
      const served = await serveLarge({ body: { only: ['n7'] } })
      const body = named(100_000)
      await ask(served, '/', { method: 'POST', headers: json, body })
      expect(isHit(await ask(served, '/', { method: 'POST', headers: json, body }))).toBe(true)
    })
  })
})
