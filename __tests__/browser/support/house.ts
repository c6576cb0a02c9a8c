import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express, { type RequestHandler } from 'express'
import type { Page } from 'playwright-core'
import type * as Package from '../../../lib/index.js'
import { listen } from '../../demo/support/demo.js'
import { fakeClock, type FakeClock } from '../../support/clock.js'
import { leave, open } from './chromium.js'

// The package as it is built: the page is there whole, with what it uses of others.
const { createCache } = jest.requireActual<typeof Package>('reelcache')

/** An app with a route of each profile and the admin router at `/admin/cache`. */
export interface House {
  readonly url: string
  readonly cache: Package.Cache
  readonly clock: FakeClock
  /** Answers what `X-Cache` says. */
  readonly get: (address: string, headers?: Record<string, string>) => Promise<string | null>
  readonly post: (address: string, body: unknown) => Promise<string | null>
  /** Resolves when so many pages listen. */
  listeners(count: number): Promise<void>
  /** Leaves its port and takes it again. */
  stop(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

interface HouseOptions {
  readonly front?: RequestHandler
  readonly options?: Package.CacheOptions
}

export async function openHouse({ front, options = {} }: HouseOptions = {}): Promise<House> {
  const clock = fakeClock()
  const cacheDir = mkdtempSync(join(tmpdir(), 'reelcache-house-'))
  const cache = createCache({ clock, ...options, tts: { cacheDir, ...options.tts } })
  const listening = new Listeners()
  const app = makeApp(cache, [listening.count, ...(front === undefined ? [] : [front])])
  let server = await listen(app)
  const { url } = server
  const ask = async (address: string, init: RequestInit): Promise<string | null> => {
    const response = await fetch(url + address, init)
    await response.arrayBuffer()
    return response.headers.get('x-cache')
  }
  return {
    ...{ url, cache, clock },
    get: (address, headers = {}) => ask(address, { headers }),
    post: (address, body) =>
      ask(address, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    listeners: count => listening.reach(count),
    stop: () => server.close(),
    start: async () => {
      server = await listen(app, Number(new URL(url).port))
    },
    close: async () => {
      await leave()
      await server.close()
      await cache.close()
      rmSync(cacheDir, { recursive: true })
    },
  }
}

/** Opens the dashboard and waits for its first figures. */
export async function visitBooth({ url }: House, options: Parameters<typeof open>[1] = {}): Promise<Page> {
  const page = await open(`${url}/admin/cache/`, options)
  await page.locator('#status[data-status]').waitFor()
  return page
}

function makeApp(cache: Package.Cache, front: readonly RequestHandler[]) {
  const app = express()
  for (const handler of front) app.use(handler)
  app.use(express.json())
  app.get('/api/movies/:movieId', cache.cacheApi(), (req, res) => {
    res.set('X-Title', `<b>${encodeURI(req.params['movieId'])}</b>`)
    if (req.query['secret'] !== undefined) res.set('Cache-Control', 'no-store')
    res.json({ id: req.params['movieId'], plot: 'x'.repeat(2_000) })
  })
  app.get('/api/movies/:movieId/enhanced', cache.cacheEnhanced(), (req, res) => {
    res.json({ id: req.params['movieId'], similar: ['y'.repeat(8_000)] })
  })
  app.post('/api/movies/:movieId/ai', cache.cacheAi({ cost: 0.25 }), (_req, res) => {
    res.json({ answer: 'z'.repeat(700) })
  })
  app.post('/api/movies/:movieId/tts', cache.cacheTts(), (_req, res) => {
    res.type('audio/ogg').send(Buffer.concat([Buffer.from('OggS'), Buffer.alloc(60_000)]))
  })
  app.use('/admin/cache', cache.adminRouter({ authorize: () => true }))
  return app
}

/** How many pages are connected, and whoever waits for a number of them. */
class Listeners {
  #open = 0
  #waiting: { readonly count: number; readonly resolve: () => void }[] = []

  readonly count: RequestHandler = (req, res, next) => {
    if (req.path.endsWith('/events')) {
      this.#change(1)
      res.once('close', () => this.#change(-1))
    }
    next()
  }

  reach(count: number): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push({ count, resolve })
      this.#change(0)
    })
  }

  #change(by: number): void {
    this.#open += by
    for (const { resolve } of this.#waiting.filter(({ count }) => count === this.#open)) resolve()
    this.#waiting = this.#waiting.filter(({ count }) => count !== this.#open)
  }
}
