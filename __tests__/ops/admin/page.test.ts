import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import type { RequestHandler } from 'express'
import helmet from 'helmet'
import { Assets } from '../../../lib/ops/dashboard/assets.js'
import { testCache } from '../../support/cache.js'
import { ask, exchange } from '../../support/client.js'
import { expresses, type Express } from '../../support/express.js'
import { serve, type Served } from '../../support/server.js'

const directory = join(__dirname, '../../../lib/ops/dashboard/page')
const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  .map(name => name.replaceAll('\\', '/'))
  .filter(name => statSync(join(directory, name)).isFile())
const index = readFileSync(join(directory, 'index.html'))

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

function mounted(express: Express, { at = '/admin', front = [] as RequestHandler[] } = {}): Promise<Served> {
  const cache = testCache()
  const app = express()
  for (const middleware of front) app.use(middleware)
  app.get('/control', (_req, res) => void res.end())
  return serve(app.use(at, cache.adminRouter({ authorize: () => true })))
}

describe.each(expresses)('%s: the page', (_, express) => {
  it('lies at the mount point, allows nothing but its own files, and is asked for anew each time', async () => {
    const answer = await ask(await mounted(express), '/admin/')
    expect([answer.status, answer.body.equals(index)]).toEqual([200, true])
    expect(answer.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': expect.stringMatching(/^default-src 'none'; script-src 'self'; style-src 'self'; /),
      'cache-control': 'private, no-cache',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      etag: expect.stringMatching(/^"[\w-]{43}"$/),
    })
  })

  it.each(files)('has its file %s beside it, byte for byte', async name => {
    const answer = await ask(await mounted(express), `/admin/${name}`)
    expect([answer.status, answer.headers['content-type']]).toEqual([200, TYPES[extname(name)]])
    expect(answer.body.equals(readFileSync(join(directory, name)))).toBe(true)
  })

  it('is not sent again to whoever has it', async () => {
    const server = await mounted(express)
    const { headers } = await ask(server, '/admin/')
    const askedWith = async (etag: string): Promise<number> =>
      (await ask(server, '/admin/', { headers: { 'If-None-Match': etag } })).status
    expect([await askedWith(headers.etag!), await askedWith('"another"')]).toEqual([304, 200])
  })

  it('has no body for HEAD, and the length it would have', async () => {
    const answer = await ask(await mounted(express), '/admin/', { method: 'HEAD' })
    expect([answer.status, answer.body.length]).toEqual([200, 0])
    expect(answer.headers['content-length']).toBe(String(index.length))
  })

  it('keeps the policy of whoever stands in front', async () => {
    const server = await mounted(express, { front: [helmet()] })
    const policy = (await ask(server, '/admin/')).headers['content-security-policy']
    expect(policy).toBe((await ask(server, '/control')).headers['content-security-policy'])
    expect(policy).toContain("script-src 'self'")
  })

  it.each([
    ['/admin', '/admin', 'http://proxy/films/admin/'],
    ['/admin', '/admin?movie=603', 'http://proxy/films/admin/?movie=603'],
    ['/of/the', '/of/the', 'http://proxy/films/of/the/'],
    ['/a:b', '/a:b', 'http://proxy/films/a:b/'],
  ])('mounted at %s is found by %s, whatever a proxy puts in front', async (at, path, expected) => {
    const server = await mounted(express, { at })
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await ask(server, path, { method })
      expect([status, new URL(headers.location!, `http://proxy/films${path}`).href]).toEqual([302, expected])
    }
  })

  it('mounted at / needs no way to it', async () => {
    const server = await mounted(express, { at: '/' })
    const answers = [await ask(server, '/'), await ask(server, '/?movie=603'), await ask(server, '/index.html')]
    expect(answers.map(({ status, body }) => [status, body.equals(index)])).toEqual(Array(3).fill([200, true]))
  })

  it('leads to no other host, however it is asked for', async () => {
    const answer = await exchange(
      await mounted(express, { at: '/' }),
      'GET http://evil.example HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    )
    expect(answer.toString()).toMatch(/^Location: \.\//m)
  })

  it.each(['POST', 'PUT', 'DELETE'])('is nothing that %s could change', async method => {
    const server = await mounted(express)
    const headers = { 'X-Requested-With': 'reelcache' }
    for (const path of ['/admin', '/admin/', '/admin/index.html']) {
      expect((await ask(server, path, { method, headers })).status).toBe(404)
    }
    expect((await ask(server, '/admin/', { method })).status).toBe(403)
  })

  it.each([
    ...['/../live.ts', '/../../dashboard/live.ts', '/%2e%2e/live.ts', '/..%2flive.ts', '/..\\live.ts', '/./index.html'],
    ...['/page', '/vendor', '/vendor/', '/index', '/INDEX.HTML', '/index.html/', '/index.html%00'],
    ...['/__proto__', '/constructor', '/%E0%A4', '/etc/passwd', '//etc/passwd'],
  ])('has nothing else beside it: %s', async path => {
    const server = await mounted(express)
    const { status, body } = await ask(server, `/admin${path}`)
    expect([status, JSON.parse(body.toString())]).toEqual([404, expect.objectContaining({ error: 'not-found' })])
  })
})

describe('the files of the page', () => {
  const root = mkdtempSync(join(tmpdir(), 'reelcache-page-'))
  afterAll(() => rmSync(root, { recursive: true }))

  it('are those of the kinds a page is made of', async () => {
    const dir = join(root, 'kinds')
    mkdirSync(join(dir, 'vendor'), { recursive: true })
    for (const name of ['page.js', 'vendor/font.woff2', 'secret.json', '.env', 'build.mjs']) {
      writeFileSync(join(dir, name), name)
    }
    const assets = new Assets(() => dir)
    const found = ['page.js', 'vendor/font.woff2', 'secret.json', '.env', 'build.mjs'].map(name => assets.get(name))
    expect((await Promise.all(found)).map(asset => asset?.type)).toEqual([
      ...['text/javascript; charset=utf-8', 'font/woff2'],
      ...[undefined, undefined, undefined],
    ])
  })

  it('are looked for again where they were out of reach', async () => {
    const dir = join(root, 'late')
    const assets = new Assets(() => dir)
    expect(await assets.get('index.html')).toBeUndefined()
    mkdirSync(dir)
    writeFileSync(join(dir, 'index.html'), 'here')
    expect((await assets.get('index.html'))?.body.toString()).toBe('here')
  })

  it('are not there where a bundler has left them behind', async () => {
    const assets = new Assets(() => {
      throw new ReferenceError('__dirname is not defined')
    })
    expect(await assets.get('index.html')).toBeUndefined()
  })
})
