import { once } from 'node:events'
import { pipeline, Readable } from 'node:stream'
import { pipeline as promisedPipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import type { RequestHandler } from 'express'
import { testCache, type Cache, type RouteOptions } from '../support/cache.js'
import { open, type Question } from '../support/client.js'
import { counted, expresses, type Express } from '../support/express.js'
import { arrivals, gate, type Gate } from '../support/gate.js'
import { serve, type Served } from '../support/server.js'
import { departures, listen, outcomeOf } from '../support/streams.js'

interface Kind {
  readonly chunks: readonly Buffer[]
  readonly type: string
  readonly make: (cache: Cache, options: RouteOptions) => RequestHandler
}
const kinds: Readonly<Record<'speech' | 'text', Kind>> = {
  speech: {
    chunks: ['ID3, the beginning', ...Array<string>(20).fill('sound'.repeat(700))].map(sound => Buffer.from(sound)),
    type: 'audio/mpeg',
    make: (cache, options) => cache.cacheTts(options),
  },
  text: {
    chunks: ['Wake up', ...Array<string>(20).fill('Neo '.repeat(900)), '[DONE]'].map(data =>
      Buffer.from(`data: ${data}\n\n`),
    ),
    type: 'text/event-stream',
    make: (cache, options) => cache.cacheAi(options),
  },
}

/** A paid service. Its first chunk and the rest each wait for their gate. */
class Service {
  readonly beginning = gate()
  readonly rest = gate()
  calls = 0

  constructor(private readonly chunks: readonly Buffer[]) {}

  async *call(): AsyncGenerator<Buffer> {
    this.calls++
    await this.beginning.opened
    yield this.chunks[0]!
    await this.rest.opened
    yield* this.chunks.slice(1)
  }

  /** The same on a server of its own. */
  async url(): Promise<string> {
    return (await serve((_req, res) => pipeline(this.call(), res, () => undefined))).url
  }
}

/** Ways to send on what a service makes. */
const ways: Record<string, (service: Service) => RequestHandler | Promise<RequestHandler>> = {
  'writes in a loop': service => async (_req, res) => {
    for await (const chunk of service.call()) res.write(chunk)
    res.end()
  },
  'writes in a loop, and waits for drain': service => async (_req, res) => {
    for await (const chunk of service.call()) if (!res.write(chunk)) await once(res, 'drain')
    res.end()
  },
  'writes in a loop until close': service => async (_req, res) => {
    const closed = new AbortController()
    res.on('close', () => closed.abort())
    for await (const chunk of service.call()) if (!closed.signal.aborted) res.write(chunk)
    res.end()
  },
  'writes in a loop as long as the response says that it is well': service => async (req, res) => {
    const isWell = () => res.writable && !res.destroyed && !res.closed && !req.socket.destroyed
    for await (const chunk of service.call()) if (isWell()) res.write(chunk)
    res.end()
  },
  pipes: service => (_req, res) => void Readable.from(service.call()).pipe(res),
  'uses pipeline with a callback': service => (_req, res) => void pipeline(service.call(), res, () => undefined),
  'awaits pipeline': service => (_req, res) => promisedPipeline(service.call(), res),
  'pipes what it fetches, and aborts that when the response closes': service => piping(service, 'pipe', 'response'),
  'pipes what it fetches, and aborts that when the request closes': service => piping(service, 'pipe', 'request'),
  'pipelines what it fetches, and aborts that when the response closes': service =>
    piping(service, 'pipeline', 'response'),
}

async function piping(
  service: Service,
  how: 'pipe' | 'pipeline',
  whose: 'request' | 'response',
): Promise<RequestHandler> {
  const url = await service.url()
  return async (req, res) => {
    const controller = new AbortController()
    const stop = (): void => controller.abort()
    if (whose === 'response') res.on('close', stop)
    // Node 20 closes a request once its body is read: for a POST it has closed already.
    else req.on(req.method === 'POST' ? 'aborted' : 'close', stop)
    const { body } = await fetch(url, { signal: controller.signal })
    const readable = Readable.fromWeb(body as ReadableStream)
    if (how === 'pipeline') pipeline(readable, res, () => undefined)
    else readable.on('error', () => res.destroy()).pipe(res)
  }
}

const questions: Record<string, Question> = {
  GET: {},
  POST: { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"text":"Wake up, Neo"}' },
}

const cases = Object.entries(kinds).flatMap(([what, kind]) =>
  Object.keys(questions).flatMap(method =>
    Object.entries(ways).map(([how, way]) => ({ what, kind, method, how, way })),
  ),
)

interface Setting {
  readonly service: Service
  readonly cache: Cache
  readonly app: Served
  readonly handler: { readonly calls: number }
  readonly began: Gate
  readonly inside: ReturnType<typeof arrivals>
  readonly left: ReturnType<typeof departures>
}

async function setUp(
  express: Express,
  { kind, way }: Pick<(typeof cases)[number], 'kind' | 'way'>,
  options: RouteOptions = {},
): Promise<Setting> {
  const service = new Service(kind.chunks)
  const [cache, inside, left, began] = [testCache(), arrivals(), departures(), gate()]
  const relay = await way(service)
  const handler = counted((req, res, _run, next) => {
    res.set('Content-Type', kind.type)
    began.open()
    return relay(req, res, next)
  })
  const app = express().use(express.json(), inside.middleware, left.middleware)
  app.all('/movies/:movieId', kind.make(cache, options), handler)
  return { service, cache, app: await serve(app), handler, began, inside, left }
}

const stored = (cache: Cache): Promise<void> =>
  new Promise(done => cache.on('event', event => event.type === 'stored' && done()))

const wholeOf = ({ chunks }: Kind): Buffer => Buffer.concat(chunks)

describe.each(expresses)('on %s', (_version, express) => {
  describe.each(cases)('a handler that sends $what for a $method and $how', ({ kind, method, way }) => {
    const question = questions[method]!
    const path = '/movies/603'

    async function expectKept({ app, cache, handler, service }: Setting): Promise<void> {
      const again = await (await listen(open(app, path, question))).over
      expect([outcomeOf(again, wholeOf(kind)), again.headers['x-cache']]).toEqual(['whole', 'HIT'])
      expect([handler.calls, service.calls]).toEqual([1, 1])
      expect(cache.stats().flights).toEqual({ running: 0, waiting: 0 })
    }

    test('is called once for twenty who read along when the first leaves after the first chunk', async () => {
      const setting = await setUp(express, { kind, way })
      const { app, service, left } = setting
      service.beginning.open()
      const first = await listen(open(app, path, question))
      await first.heard(kind.chunks[0]!.length)
      const others = await Promise.all(Array.from({ length: 20 }, () => listen(open(app, path, question))))
      await Promise.all(others.map(other => other.heard(kind.chunks[0]!.length)))
      first.leave()
      await left.reached(1)
      service.rest.open()
      const heard = await Promise.all(others.map(({ over }) => over))
      expect(heard.map(answer => outcomeOf(answer, wholeOf(kind)))).toEqual(Array(20).fill('whole'))
      await expectKept(setting)
    })

    test('is called once for twenty who wait when the first leaves before the head', async () => {
      const setting = await setUp(express, { kind, way })
      const { app, service, began, inside, left } = setting
      const first = open(app, path, question).on('error', () => undefined)
      await began.opened
      const others = Array.from({ length: 20 }, () => listen(open(app, path, question)))
      await inside.reached(21)
      first.destroy()
      await left.reached(1)
      service.beginning.open()
      service.rest.open()
      const heard = await Promise.all(others.map(async other => (await other).over))
      expect(heard.map(answer => outcomeOf(answer, wholeOf(kind)))).toEqual(Array(20).fill('whole'))
      await expectKept(setting)
    })

    test.each(['after the first chunk', 'before the head'])('is kept when its only client leaves %s', async when => {
      const setting = await setUp(express, { kind, way })
      const { app, cache, service, began, left } = setting
      const isKept = stored(cache)
      const sent = open(app, path, question).on('error', () => undefined)
      await began.opened
      if (when === 'after the first chunk') {
        service.beginning.open()
        await (await listen(sent)).heard(kind.chunks[0]!.length)
      }
      sent.destroy()
      await left.reached(1)
      service.beginning.open()
      service.rest.open()
      await isKept
      await expectKept(setting)
    })
  })
})
