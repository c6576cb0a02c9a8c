import { startLocalDemo, type Demo } from './support/demo.js'

const movie = '/api/movies/the-dark-knight-2008'
const intent = { 'X-Requested-With': 'reelcache' }

describe('the page of the cache', () => {
  let demo: Demo
  beforeEach(async () => {
    demo = await startLocalDemo()
  })
  afterEach(() => demo.close())

  it('is where the page of the films says', async () => {
    const { body } = await demo.get('/')
    const [, address] = /<a href="(cache[^"]*)"/.exec(body.toString())!
    const page = await demo.get(`/${address!}`)
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  })

  it('counts what the routes do, and purges a film and no other', async () => {
    const outcomeOf = async (path: string): Promise<string | null> => (await demo.get(path)).headers.get('x-cache')
    const other = '/api/movies/toy-story-1995'
    for (const path of [movie, other]) await demo.get(path)
    expect([await outcomeOf(movie), await outcomeOf(other)]).toEqual(['HIT', 'HIT'])
    const stats = JSON.parse((await demo.get('/cache/stats')).body.toString())
    expect(stats).toMatchObject({ hits: 2, misses: 2, entries: 2 })
    const purged = await demo.post('/cache/purge', { movie: 'the-dark-knight-2008' }, intent)
    expect([purged.status, JSON.parse(purged.body.toString())]).toEqual([200, { purged: 1 }])
    expect([await outcomeOf(movie), await outcomeOf(other)]).toEqual(['MISS', 'HIT'])
  })
})

describe('who may see it', () => {
  // As a socket says it, on a server that listens on both IPv4 and IPv6 too.
  it.each([
    ['127.0.0.1', 200],
    ['127.8.0.1', 200],
    ['::1', 200],
    ['::ffff:127.0.0.1', 200],
    ['192.168.1.20', 403],
    ['::ffff:192.168.1.20', 403],
    ['2001:db8::1', 403],
    ['::ffff:10.127.0.0', 403],
    ['1::1', 403],
    [undefined, 403],
  ])('comes from %s: %d', async (address, status) => {
    const demo = await startLocalDemo({
      front: ({ socket }, _res, next) => {
        Object.defineProperty(socket, 'remoteAddress', { value: address, configurable: true })
        next()
      },
    })
    const statuses = [(await demo.get('/cache/')).status, (await demo.get('/cache/stats')).status]
    await demo.close()
    expect(statuses).toEqual([status, status])
  })

  it('is not told by what a client writes', async () => {
    const demo = await startLocalDemo({
      front: ({ socket }, _res, next) => {
        Object.defineProperty(socket, 'remoteAddress', { value: '192.168.1.20', configurable: true })
        next()
      },
    })
    const headers = { 'X-Forwarded-For': '127.0.0.1', Forwarded: 'for=127.0.0.1', ...intent }
    const { status } = await demo.post('/cache/purge', { all: true }, headers)
    await demo.close()
    expect(status).toBe(403)
  })
})
