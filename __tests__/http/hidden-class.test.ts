import { execFileSync } from 'node:child_process'
import http from 'node:http'
import { join } from 'node:path'
import { createCache, createServer } from '../../lib/index.js'
import { expresses } from '../support/express.js'
import { listening } from '../support/server.js'
import { bytesOf, said } from '../server/support.js'

/**
 * Asks apps twice on each path, and says for how many of them V8 keeps what the handler got as of one kind, and with properties it finds at
 * once. Several, because V8 has places for 64 kinds of dictionaries: by chance, a request's and its response's may have to share one.
 */
const kinds = (framework: string): string => `
const { once } = require('node:events')
const { connect } = require('node:net')
const express = require('${framework}')
const { createCache, createServer } = require('./dist/cjs/index.js')
const sameKind = (one, other) => %HaveSameMap(one, other)
const isFast = it => %HasFastProperties(it)
const seen = []
const handler = (req, res) => {
  seen.push([req, res])
  res.json({})
}
const routes = () => {
  const { cacheApi } = createCache({ tts: { fileCache: false } })
  return express().get('/plain/:id', handler).get('/cached/:id', cacheApi(), handler)
}
async function ask(server, path) {
  // At once, and not by fetch: what makes dictionaries in between may take their places.
  await Promise.all([1, 2].map(id => {
    const socket = connect(server.address().port)
    socket.end('GET ' + path + '/' + id + ' HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n')
    return once(socket.resume(), 'close')
  }))
  const [[req, res], [otherReq, otherRes]] = seen.splice(0)
  return [sameKind(req, otherReq), sameKind(res, otherRes), isFast(req), isFast(res)]
}
async function main() {
  const found = {}
  const servers = { listen: app => app.listen(0), createServer: app => createServer(app).listen(0) }
  for (const [name, listen] of Object.entries(servers)) {
    for (let left = ${APPS}; left > 0; left--) {
      const server = listen(routes().use('/mounted', routes()))
      await new Promise(resolve => server.once('listening', resolve))
      for (const path of ['/plain', '/cached', '/mounted/plain', '/mounted/cached']) {
        const counts = (found[name + ' ' + path] ??= [0, 0, 0, 0])
        for (const [at, is] of (await ask(server, path)).entries()) counts[at] += is
      }
      server.close()
      server.closeAllConnections()
    }
  }
  console.log(JSON.stringify(found))
}
main()
`

const APPS = 8
const MOST = 5

const inWords = (count: number): string => (count >= MOST ? 'yes' : count === 0 ? 'no' : String(count))

describe.each([
  ['Express 5', 'express'],
  ['Express 4', 'express4'],
])('requests and responses of %s', (_, framework) => {
  it('are of a kind that V8 knows again behind a cache, and are left alone where they are that already', () => {
    const args = ['--allow-natives-syntax', '-e', kinds(framework)]
    const options = { cwd: join(__dirname, '../..'), encoding: 'utf8', timeout: 60_000 } as const
    const counts = JSON.parse(execFileSync(process.execPath, args, options)) as Record<string, number[]>
    const found = Object.fromEntries(Object.entries(counts).map(([name, each]) => [name, each.map(inWords)]))
    const known = ['yes', 'yes', 'yes', 'yes']
    const unknown = ['no', 'no', 'yes', 'yes']
    const dictionaries = ['yes', 'yes', 'no', 'no']
    // On a miss the request gets accessors, which see what the handler reads: both are still of one kind.
    const watched = ['yes', 'yes', 'no', 'yes']
    const upToNode22 = {
      'listen /plain': unknown,
      'listen /cached': dictionaries,
      'listen /mounted/plain': unknown,
      'listen /mounted/cached': dictionaries,
      'createServer /plain': known,
      'createServer /cached': watched,
      'createServer /mounted/plain': unknown,
      'createServer /mounted/cached': dictionaries,
    }
    const isCostly = Number.parseInt(process.versions.node) < 24
    const onwards = Object.fromEntries(
      Object.keys(upToNode22).map(name => [name, name.endsWith('/cached') ? watched : known]),
    )
    expect(found).toEqual(isCostly ? upToNode22 : onwards)
  })
})

/** What a miss puts on a response to see what becomes of it, and on a request to see what is read. */
const PUT_ON = [
  ...['writeHead', 'write', 'end', 'flushHeaders', '_storeHeader'],
  ...['Symbol(kHeadersDistinct)', 'Symbol(reelcache.watched)', 'Symbol(reelcache.outer)', 'params'],
  ...['authority', 'scheme', 'host', 'hostname'],
  ...['httpVersion', 'httpVersionMajor', 'httpVersionMinor', 'ip', 'ips', 'protocol', 'secure'],
]

describe.each(expresses)('what a handler of %s gets', (_, framework) => {
  it.each([
    ['http.createServer', http.createServer],
    ['createServer', createServer],
  ])('has the same properties of its own behind a cache as without one, with %s', async (_name, serverOf) => {
    const cache = createCache({ tts: { fileCache: false } })
    const own = (it: object): object =>
      Reflect.ownKeys(it)
        .map(String)
        .filter(name => !PUT_ON.includes(name))
        .map(name => {
          const { value: __, ...attributes } = Object.getOwnPropertyDescriptor(it, name) ?? {}
          return { name, ...attributes }
        })
        .sort((one, other) => (one.name < other.name ? -1 : 1))
    const app = framework()
      .get('/plain', (req, res) => res.json([own(req), own(res)]))
      .get('/cached', cache.cacheApi(), (req, res) => res.json([own(req), own(res)]))
    const server = await listening(serverOf(app))
    const [plain, cached] = [
      await said(server, bytesOf('GET', '/plain')),
      await said(server, bytesOf('GET', '/cached')),
    ]
    const bodyOf = (answer: string): unknown => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))
    expect(bodyOf(cached)).toEqual(bodyOf(plain))
    expect(bodyOf(plain)).toContainEqual(expect.arrayContaining([expect.objectContaining({ name: 'sendDate' })]))
    await cache.close()
  })
})
