/** Real packages behind the cache: each is cached, or refused with advice that leads to its being cached. */
import { cacheStatus, handlerLines, testCache, type RouteOptions } from '../support/cache.js'
import { ask, postJson, type Answer } from '../support/client.js'
import { expresses, type Express } from '../support/express.js'
import { serve, type Served } from '../support/server.js'
import { apollo, fastifyExpress, feathersApp, graphqlHttp, proxy, trpc, type MakeApp } from './apps.cjs'

type Visit = (served: Served, headers: Record<string, string>) => Promise<Answer>

/** What the answer is refused for, and what the warning says to write then. */
interface Step {
  readonly refusal: Record<string, string>
  readonly advice: string
  readonly options: RouteOptions
}

interface Neighbour {
  readonly app: MakeApp
  readonly visit: Visit
  readonly factory?: 'cacheApi' | 'cacheAi'
  /** None where the answer itself forbids it. */
  readonly steps: readonly Step[]
}

const get =
  (path: string): Visit =>
  (served, headers) =>
    ask(served, path, { headers })
const query: Visit = get('/graphql?query=%7Bfilm%7Btitle%7D%7D')
const post: Visit = (served, headers) => postJson(served, '/graphql', { query: '{film{title}}' }, headers)

const allHeaders: Step = {
  refusal: { detail: 'unkeyed-header', header: '*' },
  advice: 'cacheApi({ ignoreHeaders: true })',
  options: { ignoreHeaders: true },
}
const property = (name: string): Step => ({
  refusal: { detail: 'unkeyed-property', property: name },
  advice: `cacheApi({ ignoreProperties: ['${name}'] })`,
  options: { ignoreProperties: [name] },
})
/** Node's proxies frame what they pass on for the client's version of HTTP. */
const version = property('httpVersion')
/** What Feathers tells its services of a request. */
const feathers = property('feathers')
const field = (header: string, vary = [header]): Step => ({
  refusal: { detail: 'unkeyed-header', header },
  advice: `vary: ['${header}']`,
  options: { vary },
})
const preflight: Visit = (served, headers) => query(served, { 'Apollo-Require-Preflight': '1', ...headers })
const json = (res: { json(body: unknown): void }, body: unknown): void => res.json(body)
const end = (res: { end(body: string): void }, body: unknown): void => res.end(JSON.stringify(body))

const hinted = apollo({ defaultMaxAge: 60 })
const graphqlFields = [field('accept'), field('content-type', ['accept', 'content-type'])]
const aiHeaders: Step = { ...allHeaders, advice: 'cacheAi({ ignoreHeaders: true })' }

const neighbours: [string, Neighbour][] = [
  ['graphql-http, asked by GET', { app: graphqlHttp, visit: query, steps: graphqlFields }],
  ['graphql-http, asked by POST', { app: graphqlHttp, visit: post, factory: 'cacheAi', steps: [field('accept')] }],
  ['tRPC', { app: trpc, visit: get('/trpc/film'), steps: [allHeaders] }],
  ['Apollo Server, asked by GET', { app: hinted, visit: preflight, steps: [allHeaders] }],
  ['Apollo Server, asked by POST', { app: hinted, visit: post, factory: 'cacheAi', steps: [aiHeaders] }],
  ['Feathers', { app: feathersApp, visit: get('/films'), steps: [field('x-service-method'), feathers] }],
  ['http-proxy-middleware', { app: proxy({}), visit: get('/films'), steps: [allHeaders, version] }],
  [
    'http-proxy-middleware with changeOrigin',
    { app: proxy({ changeOrigin: true }), visit: get('/films'), steps: [allHeaders, version] },
  ],
]

/** The options that the first so many steps have led to. */
const after = ({ steps }: Neighbour, count = steps.length): RouteOptions =>
  Object.assign({}, ...steps.slice(0, count).map(({ options }) => options)) as RouteOptions

let warned: jest.SpyInstance
beforeEach(() => void (warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)))
const closing: (() => unknown)[] = []
afterEach(async () => {
  jest.restoreAllMocks()
  for (const close of closing.splice(0)) await close()
})

