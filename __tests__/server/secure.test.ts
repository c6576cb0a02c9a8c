import https from 'node:https'
import type { Application, Express } from 'express'
import { createSecureServer } from '../../lib/index.js'
import { answered, type Answer } from '../support/client.js'
import { expresses } from '../support/express.js'
import { selfSigned } from './certificate.js'
import { listening } from '../support/server.js'

const identity = selfSigned()

type Options = https.ServerOptions

const makers = {
  plain: (app: Application, options: Options = identity) => https.createServer(options, app),
  ours: (app: Application, options: Options = identity) => createSecureServer(app as Express, options),
}

async function ask(server: https.Server): Promise<Answer> {
  const { port } = await listening(server)
  const answer = await answered(
    https.get({ host: '127.0.0.1', port, servername: 'localhost', ca: identity.cert, path: '/films', agent: false }),
  )
  return { ...answer, headers: {}, lines: answer.lines.filter(([name]) => name !== 'date') }
}

describe.each(expresses)('createSecureServer with an app of %s', (_, express) => {
  const make = (): Application => {
    const app: Express = express().get('/films', (req, res) => {
      const isBorn = Object.getPrototypeOf(req) === app.request
      res.json({ isBorn, secure: req.secure, protocol: req.protocol, version: req.httpVersion })
    })
    return app
  }

  it('answers over TLS as https.createServer does', async () => {
    const plain = await ask(makers.plain(make()))
    expect(plain.body.toString()).toBe('{"isBorn":true,"secure":true,"protocol":"https","version":"1.1"}')
    expect(await ask(makers.ours(make()))).toEqual(plain)
  })

  it('gives it requests and responses that have its prototypes already', async () => {
    for (const [serverOf, isBorn] of [
      [makers.ours, true],
      [makers.plain, false],
    ] as const) {
      const app = express()
      const server = serverOf(app)
      const found: boolean[] = []
      server.prependListener('request', (req, res) => {
        found.push(Object.getPrototypeOf(req) === app.request, Object.getPrototypeOf(res) === app.response)
      })
      await ask(server)
      expect(found).toEqual([isBorn, isBorn])
    }
  })

  it('takes the options of https.createServer', async () => {
    const options = { ...identity, maxHeaderSize: 20 }
    const plain = await ask(makers.plain(make(), options))
    expect(plain.status).toBe(431)
    expect(await ask(makers.ours(make(), options))).toEqual(plain)
  })
})
