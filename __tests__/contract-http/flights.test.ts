import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { RequestHandler, Response } from 'express'
import { testCache, type RouteOptions } from '../support/cache.js'
import { ask, collected, open, over, postJson } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { arrivals, gate } from '../support/gate.js'
import { serve } from '../support/server.js'

const patient: RouteOptions = { lockTimeout: 60_000 }

describe.each(expresses)('many requests for one key on %s:', (_version, express) => {
  async function cached(handler: RequestHandler, options: RouteOptions = patient) {
    const inside = arrivals()
    const app = express()
    app.get('/movies/:movieId', inside.middleware, testCache().cacheApi(options), handler)
    return { app: await serve(app), inside }
  }

  test('two thousand equal GETs run a slow handler once and all get its answer', async () => {
    const body = JSON.stringify({ id: 603, overview: 'Wake up. '.repeat(300) })
    const release = gate()
    const handler = counted(async (_req, res) => {
      await release.opened
      res.type('json').send(body)
    })
    const { app, inside } = await cached(handler)
    const asked = Array.from({ length: 2000 }, () => ask(app, '/movies/603'))
    await inside.reached(2000)
    release.open()
    const answers = await Promise.all(asked)
    const right = answers.filter(got => got.status === 200 && got.body.toString() === body)
    expect(right).toHaveLength(2000)
    expect(answers.filter(({ headers }) => headers['x-cache'] === 'MISS')).toHaveLength(1)
    expect(handler.calls).toBe(1)
  })

  test('two hundred equal requests for speech synthesise it once', async () => {
    const speech = Buffer.concat([Buffer.from('ID3'), Buffer.alloc(20_000, 7)])
    const release = gate()
    const handler = counted(async (_req, res) => {
      await release.opened
      res.type('audio/mpeg').send(speech)
    })
    const inside = arrivals()
    const app = express()
    app.post('/movies/:movieId/tts', express.json(), inside.middleware, testCache().cacheTts(patient), handler)
    const served = await serve(app)
    const asked = Array.from({ length: 200 }, () =>
      postJson(served, '/movies/603/tts', { text: 'Wake up, Neo', voice: 'nova' }),
    )
    await inside.reached(200)
    release.open()
    const answers = await Promise.all(asked)
    expect(answers.filter(got => got.status === 200 && got.body.equals(speech))).toHaveLength(200)
    expect(handler.calls).toBe(1)
  })

  test('when the leader leaves, the others elect exactly one new leader', async () => {
    const release = gate()
    const handler = counted(async (_req, res, run) => {
      if (run === 1) return
      await release.opened
      res.send(`run ${run}`)
    })
    const { app, inside } = await cached(handler)
    const leader = open(app, '/movies/603')
    leader.on('error', () => undefined)
    await inside.reached(1)
    const followers = Array.from({ length: 20 }, () => ask(app, '/movies/603'))
    await inside.reached(21)
    leader.destroy()
    release.open()
    expect((await Promise.all(followers)).map(({ body }) => body.toString())).toEqual(Array(20).fill('run 2'))
    expect(handler.calls).toBe(2)
  })

  test('when the handler breaks off its answer before a byte, the others get a whole one', async () => {
    const everybody = gate()
    const handler = counted(async (_req, res, run) => {
      if (run > 1) return res.send('a whole answer')
      await everybody.opened
      return res.destroy()
    })
    const { app, inside } = await cached(handler)
    const leader = ask(app, '/movies/603')
    await inside.reached(1)
    const followers = Array.from({ length: 20 }, () => ask(app, '/movies/603'))
    await inside.reached(21)
    everybody.open()
    await expect(leader).rejects.toThrow()
    expect((await Promise.all(followers)).map(({ body }) => body.toString())).toEqual(Array(20).fill('a whole answer'))
    expect(handler.calls).toBe(2)
  })

  test('when the leader throws, it gets the error and the others a good answer', async () => {
    const everybody = gate()
    const handler = counted(async (_req, res, run, next) => {
      if (run > 1) return res.send('good')
      await everybody.opened
      return next(new Error('no signal'))
    })
    const { app, inside } = await cached(handler)
    const leader = ask(app, '/movies/603')
    await inside.reached(1)
    const followers = Array.from({ length: 20 }, () => ask(app, '/movies/603'))
    await inside.reached(21)
    everybody.open()
    expect((await leader).status).toBe(500)
    expect((await Promise.all(followers)).map(({ status, body }) => [status, body.toString()])).toEqual(
      Array(20).fill([200, 'good']),
    )
  })

  test('when the leader hangs, nobody waits longer than lockTimeout and the next answer is stored again', async () => {
    const handler = counted((_req, res, run) => (run === 1 ? undefined : res.send('alive')))
    const { app, inside } = await cached(handler, { lockTimeout: 40 })
    const hung = open(app, '/movies/603')
    hung.on('error', () => undefined)
    await inside.reached(1)
    const asked = Array.from({ length: 20 }, () => ask(app, '/movies/603'))
    expect((await Promise.all(asked)).map(({ body }) => body.toString())).toEqual(Array(20).fill('alive'))
    hung.destroy()
    await ask(app, '/movies/603')
    expect((await ask(app, '/movies/603')).headers['x-cache']).toBe('HIT')
  })

  const refusedAtHead: [string, (res: Response) => void][] = [
    ['a Set-Cookie', res => void res.cookie('sid', '1')],
    ['no-store', res => void res.set('Cache-Control', 'no-store')],
    ['a status that is not stored', res => void res.status(503)],
    ['a Content-Length over maxEntryBytes', res => void res.set('Content-Length', '5000')],
  ]
  test.each(refusedAtHead)('a leader refused for %s lets the others go at its head', async (_name, refuse) => {
    const followersDone = gate()
    const handler = counted(async (_req, res, run) => {
      if (run > 1) return res.send(`own run`)
      refuse(res)
      res.write('x'.repeat(2500))
      await followersDone.opened
      return res.end('x'.repeat(2500))
    })
    const { app, inside } = await cached(handler, { ...patient, maxEntryBytes: 4000 })
    const leader = ask(app, '/movies/603')
    await inside.reached(1)
    const followers = await Promise.all(Array.from({ length: 10 }, () => ask(app, '/movies/603')))
    expect(followers.map(({ body }) => body.toString())).toEqual(Array(10).fill('own run'))
    followersDone.open()
    expect((await leader).body.toString()).toBe('x'.repeat(5000))
  })

  test('a leader that grows over maxEntryBytes lets those go who could not read along, and is not stored', async () => {
    const [everybody, followersDone] = [gate(), gate()]
    const handler = counted(async (_req, res, run) => {
      if (run > 1) return res.send('small enough')
      res.write('x'.repeat(3000))
      await everybody.opened
      res.write('x'.repeat(3000))
      await followersDone.opened
      return res.end('x')
    })
    const { app, inside } = await cached(handler, { ...patient, maxEntryBytes: 4000 })
    const leader = ask(app, '/movies/603')
    await inside.reached(1)
    const range = { Range: 'bytes=1-100' }
    const followers = Array.from({ length: 10 }, () => ask(app, '/movies/603', { headers: range }))
    await inside.reached(11)
    everybody.open()
    expect((await Promise.all(followers)).map(({ body }) => body.toString())).toEqual(Array(10).fill('mall enough'))
    followersDone.open()
    expect((await leader).body.length).toBe(6001)
  })

  test('what was refused is remembered: later equal requests do not queue behind one another', async () => {
    const [release, both] = [gate(), arrivals()]
    const handler = counted(async (_req, res, run) => {
      if (run > 1) await release.opened
      res.cookie('sid', String(run)).send(`run ${run}`)
    })
    const app = express()
    app.get('/movies/:movieId', testCache().cacheApi(patient), both.middleware, handler)
    const served = await serve(app)
    await ask(served, '/movies/603')
    const asked = [ask(served, '/movies/603'), ask(served, '/movies/603')]
    // Both are in the handler at the same time, or this waits for ever.
    await both.reached(3)
    release.open()
    expect((await Promise.all(asked)).map(({ body }) => body.toString()).sort()).toEqual(['run 2', 'run 3'])
  })

  test('a hanging key does not hold up another', async () => {
    const handler = counted((req, res) => (req.path === '/movies/1' ? undefined : res.send(req.path)))
    const { app, inside } = await cached(handler)
    const hung = open(app, '/movies/1')
    hung.on('error', () => undefined)
    await inside.reached(1)
    for (const id of ['2', '3']) expect((await ask(app, `/movies/${id}`)).body.toString()).toBe(`/movies/${id}`)
    hung.destroy()
  })

  test('HEAD and GET for a cold key at the same time: the GET has its body, whoever leads', async () => {
    for (const methods of [
      ['HEAD', 'GET', 'GET'],
      ['GET', 'HEAD', 'HEAD'],
    ]) {
      const release = gate()
      const handler = counted(async (_req, res) => {
        await release.opened
        res.send('film')
      })
      const { app, inside } = await cached(handler)
      const asked = []
      for (const method of methods) {
        asked.push(ask(app, '/movies/603', { method }))
        await inside.reached(asked.length)
      }
      release.open()
      const answers = await Promise.all(asked)
      expect(answers.map(({ body }) => body.toString())).toEqual(
        methods.map(method => (method === 'GET' ? 'film' : '')),
      )
      expect(answers.map(({ headers }) => headers['content-length'])).toEqual(['4', '4', '4'])
      const later = await ask(app, '/movies/603')
      expect([later.status, later.body.toString(), later.headers['x-cache']]).toEqual([200, 'film', 'HIT'])
    }
  })

  test('HEAD for a cold key stores no empty body', async () => {
    const handler = counted((_req, res) => res.send('film'))
    const { app } = await cached(handler)
    const head = await ask(app, '/movies/603', { method: 'HEAD' })
    expect([head.status, head.headers['content-length'], head.headers['x-cache']]).toEqual([200, '4', 'MISS'])
    for (let i = 0; i < 2; i++) expect((await ask(app, '/movies/603')).body.toString()).toBe('film')
  })

  test('a follower that leaves while it waits disturbs nobody', async () => {
    const release = gate()
    const handler = counted(async (_req, res) => {
      await release.opened
      res.send('for those who stayed')
    })
    const { app, inside } = await cached(handler)
    const leader = ask(app, '/movies/603')
    await inside.reached(1)
    const leaving = Array.from({ length: 5 }, () => open(app, '/movies/603'))
    const staying = Array.from({ length: 5 }, () => ask(app, '/movies/603'))
    await inside.reached(11)
    const left = leaving.map(over)
    for (const request of leaving) request.destroy()
    await Promise.all(left)
    release.open()
    const answers = await Promise.all([leader, ...staying])
    expect(answers.map(({ body }) => body.toString())).toEqual(Array(6).fill('for those who stayed'))
    expect(handler.calls).toBe(1)
  })

  test('followers ask for what they can take: a range, a validator and a plain GET from one run', async () => {
    const release = gate()
    const handler = counted(async (_req, res) => {
      await release.opened
      res.set('ETag', '"v1"').send('0123456789')
    })
    const { app, inside } = await cached(handler)
    const leader = ask(app, '/movies/603')
    await inside.reached(1)
    const asked = [{}, { Range: 'bytes=2-4' }, { 'If-None-Match': '"v1"' }].map(headers =>
      ask(app, '/movies/603', { headers }),
    )
    await inside.reached(4)
    release.open()
    expect((await leader).body.toString()).toBe('0123456789')
    const answers = await Promise.all(asked)
    expect(answers.map(({ status, body }) => [status, body.toString()])).toEqual([
      [200, '0123456789'],
      [206, '234'],
      [304, ''],
    ])
    expect(handler.calls).toBe(1)
  })

  test('a slow leader that streams is seen by its own client at once', async () => {
    const release = gate()
    const handler = counted(async (_req, res) => {
      res.write('first ')
      await release.opened
      res.end('second')
    })
    const { app } = await cached(handler)
    const [response] = (await once(open(app, '/movies/603'), 'response')) as [IncomingMessage]
    expect(String((await once(response, 'data'))[0])).toBe('first ')
    release.open()
    expect((await collected(response)).body.toString()).toBe('second')
    expect((await ask(app, '/movies/603')).body.toString()).toBe('first second')
  })
})
