import type { Request } from 'express'
import fc from 'fast-check'
import { keyOf, type RequestKey } from '../../lib/http/key.js'
import { KnownKeys } from '../../lib/http/known-keys.js'
import { Policy } from '../../lib/http/policy.js'
import { askedBy, type Asked } from '../../lib/http/asked.js'
import { resolveOptions, resolveRoute, type RouteOptions } from '../../lib/options.js'

const { profiles } = resolveOptions()
const policyOf = (options?: RouteOptions): Policy => new Policy(resolveRoute(profiles.api, options))

interface Question {
  readonly method: string
  readonly url: string
  readonly baseUrl: string
  readonly rewrittenTo: string | undefined
  readonly params: Record<string, string>
  readonly headers: Record<string, string>
  readonly isEncrypted: boolean
  readonly body: unknown
  readonly policy: number
  readonly isHit: boolean
}

const askFor = ({ method, url, baseUrl, rewrittenTo, params, headers, isEncrypted, body }: Question): Asked =>
  askedBy({
    ...{ method, params, headers, body, originalUrl: baseUrl + url, url: rewrittenTo ?? url, baseUrl },
    ...{ socket: { encrypted: isEncrypted }, protocol: headers['x-forwarded-proto'] ?? 'http' },
    app: { get: () => () => true },
  } as unknown as Request)

/** The key of a request for which there is an answer. */
function hit(keys: KnownKeys, question: Question, policy: Policy): RequestKey | string {
  const key = keys.keyOf(askFor(question), 'api', policy)
  if (typeof key !== 'string') keys.remember(key)
  return key
}

const oneOf = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values)

/** Few values of everything, so that requests often differ in one thing alone. */
const asked: fc.Arbitrary<Question> = fc.record({
  method: oneOf('GET', 'GET', 'HEAD', 'POST'),
  url: oneOf('/movies/603', '/movies/603?page=2', '/movies?movieId=7', '/search?q=a', `/long?q=${'x'.repeat(300)}`),
  baseUrl: oneOf('', '', '/api'),
  rewrittenTo: oneOf(undefined, undefined, '/elsewhere'),
  params: oneOf<Record<string, string>>({}, { movieId: '603' }, { id: '603' }, { movieId: '604' }),
  headers: oneOf<Record<string, string>>(
    { host: 'a.example' },
    { host: 'a.example', 'accept-language': 'fr' },
    { host: 'b.example' },
    { host: 'a.example', 'x-forwarded-host': 'c.example' },
    { host: 'a.example', 'x-forwarded-proto': 'https' },
  ),
  isEncrypted: fc.boolean(),
  body: oneOf<unknown>(undefined, {}, { movieId: 5 }),
  policy: fc.nat(3),
  isHit: fc.boolean(),
})

describe('known keys', () => {
  it('are what would be made anew, whatever was asked before', () => {
    fc.assert(
      fc.property(fc.array(asked, { minLength: 2, maxLength: 30 }), all => {
        const keys = new KnownKeys()
        const policies = [
          policyOf(),
          policyOf({ query: { ignore: ['page'] } }),
          policyOf({ vary: ['Accept-Language'] }),
          policyOf({ movieId: () => 9 }),
        ]
        for (const one of all) {
          const policy = policies[one.policy]!
          const key = one.isHit ? hit(keys, one, policy) : keys.keyOf(askFor(one), 'api', policy)
          expect(key).toEqual(keyOf(askFor(one), 'api', policy.route))
        }
      }),
      { numRuns: 500 },
    )
  })

  const plain: Question = {
    ...{ method: 'GET', url: '/movies/603', baseUrl: '', rewrittenTo: undefined, params: { movieId: '603' } },
    ...{ headers: { host: 'a.example' }, isEncrypted: false, body: undefined, policy: 0, isHit: true },
  }

  const search: Question = { ...plain, url: '/search?page=2', params: {} }

  it.each<[string, Question, Partial<Question>]>([
    ['the host', plain, { headers: { host: 'b.example' } }],
    ['the protocol', plain, { isEncrypted: true }],
    ['movieId in the path', plain, { params: { movieId: '604' } }],
    ['id in the path', { ...plain, params: { id: '603' } }, { params: { id: '604' } }],
    ['a movie in the body', search, { body: { movieId: 5 } }],
    ['no movie in the body', { ...search, body: { movieId: 5 } }, { body: undefined }],
    ['the route', search, { policy: 1 }],
    ['where it was sent', plain, { rewrittenTo: '/elsewhere' }],
    ['a host that a proxy names', plain, { headers: { host: 'a.example', 'x-forwarded-host': 'c.example' } }],
  ])('are told apart by %s', (_, one, difference) => {
    const keys = new KnownKeys()
    const policies = [policyOf(), policyOf({ query: { ignore: ['page'] } })]
    const other = { ...one, ...difference }
    const [first, second] = [one, other].map(it => hit(keys, it, policies[it.policy]!))
    expect(second).toEqual(keyOf(askFor(other), 'api', policies[other.policy]!.route))
    expect(second).not.toEqual(first)
  })

  it('are made once', () => {
    const [keys, policy] = [new KnownKeys(), policyOf()]
    const first = hit(keys, plain, policy)
    expect(keys.keyOf(askFor(plain), 'api', policy)).toBe(first)
    expect(keys.keyOf(askFor({ ...plain, method: 'HEAD' }), 'api', policy)).toBe(first)
  })

  it('are not remembered where there is no answer, or where another was made meanwhile', () => {
    const [keys, policy] = [new KnownKeys(), policyOf()]
    const first = keys.keyOf(askFor(plain), 'api', policy) as RequestKey
    const second = keys.keyOf(askFor(plain), 'api', policy)
    expect(second).not.toBe(first)
    keys.remember(first)
    expect(keys.keyOf(askFor(plain), 'api', policy)).not.toBe(second)
  })

  it('are bounded, whatever URLs a stranger makes up', () => {
    const [keys, policy] = [new KnownKeys(), policyOf()]
    const first = hit(keys, plain, policy)
    for (let page = 0; page < 4_095; page++) hit(keys, { ...plain, url: `/movies/603?page=${page}` }, policy)
    expect(keys.keyOf(askFor(plain), 'api', policy)).toBe(first)
    const oneMore = { ...plain, url: '/movies/603?one=more' }
    expect(hit(keys, oneMore, policy)).not.toBe(hit(keys, oneMore, policy))
    expect(keys.keyOf(askFor(plain), 'api', policy)).toBe(first)
    const long = { ...plain, url: `/movies/603?${'x'.repeat(300)}` }
    expect(hit(keys, long, policy)).not.toBe(hit(keys, long, policy))
  })

  it('make room for others that are hit again and again', () => {
    const [keys, policy] = [new KnownKeys(), policyOf()]
    const first = hit(keys, plain, policy)
    for (let page = 0; page < 4_095; page++) hit(keys, { ...plain, url: `/movies/603?page=${page}` }, policy)
    const other = { ...plain, url: '/movies/604' }
    let hits = 0
    while (hit(keys, other, policy) !== keys.keyOf(askFor(other), 'api', policy)) hits++
    expect(hits).toBe(65_535)
    expect(keys.keyOf(askFor(plain), 'api', policy)).not.toBe(first)
  })
})