const warnings = (): string => warned.mock.calls.map(([text]) => String(text)).join('\n')

async function served({ app, factory = 'cacheApi' }: Neighbour, express: Express, options: RouteOptions = {}) {
  const onRun = jest.fn()
  // Where the route is mounted by `use` or `all`, POST is looked up only on demand.
  const methods: RouteOptions = factory === 'cacheAi' ? { methods: ['POST'] } : {}
  const cache = testCache()[factory]({ ...methods, ...options })
  const listener = await app({ express, cache, onRun, onClose: close => void closing.push(close) })
  return { app: await serve(listener), onRun }
}

const hit = (answer: Answer): boolean => cacheStatus(answer)['hit'] === true
const visitors = [{ 'X-Visitor': 'Neo' }, { 'X-Visitor': 'Trinity' }]

describe.each(expresses)('on %s', (_version, express) => {
  it.each(neighbours)('%s is refused with advice, step by step', async (_name, neighbour) => {
    for (const [count, { refusal, advice }] of neighbour.steps.entries()) {
      const { app, onRun } = await served(neighbour, express, after(neighbour, count))
      for (const headers of visitors) {
        const answer = await neighbour.visit(app, headers)
        expect(answer.status).toBe(200)
        expect(cacheStatus(answer)).toMatchObject({ fwd: 'miss', ...refusal })
      }
      expect(onRun).toHaveBeenCalledTimes(2)
      expect(warnings()).toContain(advice)
    }
  })

  it.each(neighbours)('%s is cached once the advice is followed', async (_name, neighbour) => {
    const { app, onRun } = await served(neighbour, express, after(neighbour))
    const answers = []
    for (const headers of [...visitors, ...visitors]) answers.push(await neighbour.visit(app, headers))
    expect(answers.map(hit)).toEqual([false, true, true, true])
    for (const answer of answers) expect(answer.body).toEqual(answers[0]!.body)
    for (const answer of answers) expect(handlerLines(answer)).toEqual(handlerLines(answers[0]!))
    expect(onRun).toHaveBeenCalledTimes(1)
  })

  it.each(neighbours)('%s answers visitors who come at once by one run', async (_name, neighbour) => {
    const { app, onRun } = await served(neighbour, express, after(neighbour))
    const answers = await Promise.all(visitors.map(headers => neighbour.visit(app, headers)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(answers[1]!.body).toEqual(answers[0]!.body)
    expect(onRun).toHaveBeenCalledTimes(1)
  })

  it('Apollo Server without cache hints says no-store, and is believed', async () => {
    const neighbour: Neighbour = { app: apollo({}), visit: preflight, steps: [] }
    const { app } = await served(neighbour, express, { ignoreHeaders: true })
    for (const headers of visitors) {
      expect(cacheStatus(await neighbour.visit(app, headers))).toMatchObject({ detail: 'no-store' })
    }
  })
})

describe('@fastify/express', () => {
  const express = expresses[0][1]

  it.each([
    ['json', json],
    ['end', end],
  ] as const)('is cached by the option that its warning names, answering by %s', async (_how, answer) => {
    const neighbour: Neighbour = { app: fastifyExpress(answer), visit: get('/films'), steps: [] }
    const refused = await served(neighbour, express)
    await neighbour.visit(refused.app, {})
    await neighbour.visit(refused.app, {})
    const options: RouteOptions = { ignoreProperties: ['httpVersionMajor'] }
    if (answer === json) expect(warnings()).toContain("ignoreProperties: ['httpVersionMajor']")
    const { app, onRun } = await served(neighbour, express, options)
    const answers = []
    for (const headers of [...visitors, ...visitors]) answers.push(await neighbour.visit(app, headers))
    expect(answers.map(hit)).toEqual([false, true, true, true])
    for (const { body } of answers) expect(body.toString()).toBe('{"title":"Amélie"}')
    expect(onRun).toHaveBeenCalledTimes(1)
  })
})
