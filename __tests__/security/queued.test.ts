import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { RequestHandler } from 'express'
import { testCache } from '../support/cache.js'
import { ask } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { serve, type Served } from '../support/server.js'
import { until } from '../support/until.js'

const factories = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts'] as const
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`

/** Sends all of it at once: only the first response gets the connection. */
async function pipelined(served: Served, ...paths: string[]): Promise<Socket> {
  const socket = connect(served.port, '127.0.0.1').on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(paths.map(get).join(''))
  return socket
}

/** How a handler goes about it. */
const handlers: [string, RequestHandler][] = [
  ['has written nothing yet', () => undefined],
  ['has written the beginning', (_req, res) => void res.write('Wake up, ')],
  ['has given up its connection', (_req, res) => void res.destroy()],
]

describe.each(expresses)('a request that waits for its turn on a connection, on %s', (_version, express) => {
  async function started(factory: (typeof factories)[number], handler: RequestHandler, front?: RequestHandler) {
    const cache = testCache({ runs: { maxDetached: 0 } })
    const first = counted((req, res, run, next) =>
      run === 1 ? handler(req, res, next) : void res.type('audio/mpeg').send('ID3 Neo.'),
    )
    const app = express()
    app.get('/endless', (_req, res) => void res.write('first'))
    if (front !== undefined) app.use(front)
    app.get('/speech', cache[factory]({ lockTimeout: 20_000 }), first)
    const served = await serve(app)
    const isOver = () => until('nobody runs or waits', () => cache.stats().flights.running === 0, 5_000)
    return { cache, served, first, isOver }
  }

  describe.each(factories)('behind %s', factory => {
    it.each(handlers)('a stranger cannot leave a run behind whose handler %s', async (_how, handler) => {
      const { served, first, isOver } = await started(factory, handler)
      const socket = await pipelined(served, '/endless', '/speech')
      await until('the handler runs', () => first.calls === 1)
      socket.resetAndDestroy()
      await isOver()
      // A dead leader would have held this one up for 20 s.
      expect((await ask(served, '/speech')).body.toString()).toBe('ID3 Neo.')
      expect(first.calls).toBe(2)
    })
  })

  it('a stranger cannot have his handler run after he has gone', async () => {
    const pending: (() => void)[] = []
    const { cache, served, first, isOver } = await started('cacheApi', (_req, res) => {
      pending.push(() => void res.set('Cache-Control', 'no-store').send('not for you'))
    })
    const leader = ask(served, '/speech')
    await until('the handler runs', () => first.calls === 1)
    const socket = await pipelined(served, '/endless', '/speech', '/speech')
    await until('both wait', () => cache.stats().flights.waiting === 2)
    socket.resetAndDestroy()
    await until('nobody waits', () => cache.stats().flights.waiting === 0, 5_000)
    pending[0]!()
    await leader
    await isOver()
    expect(first.calls).toBe(1)
  })

  it('a stranger cannot lead when he has gone while middleware in front took its time', async () => {
    const late: { goOn: () => void; socket: Socket }[] = []
    const { served, first, isOver } = await started(
      'cacheApi',
      () => undefined,
      (req, _res, next) => {
        if (late.length > 0) return next()
        late.push({ goOn: next, socket: req.socket })
      },
    )
    const client = await pipelined(served, '/endless', '/speech')
    await until('it is in front', () => late.length === 1)
    const [{ goOn, socket }] = late as [(typeof late)[0]]
    client.resetAndDestroy()
    await new Promise(resolve => socket.once('close', resolve))
    goOn()
    await isOver()
    expect((await ask(served, '/speech')).body.toString()).toBe('ID3 Neo.')
    expect(first.calls).toBe(2)
  })

  it('and whoever stays gets all answers, in turn', async () => {
    const { served, first } = await started('cacheApi', (_req, res) => void res.send('ID3 first'))
    const socket = await pipelined(served, '/speech', '/speech', '/speech')
    let text = ''
    socket.on('data', chunk => (text += chunk.toString()))
    await until('three have come', () => text.match(/ID3 first/g)?.length === 3)
    expect(first.calls).toBe(1)
    socket.destroy()
  })

  it.each(factories)(
    'behind %s gets all of an answer that is too large to keep, as does the one before it',
    async factory => {
      const part = Buffer.alloc(65_536, 'a')
      const handler = counted(async (_req, res) => {
        res.type('audio/mpeg').write('ID3')
        for (let i = 0; i < 192; i++) if (!res.write(part)) await once(res, 'drain')
        res.end()
      })
      const app = express().get('/speech', testCache()[factory]({ maxEntryBytes: 2_097_152 }), handler)
      app.get('/small', (_req, res) => void res.send('the last one'))
      const socket = await pipelined(await serve(app), '/speech', '/speech', '/small')
      let [bytes, last] = [0, '']
      socket.on('data', (chunk: Buffer) => ([bytes, last] = [bytes + chunk.length, chunk.toString('latin1')]))
      await until(
        'the last one has come, or the connection is closed',
        () => socket.closed || last.endsWith('the last one'),
      )
      expect([last.slice(-12), bytes > 2 * 192 * part.length, handler.calls]).toEqual(['the last one', true, 2])
      socket.destroy()
    },
  )
})
