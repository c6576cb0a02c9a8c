import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Request, RequestHandler, Response } from 'express'
import { testCache, type Cache, type RouteOptions } from '../support/cache.js'
import { ask, open, over } from '../support/client.js'
import { fakeClock } from '../support/clock.js'
import { counted, expresses, type Express } from '../support/express.js'
import { gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { listen } from '../support/streams.js'
import { until } from '../support/until.js'

/** Who is asking, as apps keep it: in an async context, where no cache can see it. */
const tenancy = new AsyncLocalStorage<string>()
const tenants = ['ann', 'bob', 'cleo', 'dan']
const path = '/movies/603'

interface Route {
  readonly make: (cache: Cache, options?: RouteOptions) => RequestHandler
  readonly hasFiles?: boolean
}
const routes: Readonly<Record<string, Route>> = {
  cacheApi: { make: (cache, options) => cache.cacheApi(options) },
  cacheEnhanced: { make: (cache, options) => cache.cacheEnhanced(options) },
  cacheAi: { make: (cache, options) => cache.cacheAi(options) },
  cacheTts: { make: (cache, options) => cache.cacheTts(options) },
  'cacheTts with files': { make: (cache, options) => cache.cacheTts(options), hasFiles: true },
}
const MB = 1_048_576
const [names, patient] = [Object.keys(routes), { lockTimeout: 60_000 }]

let dir: string
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'reelcache-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** An app of several tenants, and all that ran in the context of another one. */
async function tenantApp(
  express: Express,
  route: string,
  handler: (req: Request, res: Response, own: string, run: number) => unknown,
  options: RouteOptions = patient,
) {
  const { make, hasFiles = false } = routes[route]!
  const clock = fakeClock()
  const cache = testCache({
    clock,
    memory: { maxBytes: 512 * MB },
    ...(hasFiles && { tts: { cacheDir: dir, fileMinFreeBytes: 0 } }),
  })
  const foreign: string[] = []
  const arrived: (string | undefined)[] = []
  const tenantOf = new WeakMap<IncomingMessage, string>()
  const check = (place: string, own: string): void => {
    if (tenancy.getStore() !== own) foreign.push(`${place} of ${own} ran as ${tenancy.getStore()}`)
  }
  const app = express()
  app.use((req, _res, next) => {
    const tenant = String(req.headers['x-tenant'])
    arrived.push(tenancy.getStore())
    tenantOf.set(req, tenant)
    tenancy.run(tenant, next)
  })
  // Middleware in front that puts methods of its own on a response, as session and tracing middleware does.
  app.use((req, res, next) => {
    for (const name of ['write', 'end', 'writeHead', 'setHeader', 'flushHeaders', 'destroy'] as const) {
      const method = Reflect.get(res, name) as (...args: unknown[]) => unknown
      Object.assign(res, {
        [name]: (...args: unknown[]) => {
          check(name, tenantOf.get(req)!)
          return method.apply(res, args)
        },
      })
    }
    next()
  })
  const counting = counted(async (req, res, run) => {
    check('handler', tenantOf.get(req)!)
    await handler(req, res, tenantOf.get(req)!, run)
    check('end of handler', tenantOf.get(req)!)
  })
  app.get('/movies/:movieId', make(cache, options), counting)
  const served = await serve(app)
  const get = (tenant: string) => open(served, path, { headers: { 'X-Tenant': tenant } })
  const waiting = (count: number) =>
    until(`${count} requests wait`, () => cache.stats().flights.waiting === count && counting.calls > 0)
  const answerTo = async (tenant: string) => {
    const { status, body } = await ask(served, path, { headers: { 'X-Tenant': tenant } })
    return `${status} ${body.toString()}`
  }
  return {
    app,
    cache,
    clock,
    served,
    handler: counting,
    foreign,
    arrived,
    check,
    get,
    waiting,
    answerTo,
  }
}

const textOf = (tenant: string): string => `ID3 what ${tenant} may see`

/** What a handler says against storing. */
const refusals: Readonly<Record<string, (res: Response) => unknown>> = {
  'no-store': res => res.set('Cache-Control', 'no-store'),
  private: res => res.set('Cache-Control', 'private'),
  'a cookie': res => res.cookie('seen', '1'),
  'an error 500': res => res.status(500),
}
const matrix = names.flatMap(route => Object.keys(refusals).map(refusal => [route, refusal] as const))

describe.each(expresses)(
  'a stranger cannot get into the async context of another request on %s:',
  (_version, express) => {
    test.each(matrix)(
      'four tenants at once behind %s, and an answer with %s, each get their own',
      async (route, refusal) => {
        const go = gate()
        const setting = await tenantApp(express, route, async (_req, res, _own, run) => {
          if (run === 1) await go.opened
          refusals[refusal]!(res)
          res.type('audio/mpeg').send(textOf(tenancy.getStore()!))
        })
        const asked = tenants.map(setting.answerTo)
        await setting.waiting(3)
        go.open()
        const status = refusal === 'an error 500' ? 500 : 200
        expect(await Promise.all(asked)).toEqual(tenants.map(tenant => `${status} ${textOf(tenant)}`))
        expect(setting.foreign).toEqual([])
        expect(setting.handler.calls).toBe(4)
      },
    )

    test.each(names)('four tenants at once behind %s get one stored answer, each in its own context', async route => {
      const go = gate()
      const setting = await tenantApp(express, route, async (_req, res) => {
        await go.opened
        res.type('audio/mpeg').send('ID3 for everybody')
      })
      const asked = tenants.map(setting.answerTo)
      await setting.waiting(3)
      go.open()
      expect(new Set(await Promise.all(asked))).toEqual(new Set(['200 ID3 for everybody']))
      expect(setting.foreign).toEqual([])
      expect(setting.handler.calls).toBe(1)
    })

    test.each(names)('who takes over behind %s from one who has left leads in its own context', async route => {
      const go = gate()
      const options = { ...patient, ignoreClientAbort: false }
      const setting = await tenantApp(
        express,
        route,
        async (_req, res, own, run) => {
          if (run === 1) await go.opened
          if (!res.destroyed) res.set('Cache-Control', 'no-store').type('audio/mpeg').send(textOf(own))
        },
        options,
      )
      const first = setting.get('ann').on('error', () => undefined)
      await setting.waiting(0)
      const asked = ['bob', 'cleo', 'dan'].map(setting.answerTo)
      await setting.waiting(3)
      first.destroy()
      expect(await Promise.all(asked)).toEqual(['bob', 'cleo', 'dan'].map(tenant => `200 ${textOf(tenant)}`))
      expect(setting.foreign).toEqual([])
      go.open()
    })

    test.each(names)('who takes over behind %s from one who is silent leads in its own context', async route => {
      const go = gate()
      const setting = await tenantApp(
        express,
        route,
        async (_req, res, own, run) => {
          if (run === 1) await go.opened
          res.set('Cache-Control', 'no-store').type('audio/mpeg').send(textOf(own))
        },
        { lockTimeout: 50 },
      )
      const asked = tenants.map(setting.answerTo)
      await Promise.race(asked)
      await until('three are answered', () => setting.handler.calls === 4)
      go.open()
      expect(await Promise.all(asked)).toEqual(tenants.map(tenant => `200 ${textOf(tenant)}`))
      expect(setting.foreign).toEqual([])
    })

    test.each(names)('who reads along behind %s is written to in its own context, up to the end', async route => {
      const [go, started] = [gate(), gate()]
      const parts = ['ID3 a beginning '.repeat(64), 'the middle '.repeat(100_000), 'the end']
      const setting = await tenantApp(express, route, async (_req, res) => {
        res.type('audio/mpeg').write(parts[0])
        started.open()
        await go.opened
        res.write(parts[1])
        res.end(parts[2])
      })
      const asked = tenants.map(tenant => setting.get(tenant))
      const listeners = await Promise.all(asked.map(listen))
      go.open()
      const heard = await Promise.all(listeners.map(listener => listener.over))
      expect(heard.map(({ body, isWhole }) => isWhole && body.toString() === parts.join(''))).toEqual([
        true,
        true,
        true,
        true,
      ])
      expect(setting.foreign).toEqual([])
      expect(setting.handler.calls).toBe(1)
    })

    test.each(names)(
      'who reads along behind %s until the answer is refused is cut off in its own context',
      async route => {
        const go = gate()
        const setting = await tenantApp(express, route, async (req, res, _own, run) => {
          if (run > 1) return void res.type('audio/mpeg').end('ID3')
          res.type('audio/mpeg').write('ID3 a beginning '.repeat(64))
          await go.opened
          // A field outside the key: what was begun is one visitor's.
          res.write(String(req.headers['user-agent']))
          res.end()
        })
        const listeners = await Promise.all(tenants.map(tenant => listen(setting.get(tenant))))
        go.open()
        const heard = await Promise.all(listeners.map(listener => listener.over))
        expect(heard.filter(({ isWhole }) => isWhole)).toHaveLength(1)
        expect(setting.foreign).toEqual([])
      },
    )

    test.each(['cacheApi', 'cacheTts'])(
      'a handler behind %s that is told to go on by one who reads along stays its own',
      async route => {
        const told: (string | undefined)[] = []
        const [waits, closed, go] = [gate(), gate(), gate()]
        const setting = await tenantApp(
          express,
          route,
          async (_req, res) => {
            res.on('drain', () => told.push(tenancy.getStore()))
            res.on('close', () => {
              told.push(tenancy.getStore())
              closed.open()
            })
            res.type('audio/mpeg').write('ID3 a beginning '.repeat(64))
            // More than any connection takes whose client does not read.
            res.write(Buffer.alloc(24 * MB))
            waits.open()
            await go.opened
          },
          { ...patient, ignoreClientAbort: false, maxEntryBytes: 32 * MB },
        )
        const unread = setting.get('ann').on('error', () => undefined)
        const idle = new Promise<void>(resolve => unread.once('response', response => resolve(void response.pause())))
        await Promise.all([idle, waits.opened])
        const along = await listen(setting.get('bob'))
        await along.heard(100_000)
        await until('the handler is told to go on', () => told.length > 0)
        unread.destroy()
        await over(unread)
        along.leave()
        go.open()
        await closed.opened
        expect(told.filter(tenant => tenant !== 'ann')).toEqual([])
      },
    )

    test.each(names)(
      'a stale answer behind %s is refreshed for nobody, in the context the cache was made in',
      async route => {
        const options = { ttl: 10_000, staleWhileRevalidate: 60_000 }
        const setting = await tenantApp(
          express,
          route,
          (_req, res) => void res.type('audio/mpeg').send('ID3 at all times'),
          options,
        )
        await setting.answerTo('ann')
        setting.clock.advance(12_500)
        // Whoever asks does so in a context of the process, as the clients of a test or a job do.
        await tenancy.run('job', () => setting.answerTo('bob'))
        await until('it is refreshed', () => setting.handler.calls === 2)
        await until('it is over', () => setting.cache.stats().flights.running === 0)
        expect(setting.arrived).toHaveLength(3)
        expect(setting.arrived.at(-1)).toBeUndefined()
        expect(setting.foreign).toEqual([])
      },
    )

    test('a listener hears of everybody in the context in which it was added, until it is taken away', async () => {
      const setting = await tenantApp(express, 'cacheApi', (_req, res) => void res.json('for everybody'))
      const heard = new Map<string, string | undefined>()
      const listener = ({ type }: { type: string }): void => void heard.set(type, tenancy.getStore())
      tenancy.run('operator', () => setting.cache.on('event', listener))
      await setting.answerTo('ann')
      await setting.answerTo('bob')
      expect([...heard]).toEqual([
        ['miss', 'operator'],
        ['stored', 'operator'],
        ['hit', 'operator'],
      ])
      setting.cache.off('event', listener)
      heard.clear()
      await setting.answerTo('cleo')
      expect(heard.size).toBe(0)
    })

    test('what is warmed runs in the context of whoever warms it', async () => {
      const setting = await tenantApp(express, 'cacheApi', (_req, res) => void res.json('for everybody'))
      const report = await tenancy.run('operator', () => setting.cache.warm(setting.app, [path, '/movies/604']))
      expect(report.warmed).toBe(2)
      expect(setting.arrived).toEqual(['operator', 'operator'])
    })
  },
)
