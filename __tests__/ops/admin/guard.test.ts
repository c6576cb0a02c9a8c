import express, { type Request } from 'express'
import cors from 'cors'
import { createCache, ReelcacheError, type AdminOptions } from '../../../lib/index.js'
import { testCache, type Cache } from '../../support/cache.js'
import { ask, exchange, type Answer, type Question } from '../../support/client.js'
import { errorPage } from '../../support/express.js'
import { serve, type Served } from '../../support/server.js'

const TOKEN = 'let-me-in'
const authorize = (req: Request): boolean => req.get('authorization') === `Bearer ${TOKEN}`
const mine = { Authorization: `Bearer ${TOKEN}` }
const intent = { 'X-Requested-With': 'reelcache' }

interface Admin {
  readonly cache: Cache
  readonly server: Served
  readonly ask: (path: string, question?: Question) => Promise<Answer>
  readonly purge: (headers: Record<string, string>, path?: string) => Promise<Answer>
}

/** An app that holds one answer, and shows it to whoever may see it. */
async function admin(options: AdminOptions = { authorize }): Promise<Admin> {
  const cache = testCache()
  const app = express()
    .use('/admin', cache.adminRouter(options))
    .get('/movies/:movieId', cache.cacheApi(), (_req, res) => res.json({ title: 'The Matrix' }))
    .use(errorPage)
  const server = await serve(app)
  await ask(server, '/movies/603')
  return {
    ...{ cache, server },
    ask: (path, question) => ask(server, `/admin${path}`, question),
    purge: (headers, path = '/admin/purge') =>
      ask(server, path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: '{"all":true}',
      }),
  }
}

const errorOf = ({ body }: Answer): unknown => (JSON.parse(body.toString()) as { error: unknown }).error

describe('without a guard there is no router', () => {
  const cache = createCache({ tts: { fileCache: false } })
  afterAll(() => cache.close())

  it.each([
    ['nothing', undefined],
    ['no options', {}],
    ['undefined', { authorize: undefined }],
    ['true', { authorize: true }],
    ['a token', { authorize: 'secret' }],
    ['an unknown option beside it', { authorize, password: 'secret' }],
    ['a URL for a host', { authorize, hosts: ['https://admin.example.org'] }],
    ['one name for a list of hosts', { authorize, hosts: 'admin.example.org' }],
  ])('made with %s it throws', (_, options) => {
    expect(() => cache.adminRouter(options as never)).toThrow(ReelcacheError)
  })

  it('made with one it does not', () => {
    expect(() => cache.adminRouter({ authorize, hosts: ['admin.example.org', 'localhost:8080'] })).not.toThrow()
  })
})

describe('whoever may', () => {
  it('looks, and changes with the header that a form cannot send', async () => {
    const it = await admin()
    expect((await it.ask('/stats', { headers: mine })).status).toBe(200)
    const purged = await it.purge({ ...mine, ...intent })
    expect([purged.status, JSON.parse(purged.body.toString())]).toEqual([200, { purged: 1 }])
    expect(it.cache.stats().entries).toBe(0)
  })

  it.each<[string, AdminOptions['authorize'], number]>([
    ['true', () => true, 200],
    ['a promise of true', () => Promise.resolve(true), 200],
    ['false', () => false, 403],
    ['a promise of false', () => Promise.resolve(false), 403],
    ['a user, which is not true', () => ({ name: 'anna' }) as unknown as boolean, 403],
    ["'false'", () => 'false' as unknown as boolean, 403],
    ['1', () => 1 as unknown as boolean, 403],
    ['nothing', () => undefined as unknown as boolean, 403],
    [
      'a promise that never was: it throws',
      () => {
        throw new Error('no session')
      },
      500,
    ],
    ['a promise that is rejected', () => Promise.reject(new Error('no session')), 500],
  ])('is whom authorize answers true to; %s: %d', async (_, answer, status) => {
    const it = await admin({ authorize: answer })
    expect((await it.ask('/stats')).status).toBe(status)
    expect((await it.purge(intent)).status).toBe(status)
    expect(it.cache.stats().entries).toBe(status === 200 ? 0 : 1)
  })
})

const PATHS = ['/stats', '/health', '/entries', '/entry?key=x', '/metrics', '/purge', '/explain', '/verify', '/none']

describe('whoever may not', () => {
  it.each([...PATHS, '/', '/index.html', '/events'])('learns nothing from %s', async path => {
    const it = await admin()
    for (const headers of [{}, { Authorization: 'Bearer wrong' }, intent]) {
      const answer = await it.ask(path, { headers })
      expect([answer.status, errorOf(answer)]).toEqual([403, 'forbidden'])
    }
  })

  it('purges nothing', async () => {
    const it = await admin()
    expect((await it.purge({ ...intent, Authorization: 'Bearer wrong' })).status).toBe(403)
    expect(it.cache.stats().entries).toBe(1)
  })

  it('gets 200 or 503 from /live and nothing else, under any name', async () => {
    const it = await admin({ authorize: () => false })
    const answer = await it.ask('/live', { headers: { Host: 'pod-7.internal' } })
    expect([answer.status, answer.body.toString()]).toEqual([200, 'ok'])
  })
})

