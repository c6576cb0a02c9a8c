import { createHash } from 'node:crypto'
import type { Request, RequestHandler } from 'express'
import { cacheStatus, testCache } from '../support/cache.js'
import { ask, postJson } from '../support/client.js'
import { counted, expresses } from '../support/express.js'
import { proof } from '../support/proof.js'
import { serve } from '../support/server.js'

interface RawRequest extends Request {
  raw?: Buffer
}

const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex')

function cyclic(name: string): object {
  const ring: Record<string, unknown> = { name }
  ring['self'] = ring
  return ring
}

class Secret {
  readonly #inside: string
  constructor(inside: string) {
    this.#inside = inside
  }
  tell(): string {
    return this.#inside
  }
}

const trap = (method: keyof ProxyHandler<object>) =>
  new Proxy(
    {},
    {
      [method]: () => {
        throw new Error('trapped')
      },
    },
  )

// Two values of each odd kind, different for a handler that looks at them.
const oddPairs: [string, unknown, unknown][] = [
  ['a symbol', Symbol('alice'), Symbol('bob')],
  ['a big integer', 1n, 2n],
  ['a big integer and a number', 1n, 1],
  ['a function', () => 'alice', () => 'bob'],
  ['a date', new Date(1), new Date(2)],
  ['an invalid date', new Date(NaN), new Date(1)],
  ['bytes', Buffer.from([255]), Buffer.from([254])],
  ['a typed array and a Buffer', new Uint16Array([1]), Buffer.from([1, 0])],
  ['a map', new Map([['a', 1]]), new Map([['a', 2]])],
  ['a set', new Set(['a']), new Set(['b'])],
  ['a regular expression', /a/g, /a/i],
  ['an error', new Error('a'), new Error('b')],
  ['a promise', Promise.resolve('alice'), Promise.resolve('bob')],
  ['an object with private state', new Secret('alice'), new Secret('bob')],
  ['a cyclic object', cyclic('alice'), cyclic('bob')],
  ['NaN and Infinity', NaN, Infinity],
  ['a number and its text', 1, '1'],
  ['a list and its text', ['a', 'b'], 'a,b'],
  ['an object that hides its text', { toString: () => 'x', a: 1 }, { toString: () => 'x', a: 2 }],
  ['an object that hides its JSON', { toJSON: () => 'x', a: 1 }, { toJSON: () => 'x', a: 2 }],
  ['a URL', new URL('http://a.example/1'), new URL('http://a.example/2')],
]

const thrower = {
  get name(): string {
    throw new Error('not for you')
  },
}
const unusable: [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['an object with a getter that throws', thrower],
  ['an object whose keys cannot be listed', trap('ownKeys')],
  ['an object whose prototype cannot be read', trap('getPrototypeOf')],
  ['a revoked proxy', revoked()],
  ['a very deep object', nested(20_000)],
]

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function nested(depth: number): unknown {
  let value: unknown = 'bottom'
  for (let i = 0; i < depth; i++) value = { in: value }
  return value
}

