import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { RequestHandler } from 'express'
import { testCache } from '../support/cache.js'
import { ask, open, type Answer } from '../support/client.js'
import { expresses, type Express } from '../support/express.js'
import { serve, type Served } from '../support/server.js'

const passOn: RequestHandler = (_req, _res, next) => next()

/** An app whose guard lets everybody in: in these tests the browser of somebody who may has added what proves it. */
async function admin(express: Express, front: RequestHandler = passOn): Promise<Served> {
  const cache = testCache()
  return serve(express().use('/admin', front, cache.adminRouter({ authorize: () => true })))
}

const reasonOf = ({ status, body }: Answer): unknown => [
  status,
  (JSON.parse(body.toString()) as { error: string }).error,
]

const READS = ['/stats', '/health', '/entries', '/entry?key=x', '/metrics', '/events', '/index.html', '/none']
const SITES: readonly (readonly [string, Record<string, string>])[] = [
  ['an image', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' }],
  ['a script tag', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'script' }],
  ['a frame', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' }],
  ['a link', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' }],
  ['a sister site', { 'Sec-Fetch-Site': 'same-site' }],
  ['a word nobody knows', { 'Sec-Fetch-Site': 'first-party' }],
  ['two words', { 'Sec-Fetch-Site': 'same-origin, cross-site' }],
  ['capitals', { 'Sec-Fetch-Site': 'Cross-Site' }],
  ['an event source', { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }],
]

describe.each(expresses)('the admin router on %s', (_version, express) => {
  it.each(SITES)('a stranger cannot make a visitor read anything, through %s', async (_name, headers) => {
    const server = await admin(express)
    for (const path of READS) {
      expect(reasonOf(await ask(server, `/admin${path}`, { headers }))).toEqual([403, 'origin'])
      expect((await ask(server, `/admin${path}`, { method: 'HEAD', headers })).status).toBe(403)
    }
  })

  it.each(['same-origin', 'none', undefined])('answers its own page and tools (Sec-Fetch-Site: %s)', async site => {
    const server = await admin(express)
    const headers: Record<string, string> = site === undefined ? {} : { 'Sec-Fetch-Site': site }
    for (const path of ['/stats', '/health', '/entries', '/metrics', '/index.html']) {
      expect((await ask(server, `/admin${path}`, { headers })).status).toBe(200)
    }
  })

  it('lets links of other sites lead to the page, which holds nothing by itself', async () => {
    const server = await admin(express)
    const link = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' }
    const page = await ask(server, '/admin/', { headers: link })
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  })

  describe('an event stream', () => {
    const MOST = 32
    /** Stands in for the address of a peer; `X-Peer` says which. */
    const fromPeer: RequestHandler = (req, _res, next) => {
      Object.defineProperty(req, 'socket', {
        value: new Proxy(req.socket, {
          get: (socket, name) =>
            name === 'remoteAddress' ? String(req.headers['x-peer']) : (Reflect.get(socket, name, socket) as unknown),
        }),
      })
      next()
    }

    async function listen(server: Served, peer: string): Promise<IncomingMessage> {
      const sent = open(server, '/admin/events', { headers: { 'X-Peer': peer } })
      sent.on('error', () => undefined)
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      return response.on('error', () => undefined).resume()
    }

    const isOver = ({ readableEnded }: IncomingMessage): boolean => readableEnded

    it('a stranger cannot lock out whoever may listen: the address that listens most makes room', async () => {
      const server = await admin(express, fromPeer)
      const crowd = []
      const mine = await listen(server, '10.0.0.1')
      for (let n = 1; n < MOST; n++) crowd.push(await listen(server, '10.0.0.2'))
      const ends = crowd.slice(0, 4).map(response => once(response, 'end'))
      const others = []
      for (let n = 0; n < 4; n++) {
        const one = await listen(server, `10.0.1.${n}`)
        expect(one.statusCode).toBe(200)
        others.push(one)
        await ends[n]
      }
      expect([mine, ...others].map(isOver)).toEqual([false, false, false, false, false])
      expect(crowd.map(isOver)).toEqual(crowd.map((_, n) => n < 4))
    })

    it('a stranger cannot have more than all places: of one address the oldest goes', async () => {
      const server = await admin(express, fromPeer)
      const first = await listen(server, '10.0.0.2')
      const ended = once(first, 'end')
      for (let n = 1; n < MOST; n++) await listen(server, '10.0.0.2')
      expect(isOver(first)).toBe(false)
      await listen(server, '10.0.0.2')
      await ended
    })
  })
})
