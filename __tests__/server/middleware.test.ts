import compression from 'compression'
import cors from 'cors'
import type { Application, RequestHandler } from 'express'
import session from 'express-session'
import helmet from 'helmet'
import { testCache } from '../support/cache.js'
import { fakeClock } from '../support/clock.js'
import { expresses } from '../support/express.js'
import { listening } from '../support/server.js'
import { both, bytesOf, said } from './support.js'

declare module 'express-session' {
  interface SessionData {
    visits: number
  }
}

const film = { title: 'Metropolis', year: 1927, plot: 'A city in the future. '.repeat(100) }

const sessions = (): RequestHandler =>
  session({ secret: 'rosebud', genid: () => 'seven', resave: false, saveUninitialized: false })

const count: RequestHandler = ({ session }, res, next) => {
  session.visits = (session.visits ?? 0) + 1
  res.set('X-Visits', String(session.visits))
  next()
}

const gzip = { 'Accept-Encoding': 'gzip' }
const origin = { Origin: 'https://cinema.example' }

interface Case {
  readonly name: string
  readonly middleware: () => RequestHandler[]
  /** Requests that come one after another, with the cookie they were given, and what their answers contain. */
  readonly asks: readonly (readonly [headers: Record<string, string>, says: string, method?: string])[]
}

const cases: Case[] = [
  { name: 'helmet', middleware: () => [helmet()], asks: [[{}, 'Content-Security-Policy: default-src']] },
  {
    name: 'cors',
    middleware: () => [cors({ origin: origin.Origin, credentials: true })],
    asks: [
      [origin, 'Access-Control-Allow-Origin: https://cinema.example'],
      [{ ...origin, 'Access-Control-Request-Method': 'PUT' }, '204 No Content', 'OPTIONS'],
    ],
  },
  {
    name: 'compression',
    middleware: () => [compression()],
    asks: [
      [gzip, 'Content-Encoding: gzip'],
      [{}, film.plot],
    ],
  },
  {
    name: 'express-session',
    middleware: () => [sessions(), count],
    asks: [
      [{}, 'Set-Cookie: connect.sid=s%3Aseven.'],
      [{}, 'X-Visits: 2'],
      [{}, 'X-Visits: 3'],
    ],
  },
  {
    name: 'reelcache',
    middleware: () => [testCache({ clock: fakeClock() }).cacheApi()],
    asks: [
      [{}, 'x-cache: MISS'],
      [{}, 'x-cache: HIT'],
      [{ Range: 'bytes=2-6' }, 'content-range: bytes 2-6/'],
      [{}, 'x-cache: HIT', 'HEAD'],
    ],
  },
  {
    name: 'all of them',
    middleware: () => [helmet(), cors(), compression(), testCache({ clock: fakeClock() }).cacheApi()],
    asks: [
      [gzip, 'x-cache: MISS'],
      [gzip, 'x-cache: HIT'],
    ],
  },
]

describe.each(expresses)('an app of %s answers the same through createServer', (_, express) => {
  it.each(cases)('with $name in front', async ({ middleware, asks }) => {
    const { plain, ours } = await both(async serverOf => {
      const app: Application = express().use(...middleware())
      app.get('/films/7', (_req, res) => res.json(film))
      const served = await listening(serverOf(app))
      const answers: string[] = []
      for (const [headers, , method] of asks) {
        const given = /^Set-Cookie: ([^;]*)/m.exec(answers.join(''))
        const cookie = given === null ? {} : { Cookie: given[1]! }
        answers.push(await said(served, bytesOf(method ?? 'GET', '/films/7', { ...headers, ...cookie })))
      }
      return answers
    })
    for (const [i, [, says]] of asks.entries()) expect(plain[i]).toContain(says)
    expect(ours).toEqual(plain)
  })
})
