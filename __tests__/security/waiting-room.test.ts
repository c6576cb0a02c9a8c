/** Nobody fills the places of those who wait for an answer that is being made. */
import { connect, type Socket } from 'node:net'
import type { CacheHandler } from '../../lib/index.js'
import { testCache } from '../support/cache.js'
import { ask } from '../support/client.js'
import { expresses } from '../support/express.js'
import { arrivals, gate } from '../support/gate.js'
import { serve, type Served } from '../support/server.js'

/** As many as may wait altogether, and some more. */
const ALL = 10_100

const strangers = new Set<Socket>()
afterEach(() => {
  for (const socket of strangers) socket.destroy()
  strangers.clear()
})

/** Sends so many requests over one connection without waiting for an answer. */
function pipeline(served: Served, paths: readonly string[]): Socket {
  const socket = connect(served.port, '127.0.0.1')
  strangers.add(socket)
  socket.on('error', () => undefined).resume()
  socket.write(paths.map(path => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${served.port}\r\n\r\n`).join(''))
  return socket
}

const times = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n))

const crowds: [what: string, connections: string[][]][] = [
  ['one connection that asks for one key', [times(ALL, () => '/movies/1')]],
  ['one connection that asks for many keys', [times(ALL, n => `/movies/${n % 50}`)]],
  ['many connections that ask for one key', times(100, () => times(ALL / 100, () => '/movies/1'))],
  ['many connections that ask for many keys', times(100, n => times(ALL / 100, () => `/movies/${n % 10}`))],
]

describe.each(expresses)('on %s', (_version, express) => {
  async function cinema() {
    const [inside, release] = [arrivals(), gate()]
    const runs = new Map<string, number>()
    const cached: CacheHandler = testCache().cacheApi({ lockTimeout: 60_000 })
    const app = express()
    app.get('/movies/:movieId', inside.middleware, cached, async (req, res) => {
      const { movieId } = req.params as { movieId: string }
      runs.set(movieId, (runs.get(movieId) ?? 0) + 1)
      await release.opened
      res.send(movieId)
    })
    return { served: await serve(app), inside, release, runs }
  }

  it.each(crowds)('a stranger cannot keep others from sharing one run, with %s', async (_what, connections) => {
    const { served, inside, release, runs } = await cinema()
    for (const paths of connections) pipeline(served, paths)
    await inside.reached(ALL)
    const others = times(50, () => ask(served, '/movies/603'))
    await inside.reached(ALL + 50)
    release.open()
    expect((await Promise.all(others)).map(({ body }) => body.toString())).toEqual(Array(50).fill('603'))
    expect(runs.get('603')).toBe(1)
  })

  it('while hundreds who come by connections of their own still share one run (control)', async () => {
    const { served, inside, release, runs } = await cinema()
    const others = times(300, () => ask(served, '/movies/603'))
    await inside.reached(300)
    release.open()
    await Promise.all(others)
    expect(runs.get('603')).toBe(1)
  })

  it('whoever has been answered leaves its place on the connection to the next', async () => {
    const { served, inside, release, runs } = await cinema()
    const socket = pipeline(
      served,
      times(100, () => '/movies/1'),
    )
    await inside.reached(100)
    release.open()
    for (const turn of [2, 3]) {
      const asked = `GET /movies/${turn} HTTP/1.1\r\nHost: 127.0.0.1:${served.port}\r\n\r\n`
      socket.write(asked.repeat(100))
      await inside.reached(100 * turn)
    }
    expect([runs.get('1'), runs.get('2'), runs.get('3')]).toEqual([1, 1, 1])
  })
})