describe('every answer', () => {
  it.each(['/live', ...PATHS])('of %s is kept by nobody', async path => {
    const it = await admin()
    for (const headers of [{}, mine]) {
      const { headers: got } = await it.ask(path, { headers })
      expect(got).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
      expect(got).not.toHaveProperty('etag')
    }
  })
})

// In all of these the browser has added what lets the victim in.
describe('a page of another site', () => {
  it.each<[string, Record<string, string>]>([
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded', Origin: 'https://evil.example' }],
    ['a form that hides where it is from', { 'Content-Type': 'text/plain', Origin: 'null' }],
    ['a form in a browser that says no origin', { 'Content-Type': 'text/plain' }],
    ['a script', { ...intent, Origin: 'https://evil.example' }],
    ['a script in a sandbox', { ...intent, Origin: 'null' }],
    ['a script on another port', { ...intent, Origin: 'http://127.0.0.1:1' }],
    ['a script of a name that begins like ours', { ...intent, Origin: 'http://127.0.0.1.evil.example' }],
    ['a script whose origin is no URL', { ...intent, Origin: 'evil' }],
    ['a script of a file', { ...intent, Origin: 'file://' }],
    ['a script without an origin, which the browser calls cross-site', { ...intent, 'Sec-Fetch-Site': 'cross-site' }],
    ['a script of a sister site', { ...intent, 'Sec-Fetch-Site': 'same-site' }],
  ])('purges nothing: %s', async (_, headers) => {
    const it = await admin()
    const answer = await it.purge({ ...mine, ...headers })
    expect([answer.status, it.cache.stats().entries]).toEqual([403, 1])
  })

  it('does not even read, whatever cors() in front allows', async () => {
    const cache = testCache()
    const app = express()
      .use(cors({ origin: true, credentials: true }))
      .use('/admin', cache.adminRouter({ authorize: () => true }))
    const server = await serve(app)
    const headers = { Origin: 'https://evil.example' }
    expect(errorOf(await ask(server, '/admin/stats', { headers }))).toBe('origin')
    expect((await ask(server, '/admin/purge', { method: 'OPTIONS', headers })).status).toBe(204)
    expect(errorOf(await ask(server, '/admin/purge', { method: 'POST', headers: { ...headers, ...intent } }))).toBe(
      'origin',
    )
  })
})

describe('our own page', () => {
  it.each(['same-origin', 'none'])('purges (%s)', async site => {
    const it = await admin()
    const own = { Origin: it.server.url, 'Sec-Fetch-Site': site }
    expect((await it.purge({ ...mine, ...intent, ...own })).status).toBe(200)
    expect(it.cache.stats().entries).toBe(0)
  })

  it('behind a proxy that writes its own Host purges under a name that is on the list', async () => {
    const it = await admin({ authorize, hosts: ['Admin.example.org'] })
    const own = { Origin: 'https://admin.example.org', 'X-Forwarded-Host': 'admin.example.org' }
    expect((await it.purge({ ...mine, ...intent, ...own })).status).toBe(200)
  })
})

describe('a name that somebody else may have pointed at this server', () => {
  const intruders = [
    'evil.example',
    'evil.example:80',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'admin.example.org.evil.example',
    'evillocalhost',
    '1.2.3.4.5',
  ]
  it.each(intruders)('(%j) is refused, in Host and in X-Forwarded-Host', async name => {
    const it = await admin({ authorize, hosts: ['admin.example.org'] })
    const questions = [{ Host: name }, { 'X-Forwarded-Host': name }, { 'X-Forwarded-Host': `localhost, ${name}` }]
    for (const headers of questions) {
      const answers = [
        await it.ask('/stats', { headers: { ...mine, ...headers } }),
        await it.purge({ ...mine, ...intent, ...headers }),
      ]
      expect(answers.map(errorOf)).toEqual(['host', 'host'])
    }
    expect(it.cache.stats().entries).toBe(1)
  })

  it.each([
    'localhost',
    'LOCALHOST:3000',
    'movies.localhost',
    '10.0.0.7',
    '10.0.0.7:8080',
    '[::1]',
    '[::1]:3000',
    'admin.example.org',
    'Admin.Example.org:8443',
  ])('is not one of these: %s', async name => {
    const it = await admin({ authorize, hosts: ['admin.example.org'] })
    expect((await it.ask('/stats', { headers: { ...mine, Host: name } })).status).toBe(200)
  })

  it.each([
    ['HTTP/1.0', ''],
    ['HTTP/1.1', 'Host:\r\nConnection: close\r\n'],
  ])('cannot be left out (%s)', async (version, lines) => {
    const { server } = await admin()
    const head = `GET /admin/stats ${version}\r\nAuthorization: Bearer ${TOKEN}\r\n${lines}\r\n`
    expect((await exchange(server, head)).toString()).toMatch(/^HTTP\/1\.1 403 /)
  })
})

describe('a GET', () => {
  it.each(['/purge', '/purge?all=true', '/explain', '/verify', '/entries/../purge?movie=603'])(
    'to %s changes nothing',
    async path => {
      const it = await admin()
      const answer = await it.ask(path, { headers: { ...mine, ...intent, 'X-HTTP-Method-Override': 'POST' } })
      expect([405, 404]).toContain(answer.status)
      if (answer.status === 405) expect(answer.headers.allow).toBe('POST')
      expect(it.cache.stats().entries).toBe(1)
    },
  )
})
