import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Application, RequestHandler } from 'express'
import { expresses } from '../support/express.js'
import { bothSay, bytesOf } from './support.js'

const folder = mkdtempSync(join(tmpdir(), 'reelcache-'))
const poster = join(folder, 'poster.txt')
beforeAll(() => {
  writeFileSync(poster, 'Metropolis, 1927')
  utimesSync(poster, 1_000_000_000, 1_000_000_000)
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Case {
  readonly name: string
  readonly handler: RequestHandler
  /** What the answer has to contain, so that two equal failures are no agreement. */
  readonly says: string
  readonly set?: (app: Application) => unknown
  readonly method?: string
  readonly headers?: Record<string, string>
}

const film = { title: 'Amélie', year: 2001 }
const page = '<h1>Films</h1>'

const bodies: Case[] = [
  { name: 'json', handler: (_, res) => res.json(film), says: 'Content-Type: application/json; charset=utf-8' },
  {
    name: 'json as the settings want it',
    set: app => app.set('json spaces', 2).set('json escape', true).set('json replacer', ['title']),
    handler: (_, res) => res.json({ title: '<M>', year: 1931 }),
    says: '{\n  "title": "\\u003cM\\u003e"\n}',
  },
  {
    name: 'jsonp',
    handler: (_, res) => res.jsonp(film),
    says: "/**/ typeof show === 'function' && show({",
  },
  { name: 'send with text', handler: (_, res) => res.send(page), says: `text/html; charset=utf-8` },
  { name: 'send with bytes', handler: (_, res) => res.send(Buffer.of(0, 255)), says: 'application/octet-stream' },
  { name: 'send with an object', handler: (_, res) => res.send(film), says: '"year":2001' },
  { name: 'send with nothing', handler: (_, res) => res.send(), says: 'Content-Length: 0' },
  { name: 'end', handler: (_, res) => res.end('bare'), says: 'bare' },
  { name: 'sendFile', handler: (_, res) => res.sendFile(poster), says: 'Last-Modified: Sun, 09 Sep 2001' },
  {
    name: 'sendFile with a range',
    handler: (_, res) => res.sendFile(poster),
    headers: { Range: 'bytes=12-15' },
    says: 'Content-Range: bytes 12-15/16',
  },
  {
    name: 'sendFile with a range that is not there',
    handler: (_, res) => res.sendFile(poster),
    headers: { Range: 'bytes=99-' },
    says: '416 Range Not Satisfiable',
  },
  {
    name: 'sendFile of a missing file',
    handler: (_, res) => res.sendFile('missing.txt', { root: folder }),
    says: '404 Not Found',
  },
  {
    name: 'sendFile that calls back',
    handler: (_, res) =>
      res.sendFile('missing.txt', { root: folder }, error => res.json({ missing: error instanceof Error })),
    says: '{"missing":true}',
  },
  {
    name: 'download',
    handler: (_, res) => res.download(poster, 'plakat ł.txt'),
    says: "filename*=UTF-8''plakat%20%C5%82.txt",
  },
  {
    name: 'render',
    set: app => {
      writeFileSync(join(folder, 'film.tiny'), 'by')
      app.engine('tiny', (_path, options, done) => {
        const { lead, app: its } = options as Record<string, unknown>
        done(null, `${String(lead)} of ${String(its)}`)
      })
      app.set('views', folder).set('view engine', 'tiny').locals['app'] = 'the app'
    },
    handler: (_, res) => {
      res.locals['lead'] = 'Brigitte Helm'
      res.render('film')
    },
    says: 'Brigitte Helm of the app',
  },
  {
    name: 'render of a missing view',
    set: app => app.set('views', folder).engine('tiny', (_path, _options, done) => done(null, '')),
    handler: (_, res) => res.render('missing.tiny'),
    says: 'Failed to lookup view',
  },
]

const heads: Case[] = [
  { name: 'status', handler: (_, res) => res.status(201).send('made'), says: '201 Created' },
  { name: 'sendStatus', handler: (_, res) => res.sendStatus(418), says: "418 I'm a Teapot" },
  { name: 'an answer without a body', handler: (_, res) => res.status(204).json(film), says: '204 No Content' },
  { name: 'type', handler: (_, res) => res.type('png').send('-'), says: 'Content-Type: image/png' },
  { name: 'set and get', handler: (_, res) => res.set('X-A', '1').send(res.get('x-a')), says: 'X-A: 1' },
  { name: 'header', handler: (_, res) => res.header({ 'X-A': '1', 'X-B': '2' }).end(), says: 'X-B: 2' },
  {
    name: 'append',
    handler: (_, res) => res.append('Warning', 'one').append('Warning', ['two', 'three']).end(),
    says: 'Warning: three',
  },
  { name: 'vary', handler: (_, res) => res.vary('Accept').vary('Origin').end(), says: 'Vary: Accept, Origin' },
  {
    name: 'links',
    handler: (_, res) => res.links({ next: '/films?page=2', last: '/films?page=9' }).end(),
    says: 'Link: </films?page=2>; rel="next", </films?page=9>; rel="last"',
  },
  { name: 'location', handler: (_, res) => res.location('/films/ä').end(), says: 'Location: /films/%C3%A4' },
  { name: 'redirect', handler: (_, res) => res.redirect('/films'), says: 'Found. Redirecting to /films' },
  {
    name: 'redirect with a page',
    handler: (_, res) => res.redirect(301, '/films'),
    headers: { Accept: 'text/html' },
    says: '<p>Moved Permanently. Redirecting to',
  },
  {
    name: 'cookie',
    handler: (_, res) => res.cookie('seat', { row: 7 }, { httpOnly: true, path: '/films', sameSite: 'lax' }).end(),
    says: 'Set-Cookie: seat=j%3A%7B%22row%22%3A7%7D; Path=/films; HttpOnly; SameSite=Lax',
  },
  {
    name: 'cookie that is signed',
    handler: (req, res) => {
      Object.assign(req, { secret: 'rosebud' })
      res.cookie('seat', '7', { signed: true }).end()
    },
    says: 'Set-Cookie: seat=s%3A7.',
  },
  {
    name: 'clearCookie',
    handler: (_, res) => res.clearCookie('seat').end(),
    says: 'Set-Cookie: seat=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
  },
  {
    name: 'attachment',
    handler: (_, res) => res.attachment('poster.png').send('-'),
    says: 'Content-Disposition: attachment; filename=',
  },
  {
    name: 'format',
    handler: (_, res) => res.format({ text: () => res.send('as text'), json: () => res.json(film) }),
    headers: { Accept: 'application/json;q=0.5, text/plain;q=0.4' },
    says: 'Vary: Accept',
  },
  {
    name: 'format that has none',
    handler: (_, res) => res.format({ json: () => res.json(film) }),
    headers: { Accept: 'image/png' },
    says: '406 Not Acceptable',
  },
  {
    name: 'an answer without the name of Express',
    set: app => app.disable('x-powered-by'),
    handler: (_, res) => res.json(res.getHeaderNames()),
    says: '200 OK\r\nContent-Type: application/json; charset=utf-8\r\n',
  },
  { name: 'writeHead', handler: (_, res) => res.writeHead(202, 'Queued', { 'X-A': '1' }).end(), says: '202 Queued' },
  { name: 'statusMessage', handler: (_, res) => ((res.statusMessage = 'Fine'), res.end()), says: '200 Fine' },
  {
    name: 'chunks',
    handler: (_, res) => (res.write('reel one, '), res.write('reel two'), res.end()),
    says: 'a\r\nreel one, \r\n8\r\nreel two\r\n0\r\n\r\n',
  },
  {
    name: 'flushHeaders',
    handler: (_, res) => (res.set('X-A', '1').flushHeaders(), res.end(String(res.headersSent))),
    says: '4\r\ntrue\r\n',
  },
  {
    name: 'early hints',
    handler: (_, res) => (res.writeEarlyHints({ link: '</poster.png>; rel=preload' }), res.end()),
    says: 'HTTP/1.1 103 Early Hints\r\nLink: </poster.png>; rel=preload\r\n\r\nHTTP/1.1 200 OK',
  },
  {
    name: 'trailers',
    handler: (_, res) => (
      res.set('Trailer', 'X-Length').write('reel'),
      res.addTrailers({ 'X-Length': '4' }),
      res.end()
    ),
    says: '0\r\nX-Length: 4\r\n\r\n',
  },
]

const conditions: Case[] = [
  { name: 'a weak tag', handler: (_, res) => res.send(page), says: 'ETag: W/"' },
  { name: 'a strong tag', set: app => app.set('etag', 'strong'), handler: (_, res) => res.send(page), says: 'ETag: "' },
  {
    name: 'a tag of its own kind',
    set: app => app.set('etag', (body: Buffer) => `"${body.length}"`),
    handler: (_, res) => res.send(page),
    says: 'ETag: "14"',
  },
  {
    name: '304 to the same tag',
    handler: (_, res) => res.set('ETag', '"a"').send(page),
    headers: { 'If-None-Match': '"a"' },
    says: '304 Not Modified',
  },
  {
    name: '304 to the same date',
    handler: (_, res) => res.sendFile(poster),
    headers: { 'If-Modified-Since': 'Sun, 09 Sep 2001 01:46:40 GMT' },
    says: '304 Not Modified',
  },
  {
    name: '412 to another tag',
    handler: (_, res) => res.sendFile(poster),
    headers: { 'If-Match': '"another"' },
    says: '412 Precondition Failed',
  },
  { name: 'HEAD to send', handler: (_, res) => res.send(page), method: 'HEAD', says: 'Content-Length: 14' },
  { name: 'HEAD to sendFile', handler: (_, res) => res.sendFile(poster), method: 'HEAD', says: 'Content-Length: 16' },
]

describe.each(expresses)('%s answers byte for byte the same through createServer', (_, express) => {
  const appOf = ({ set, handler }: Case): Application => {
    const app = express()
    set?.(app)
    return app.get('/films', handler)
  }

  describe.each([
    ['with the body of', bodies],
    ['with the head of', heads],
    ['with', conditions],
  ])('%s', (_part, cases) => {
    it.each(cases)('$name', async it => {
      const request = bytesOf(it.method ?? 'GET', '/films?callback=show', it.headers)
      const { plain, ours } = await bothSay(() => appOf(it), request)
      expect(plain).toContain(it.says)
      expect(ours).toBe(plain)
    })
  })
})