describe.each(expresses)('on %s', (_version, express) => {
  describe('key(req)', () => {
    async function keyed() {
      const current = { identity: undefined as unknown, person: '' }
      const handler = counted((_req, res) => res.send(`for ${current.person}`))
      const cacheApi = testCache().cacheApi({ key: () => current.identity })
      const app = await serve(express().get('/movie', cacheApi, handler))
      const askAs = (person: string, identity: unknown) => {
        Object.assign(current, { identity, person })
        return ask(app, '/movie', { headers: { Authorization: person } })
      }
      return { askAs, handler }
    }

    test.each(oddPairs)('that returns %s keeps two people apart', async (_name, alice, bob) => {
      const { askAs } = await keyed()
      for (const [person, identity] of [
        ['alice', alice],
        ['bob', bob],
        ['alice', alice],
      ] as const) {
        const got = await askAs(person, identity)
        expect([got.status, got.body.toString()]).toEqual([200, `for ${person}`])
      }
    })

    test.each(unusable)(
      'that returns %s names nobody, so an authorised request is bypassed',
      async (_name, identity) => {
        const { askAs } = await keyed()
        for (const person of ['alice', 'bob']) {
          const got = await askAs(person, identity)
          expect([got.status, got.body.toString(), got.headers['x-cache']]).toEqual([200, `for ${person}`, 'BYPASS'])
        }
      },
    )

    test('that throws is a bypass with the reason key-error', async () => {
      const key = () => {
        throw new Error('no session store')
      }
      const handler = counted((_req, res, run) => res.send(`run ${run}`))
      const app = await serve(express().get('/movie', testCache().cacheApi({ key }), handler))
      for (const run of [1, 2]) {
        const got = await ask(app, '/movie')
        expect([got.status, got.body.toString()]).toEqual([200, `run ${run}`])
        expect(cacheStatus(got)).toMatchObject({ fwd: 'bypass', detail: 'key-error' })
      }
    })

    test.each([
      ['a text', 'alice', 'bob'],
      ['a number', 1, 2],
      ['a list', ['alice', 1], ['alice', 2]],
      ['an object', { id: 1, role: 'user' }, { id: 2, role: 'user' }],
    ])('that returns %s gives each person a hit of their own', async (_name, alice, bob) => {
      const { askAs, handler } = await keyed()
      for (const state of ['MISS', 'HIT']) {
        for (const [person, identity] of [
          ['alice', alice],
          ['bob', bob],
        ] as const) {
          const got = await askAs(person, identity)
          expect([got.body.toString(), got.headers['x-cache']]).toEqual([`for ${person}`, state])
        }
      }
      expect(handler.calls).toBe(2)
    })
  })

  describe('a body that is not what JSON makes', () => {
    async function parsedAs() {
      const current = { body: undefined as unknown, name: '' }
      const setBody: RequestHandler = (req, _res, next) => {
        req.body = current.body
        next()
      }
      const answer: RequestHandler = (_req, res) => void res.send(`seen ${current.name}`)
      const app = await serve(express().post('/movie', express.json(), setBody, testCache().cacheApi(), answer))
      return (name: string, body: unknown) => {
        Object.assign(current, { name, body })
        return postJson(app, '/movie', {})
      }
    }

    test.each(oddPairs)('%s: two of them get two answers', async (_name, one, other) => {
      const postAs = await parsedAs()
      for (const [name, body] of [
        ['one', one],
        ['other', other],
        ['one', one],
      ] as const) {
        const got = await postAs(name, { inside: body })
        expect([got.status, got.body.toString()]).toEqual([200, `seen ${name}`])
      }
    })

    test.each(unusable.slice(2))('%s is bypassed', async (_name, body) => {
      const postAs = await parsedAs()
      for (const name of ['one', 'other']) {
        const got = await postAs(name, { inside: body })
        expect([got.status, got.body.toString(), got.headers['x-cache']]).toEqual([200, `seen ${name}`, 'BYPASS'])
      }
    })
  })

  describe('a large JSON body', () => {
    const shapes: [string, (n: number) => string][] = [
      ['nested lists', n => '['.repeat(n) + ']'.repeat(n)],
      ['nested objects', n => '{"a":'.repeat(n) + '1' + '}'.repeat(n)],
      ['a wide list', n => `[${Array.from({ length: n }, (_, i) => i).join(',')}]`],
      ['a wide object', n => `{${Array.from({ length: n }, (_, i) => `"k${i}":${i}`).join(',')}}`],
      ['many small objects', n => `[${Array.from({ length: n }, (_, i) => `{"k":${i}}`).join(',')}]`],
      [
        'film records',
        n => JSON.stringify(Array.from({ length: n / 10 + 1 }, (_, id) => ({ id, title: `Film ${n}`, rating: 7 }))),
      ],
      ['one long text', n => JSON.stringify('x'.repeat(n * 5))],
      ['one long field name', n => `{${JSON.stringify('x'.repeat(n * 5))}:1}`],
    ]

    async function receiving() {
      const keep = (req: unknown, _res: unknown, bytes: Buffer) => void ((req as RawRequest).raw = bytes)
      const app = express()
      app.use(express.json({ limit: '10mb', strict: false, verify: keep }))
      app.post('/movie', testCache().cacheApi(), (req: RawRequest, res) => void res.send(sha256(req.raw!)))
      const served = await serve(app)
      return (body: string) =>
        ask(served, '/movie', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    }

    test.each(shapes)('of %s never gets the answer of one that is longer by one', async (_name, shape) => {
      const post = await receiving()
      for (const few of [10, 200, 2_000, 20_000]) {
        for (const size of [few, few + 1, few, few + 1]) {
          const got = await post(shape(size))
          expect([got.status, got.body.toString()]).toEqual([200, sha256(shape(size))])
        }
      }
    })

    test('of a hundred thousand levels or fields is bypassed with the reason body-complex', async () => {
      const post = await receiving()
      for (const shape of shapes.slice(0, 4).map(([, make]) => make)) {
        const got = await post(shape(100_000))
        expect(got.body.toString()).toBe(sha256(shape(100_000)))
        expect(cacheStatus(got)).toMatchObject({ fwd: 'bypass', detail: 'body-complex' })
      }
    })

    proof('how long the key of a 100 KB body takes', async () => {
      const route = testCache().cacheApi()
      const times: string[] = []
      const app = express()
      app.post('/movie', express.json({ limit: '10mb', strict: false }), (req, res) => {
        const started = process.hrtime.bigint()
        const keyed = route.key(req) !== undefined
        times.push(
          `${(Number(process.hrtime.bigint() - started) / 1e6).toFixed(2)} ms, ${keyed ? 'keyed' : 'bypassed'}`,
        )
        res.end()
      })
      const served = await serve(app)
      for (const [name, shape] of shapes) {
        // The size of a shape grows evenly with n: two probes give its bytes per step.
        const n = Math.round(100_000 / ((shape(20_000).length - shape(10_000).length) / 10_000))
        for (let i = 0; i < 5; i++) {
          await ask(served, '/movie', {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: shape(n),
          })
        }
        console.log(`${name}, ${shape(n).length} bytes: ${times.splice(0).join('; ')}`)
      }
    })
  })
})
