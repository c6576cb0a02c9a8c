import { inspect } from 'node:util'
import cookieParser from 'cookie-parser'
import { sign } from 'cookie-signature'
import session from 'express-session'
import type { RequestHandler } from 'express'
import { cacheStatus, testCache, type RouteOptions } from '../support/cache.js'
import { ask } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { serve } from '../support/server.js'

declare module 'express-session' {
  interface SessionData {
    user: string
  }
}

describe.each(expresses)('cookies that look like analytics on %s', (_version, express) => {
  async function page(handler: RequestHandler, front: RequestHandler[] = [], options: RouteOptions = {}) {
    const counting = counted((req, res, _run, next) => handler(req, res, next))
    const app = express().get('/me', ...front, testCache().cacheApi(options), counting)
    const served = await serve(app)
    const get = (cookie?: string) => ask(served, '/me', { headers: cookie === undefined ? {} : { Cookie: cookie } })
    return { get, app, served, handler: counting }
  }

  it.each(['mp_session', 'ph_session', 'amp_sid', 'AMP_SESSION', '__hs_session', '_hjsid', '_ga_user', '_pk_user'])(
    'a stranger cannot get the account of somebody whose session cookie is called %s',
    async name => {
      const { get } = await page((req, res) => res.json({ cookie: req.headers.cookie ?? null }))
      const alice = await get(`${name}=alice`)
      expect(cacheStatus(alice)).toMatchObject({ fwd: 'bypass', detail: 'cookie' })
      for (const cookie of [`${name}=bob`, undefined]) {
        const other = await get(cookie)
        expect(other.headers['x-cache']).not.toBe('HIT')
        expect(other.body.toString()).not.toContain('alice')
      }
    },
  )

  it('a visitor with the real cookies of analytics is served from the cache', async () => {
    const { get, handler } = await page((_req, res) => res.json({ id: 603 }))
    const cookies = '_ga=GA1.1.1; _ga_ABCDE12345=GS1.1; mp_0123456789abcdef0123456789abcdef_mixpanel=x'
    await get(cookies)
    expect((await get()).headers['x-cache']).toBe('HIT')
    expect((await get('_gid=2')).headers['x-cache']).toBe('HIT')
    expect(handler.calls).toBe(1)
  })

  const reads: [string, RequestHandler][] = [
    ['a member', (req, res) => res.json({ id: req.cookies._ga })],
    ['a signed member', (req, res) => res.json({ id: req.signedCookies._gid })],
    ['all of them', (req, res) => res.json(req.cookies)],
    ['their names', (req, res) => res.json(Object.entries(req.cookies))],
    ['a copy', (req, res) => res.json({ ...req.cookies })],
    [
      'one after a while',
      async (req, res) => {
        await new Promise(resolve => setImmediate(resolve))
        res.send(String(req.cookies._ga))
      },
    ],
    [
      'one in a stream',
      (req, res) => {
        res.write('you are ')
        res.end(String(req.cookies._ga))
      },
    ],
    ['the whole by inspection', (req, res) => res.send(inspect(req.cookies))],
  ]

  it.each(reads)('a stranger cannot get what was made of parsed cookies: %s', async (_what, handler) => {
    const parser = cookieParser('popcorn')
    const { get } = await page(handler, [parser])
    const alice = await get(`_ga=alice; _gid=${encodeURIComponent(`s:${sign('alice', 'popcorn')}`)}`)
    expect(alice.body.toString()).toContain('alice')
    for (const cookie of ['_ga=bob', undefined]) {
      expect((await get(cookie)).body.toString()).not.toContain('alice')
    }
  })

  it.each<[string, RequestHandler, RouteOptions]>([
    ['reads none', (_req, res) => res.json({ id: 603 }), {}],
    ['finds that one is absent', (req, res) => res.json({ user: req.cookies.sid ?? null }), {}],
    [
      'reads one that the route has declared',
      (req, res) => res.json({ theme: req.cookies.theme }),
      { ignoreCookies: ['theme'] },
    ],
  ])('a handler that %s is cached behind a cookie parser', async (_what, handler, options) => {
    const { get } = await page(handler, [cookieParser()], options)
    const cookie = options.ignoreCookies === undefined ? '_ga=alice' : 'theme=dark'
    await get(cookie)
    expect((await get(cookie)).headers['x-cache']).toBe('HIT')
  })

  it.each(['_ga', '__hstc'])('a stranger cannot get a session that was found by the ignored cookie %s', async name => {
    const sessions = session({ secret: 'popcorn', resave: false, saveUninitialized: false, name })
    const me: RequestHandler = (req, res) => res.json({ user: req.session.user ?? null })
    const { get, app, served, handler } = await page(me, [sessions])
    app.post('/login', sessions, (req, res) => {
      req.session.user = 'alice'
      res.end()
    })
    const login = await ask(served, '/login', { method: 'POST' })
    const [cookie] = login.headers['set-cookie']![0]!.split(';')
    const alice = await get(`${cookie}; _gid=1`)
    expect(alice.body.toString()).toBe('{"user":"alice"}')
    expect(cacheStatus(alice)).toMatchObject({ fwd: 'miss', detail: 'session' })
    const bob = await get('_gid=2')
    expect(bob.body.toString()).toBe('{"user":null}')
    expect(cacheStatus(bob)).toMatchObject({ fwd: 'miss', stored: true })
    // The control: it finds that the session is a new one without a user, as all new ones are.
    expect((await get('_gid=2')).headers['x-cache']).toBe('HIT')
    expect(handler.calls).toBe(2)
  })
})
