import { execFileSync } from 'node:child_process'
import http, { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import express, { type Application, type Express, type Request, type Response } from 'express'
import { createSecureServer, createServer } from '../lib/index.js'
import { expresses } from './support/express.js'
import { listening } from './support/server.js'
import { both, bytesOf, lines, makers, said } from './server/support.js'

describe.each(expresses)('createServer with an app of %s', (_, framework) => {
  /** Whether a request and its response have the prototypes of the app, when it gets them from the server. */
  async function arrivals(make: (app: Application) => http.Server): Promise<boolean[]> {
    const app = framework().get('/', (_req, res) => res.end())
    const found: boolean[] = []
    const entered = app as unknown as { handle: (req: Request, res: Response, done?: unknown) => void }
    const { handle } = entered
    entered.handle = function (req, res, done) {
      found.push(Object.getPrototypeOf(req) === app.request, Object.getPrototypeOf(res) === app.response)
      handle.call(this, req, res, done)
    }
    await said(await listening(make(app)), bytesOf('GET', '/'))
    return found
  }

  it('gives it requests and responses that have its prototypes already', async () => {
    const { plain, ours } = await both(arrivals)
    // From Node 24 on there is nothing to win, and the server is Node's own.
    const isBorn = Number.parseInt(process.versions.node) < 24
    expect(ours).toEqual([isBorn, isBorn])
    expect(plain).toEqual([false, false])
  })

  it.each(makers)('gives its handlers objects of the classes of Node, as %s does', async (_name, serverOf) => {
    const app: Express = framework().get('/', (req, res) =>
      res.json([
        req instanceof IncomingMessage && res instanceof ServerResponse,
        Object.getPrototypeOf(req) === app.request && Object.getPrototypeOf(res) === app.response,
        req.constructor === IncomingMessage && res.constructor === ServerResponse,
      ]),
    )
    expect(await said(await listening(serverOf(app)), bytesOf('GET', '/'))).toMatch(/\[true,true,true\]$/)
  })

  it('gives its handlers objects with the same properties of their own, in the same order', async () => {
    const { plain, ours } = await both(async serverOf => {
      const app = framework().get('/', (req, res) => res.json([req, res].map(it => Reflect.ownKeys(it).map(String))))
      return said(await listening(serverOf(app)), bytesOf('GET', '/'))
    })
    expect(plain).toContain('"_readableState"')
    expect(ours).toBe(plain)
  })
})

/** Whether V8 keeps these as objects whose properties it finds at once: a server's requests and responses, and a dictionary for comparison. */
const areFast = `
const express = require('express')
const { createServer } = require('./dist/cjs/index.js')
const fast = it => %HasFastProperties(it)
const app = express().get('/', (req, res) => res.json([req, res, Object.create(null)].map(fast)))
const server = createServer(app).listen(0, async () => {
  const answer = await fetch('http://localhost:' + server.address().port)
  console.log(await answer.text())
  server.close()
  server.closeAllConnections()
})
`

it('gives an app no requests and responses that V8 keeps as dictionaries', () => {
  const args = ['--allow-natives-syntax', '-e', areFast]
  const said = execFileSync(process.execPath, args, { cwd: join(__dirname, '..'), encoding: 'utf8' })
  expect(said.trim()).toBe('[true,true,false]')
})

describe('the options of createServer', () => {
  const twice = (name: string): string[] => [`${name}: 1`, `${name}: 2`]
  const asked = (...more: string[]): string =>
    lines('GET / HTTP/1.1', 'Host: films.example', 'Connection: close', ...more, '', '')
  const lasting = lines('GET / HTTP/1.1', 'Host: films.example', '', bytesOf('GET', '/'))

  it.each<[keyof http.ServerOptions, unknown, string, string]>([
    ['maxHeaderSize', 100, asked(`X-Long: ${'x'.repeat(200)}`), '431 Request Header Fields Too Large'],
    ['keepAliveTimeout', 9000, lasting, 'Keep-Alive: timeout=9'],
    ['requireHostHeader', false, lines('GET / HTTP/1.1', 'Connection: close', '', ''), '200 OK'],
    ['joinDuplicateHeaders', true, asked(...twice('Age')), '"age":"1, 2"'],
    ['uniqueHeaders', ['x-parts'], asked(), 'X-Parts: one; two'],
    ['insecureHTTPParser', true, asked('X-Control: \x01'), '"x-control":"\\u0001"'],
    ['rejectNonStandardBodyWrites', true, asked().replace('GET', 'HEAD'), 'refused'],
    ['highWaterMark', 12_345, asked(), '"mark":12345'],
  ])('%s is that of http.createServer', async (option, value, bytes, says) => {
    const run = (options?: http.ServerOptions) =>
      both(async serverOf => {
        const app = express().use(({ method, headers }, res) => {
          res.set('X-Parts', ['one', 'two'])
          if (method !== 'HEAD') return res.json({ ...headers, mark: res.writableHighWaterMark })
          try {
            res.write('a body')
            res.end()
          } catch {
            res.socket!.end('refused')
          }
        })
        return said(await listening(serverOf(app, options)), bytes)
      })
    const without = await run()
    const { plain, ours } = await run({ [option]: value })
    expect(without.plain).not.toContain(says)
    expect(without.ours).toBe(without.plain)
    expect(plain).toContain(says)
    expect(ours).toBe(plain)
  })

  it('may have classes for requests and responses, which are taken as http.createServer takes them', async () => {
    class Numbered extends IncomingMessage {
      readonly number = 7
    }
    class Named extends ServerResponse {
      readonly title = 'Metropolis'
    }
    const { plain, ours } = await both(async serverOf => {
      const app = express().get('/', (req, res) =>
        res.json([(req as unknown as Numbered).number, (res as unknown as Named).title]),
      )
      const server = serverOf(app, { IncomingMessage: Numbered, ServerResponse: Named as typeof ServerResponse })
      return said(await listening(server), bytesOf('GET', '/'))
    })
    expect(plain).toMatch(/\[7,"Metropolis"\]$/)
    expect(ours).toBe(plain)
  })
})

describe.each([
  ['createServer', (app: unknown) => createServer(app as Express)],
  ['createSecureServer', (app: unknown) => createSecureServer(app as Express, {})],
])('%s', (_, make) => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['the options alone', { keepAliveTimeout: 1 }],
    ['a listener', () => undefined],
    ['a router', express.Router()],
    ['a server', http.createServer()],
    ['express that was not called', express],
  ])('refuses %s', (_name, value) => {
    const code = 'ERR_REELCACHE_INVALID_APP'
    expect(() => make(value)).toThrow(expect.objectContaining({ name: 'ReelcacheError', code }))
  })

  it.each(expresses)('takes an app of %s', (_name, framework) => {
    expect(() => make(framework())).not.toThrow()
  })
})
