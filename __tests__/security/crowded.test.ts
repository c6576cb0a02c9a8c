/** What becomes of large streams while clients that read nothing have taken all the room. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Response } from 'express'
import { testCache, type Cache } from '../support/cache.js'
import { fakeClock } from '../support/clock.js'
import { ask } from '../support/client.js'
import { expresses } from '../support/express.js'
import { serve, type Served } from '../support/server.js'

const KiB = 1024
/** More than sockets on one machine buffer by themselves. */
const LARGE = 8_000 * KiB

const idlers = new Set<Socket>()
afterEach(() => {
  for (const socket of idlers) socket.destroy()
  idlers.clear()
})

async function idle(served: Served, path: string): Promise<Socket> {
  const socket = connect(served.port, '127.0.0.1')
  idlers.add(socket)
  socket.on('error', () => undefined)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${served.port}\r\n\r\n`)
  await once(socket, 'readable')
  return socket
}

function* film(bytes: number): Iterable<Buffer> {
  for (let made = 0; made < bytes; made += 64 * KiB) yield Buffer.alloc(Math.min(64 * KiB, bytes - made), 'film ')
}
const send = (res: Response, bytes: number) => void Readable.from(film(bytes)).pipe(res.type('bin'))

function refusals(cache: Cache): string[] {
  const reasons: string[] = []
  cache.on('event', event => {
    if (event.type === 'refused') reasons.push(event.reason)
  })
  return reasons
}

describe.each(expresses)('on %s', (_version, express) => {
  /** The room is as large as nine films. */
  async function cinema() {
    const clock = fakeClock()
    const cache = testCache({ clock, memory: { maxBytes: 9 * LARGE }, api: { maxEntryBytes: LARGE } })
    const app = express()
    app.get('/films/:id', cache.cacheApi(), (_req, res) => send(res, LARGE))
    app.get('/small/:id', cache.cacheApi(), (_req, res) => send(res, 60 * KiB))
    const served = await serve(app)
    /** Two for each film who read nothing: the handler runs ahead of both. */
    const crowd = async (films: number): Promise<Socket[]> => {
      const sockets: Socket[] = []
      for (let n = 0; n < films; n++)
        for (const path of [`/films/idle-${n}`, `/films/idle-${n}`]) sockets.push(await idle(served, path))
      return sockets
    }
    return { cache, clock, served, crowd }
  }

  it('a stranger cannot keep small streams from being cached, nor whole answers of any size', async () => {
    const { served, crowd } = await cinema()
    await crowd(20)
    await ask(served, '/small/1')
    expect((await ask(served, '/small/1')).headers['x-cache']).toBe('HIT')
  })

  it('a stranger cannot keep others from their answers: each gets its own, whole', async () => {
    const { served, crowd } = await cinema()
    await crowd(20)
    const answers = await Promise.all(['/films/a', '/films/a', '/films/b'].map(path => ask(served, path)))
    expect(answers.map(({ status, body }) => [status, body.length])).toEqual(Array(3).fill([200, LARGE]))
  })

  it('a stranger cannot keep large streams from being cached for more than some seconds', async () => {
    const { cache, served, crowd, clock } = await cinema()
    await crowd(20)
    const reasons = refusals(cache)
    await ask(served, '/films/a')
    expect(reasons).toEqual(['crowded'])
    // The first look says where each client is, the second that it has not moved.
    clock.advance(2_000)
    await ask(served, '/films/b')
    clock.advance(10_000)
    // Full memory takes what is asked for the second time.
    for (let count = 0; count < 2; count++) await ask(served, '/films/a')
    expect((await ask(served, '/films/a')).headers['x-cache']).toBe('HIT')
  })
})
