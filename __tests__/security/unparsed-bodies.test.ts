/* eslint-disable @typescript-eslint/no-unsafe-return -- these read what no type knows */
import type { RequestHandler } from 'express'
import { ask, type Answer } from '../support/client.js'
import { cacheStatus, testCache } from '../support/cache.js'
import { expresses, type Express } from '../support/express.js'
import { serve, type Served } from '../support/server.js'
import type { Loose } from '../support/loose.js'

const isHit = (answer: Answer): boolean => cacheStatus(answer)['hit'] === true

/** Reads the body and keeps its text where `put` says. */
const collector =
  (put: (req: Loose, text: string, res: Loose) => void): RequestHandler =>
  (req, res, next) => {
    if (req.readableEnded) return next()
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      put(req, Buffer.concat(chunks).toString(), res)
      next()
    })
  }

const raw = collector((req, text) => (req.rawBody = text))
const placeholder =
  (value: unknown): RequestHandler =>
  (req, _res, next) => {
    req.body ??= value
    next()
  }

const fronts: readonly (readonly [string, (express: Express) => RequestHandler[]])[] = [
  ['json in front', express => [express.json(), placeholder({}), raw]],
  ['urlencoded in front', express => [express.urlencoded({ extended: false }), placeholder({}), raw]],
  [
    'json and text of another type',
    express => [express.json(), express.text({ type: 'text/html' }), placeholder({}), raw],
  ],
  ['a placeholder {}', () => [placeholder({}), raw]],
  ['a placeholder without a prototype', () => [placeholder(Object.create(null)), raw]],
  ['a placeholder []', () => [placeholder([]), raw]],
  ['a placeholder of an empty text', () => [placeholder(''), raw]],
  ['a placeholder null', () => [(req, _res, next) => ((req.body = null), next()), raw]],
  ['a placeholder false', () => [placeholder(false), raw]],
  ['an empty Buffer', () => [placeholder(Buffer.alloc(0)), raw]],
  ['a collector that sets the body to {}', () => [collector((req, text) => ((req.body = {}), (req.rawBody = text)))]],
  [
    'a collector that says _body',
    () => [collector((req, text) => Object.assign(req, { body: {}, _body: true, rawBody: text }))],
  ],
  [
    'a collector in res.locals',
    () => [placeholder({}), collector((req, text, res) => ((req.rawBody = text), (res.locals.text = text)))],
  ],
]

describe.each(expresses)('%s', (_, express) => {
  const serveWith = (front: readonly RequestHandler[]): Promise<Served> => {
    const app = express()
    for (const one of front) app.use(one)
    app.post('/', testCache().cacheApi(), (req, res) => res.json((req as Loose).rawBody ?? req.body ?? null))
    return serve(app)
  }
  const post = (served: Served, type: string, body: string): Promise<Answer> =>
    ask(served, '/', { method: 'POST', headers: { 'Content-Type': type }, body })

  describe('a stranger cannot get what another’s text made', () => {
    it.each(fronts)('with %s', async (_name, front) => {
      const served = await serveWith(front(express))
      for (const body of ['first text', 'other text']) {
        const answer = await post(served, 'text/plain', body)
        expect(JSON.parse(answer.body.toString())).toBe(body)
        expect(cacheStatus(answer)['detail']).toBe('body-unparsed')
      }
    })

    it('in a form with files, whatever keeps them', async () => {
      const parse = collector((req, text) => Object.assign(req, { body: { a: '1' }, uploads: [text], rawBody: text }))
      const served = await serveWith([parse])
      for (const body of ['--a\r\none', '--a\r\ntwo']) {
        const answer = await post(served, 'multipart/form-data; boundary=a', body)
        expect(JSON.parse(answer.body.toString())).toBe(body)
      }
    })
  })

  describe('what a parser has read is looked up', () => {
    it.each([
      ['{}', 'application/json', '{}'],
      ['[]', 'application/json', '[]'],
      ['a field', 'application/json', '{"a":{}}'],
      ['a form', 'application/x-www-form-urlencoded', 'a=1'],
      ['a text', 'text/plain', 'a'],
      ['bytes', 'application/octet-stream', 'a'],
      ['bytes of a form with files', 'multipart/form-data; boundary=a', 'a'],
      ['nothing', 'application/json', ''],
    ])('%s', async (_name, type, body) => {
      const served = await serveWith([
        express.json(),
        express.urlencoded({ extended: false }),
        express.text(),
        express.raw({ type: ['application/octet-stream', 'multipart/form-data'] }),
      ])
      const one = await post(served, type, body)
      expect(isHit(await post(served, type, body))).toBe(true)
      expect(one.status).toBe(200)
    })
  })
})
