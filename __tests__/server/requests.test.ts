import type { Application, Request } from 'express'
import { expresses } from '../support/express.js'
import { bothSay, bytesOf } from './support.js'

/** All that Express adds to a request, and what it takes from Node. */
function seen(req: Request): Record<string, unknown> {
  const { ip, ips, protocol, secure, hostname, subdomains, path, query, params, xhr, fresh, stale } = req
  const { method, url, baseUrl, originalUrl, httpVersion, headers, rawHeaders, complete } = req
  return {
    ...{ ip, ips, protocol, secure, hostname, subdomains, path, query, params, xhr, fresh, stale },
    ...{ method, url, baseUrl, originalUrl, httpVersion, headers, rawHeaders, complete },
    referrer: req.get('Referer'),
    accept: req.header('accept'),
    accepts: [req.accepts(), req.accepts('html', 'json'), req.accepts(['png'])],
    encoding: [req.acceptsEncodings(), req.acceptsEncodings('gzip', 'br')],
    charset: [req.acceptsCharsets(), req.acceptsCharsets('utf-8')],
    language: [req.acceptsLanguages(), req.acceptsLanguages('fr', 'de')],
    is: [req.is('json'), req.is('text/*')],
    range: req.range(1000),
    route: (req.route as { path: string }).path,
    circle: req.res?.req === req && req.app.locals['name'],
  }
}

interface Case {
  readonly name: string
  readonly headers: Record<string, string>
  /** Part of what the handler saw, so that two equal failures are no agreement. */
  readonly says: string
  readonly set?: (app: Application) => unknown
  readonly path?: string
}

const proxied = {
  'X-Forwarded-For': '203.0.113.7, 198.51.100.2',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'de.cinema.example',
}

const cases: Case[] = [
  { name: 'its address', headers: {}, says: '"ip":"127.0.0.1"' },
  { name: 'its host', headers: { Host: 'de.kino.films.example:8080' }, says: '"subdomains":["kino","de"]' },
  {
    name: 'fewer subdomains by a setting',
    set: app => app.set('subdomain offset', 3),
    headers: { Host: 'de.kino.films.example' },
    says: '"subdomains":["de"]',
  },
  { name: 'the proxy it does not trust', headers: proxied, says: '"protocol":"http","secure":false' },
  {
    name: 'the proxy it trusts',
    set: app => app.set('trust proxy', true),
    headers: proxied,
    says: '"ip":"203.0.113.7","ips":["203.0.113.7","198.51.100.2"],"protocol":"https","secure":true',
  },
  {
    name: 'one proxy of two',
    set: app => app.set('trust proxy', 1),
    headers: proxied,
    says: '"ip":"198.51.100.2","ips":["198.51.100.2"]',
  },
  {
    name: 'proxies by their address',
    set: app => app.set('trust proxy', 'loopback'),
    headers: proxied,
    says: '"hostname":"de.cinema.example"',
  },
  { name: 'its parameters', path: '/films/M%C3%A4dchen?a=1', headers: {}, says: '"params":{"title":"Mädchen"}' },
  { name: 'its query', path: '/films/1?a=1&a=2&b=%20', headers: {}, says: '"query":{"a":["1","2"],"b":" "}' },
  {
    name: 'a nested query',
    set: app => app.set('query parser', 'extended'),
    path: '/films/1?by[year]=1927',
    headers: {},
    says: '"query":{"by":{"year":"1927"}}',
  },
  {
    name: 'no query',
    set: app => app.set('query parser', false),
    path: '/films/1?by=year',
    headers: {},
    says: '"query":{}',
  },
  {
    name: 'a query by a function',
    set: app => app.set('query parser', (text: string) => ({ text })),
    path: '/films/1?by=year',
    headers: {},
    says: '"query":{"text":"by=year"}',
  },
  { name: 'xhr', headers: { 'X-Requested-With': 'XMLHttpRequest' }, says: '"xhr":true' },
  { name: 'a tag it has', headers: { 'If-None-Match': '"reel"' }, says: '"fresh":true,"stale":false' },
  {
    name: 'a tag it has, on a reload',
    headers: { 'If-None-Match': '"reel"', 'Cache-Control': 'no-cache' },
    says: '"fresh":false,"stale":true',
  },
  {
    name: 'what it accepts',
    headers: {
      Accept: 'application/json, text/html;q=0.5',
      'Accept-Encoding': 'br;q=0.2, gzip',
      'Accept-Charset': 'utf-8',
      'Accept-Language': 'de;q=0.8, fr',
    },
    says: '"accepts":[["application/json","text/html"],"json",false],"encoding":[["gzip","br","identity"],"gzip"]',
  },
  {
    name: 'what it sends',
    headers: { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': '0' },
    says: '"is":["json",false]',
  },
  { name: 'a range', headers: { Range: 'bytes=0-9,20-29' }, says: '"range":[{"start":0,"end":9}' },
  { name: 'a range that is not there', headers: { Range: 'bytes=5000-' }, says: '"range":-1' },
  { name: 'where it comes from', headers: { Referrer: '/start' }, says: '"referrer":"/start"' },
  { name: 'its raw fields', headers: { 'x-UPPER': 'Ä', 'X-Upper': 'again' }, says: '"x-UPPER","Ä"' },
  { name: 'its app and its route', headers: {}, says: '"route":"/films/:title","circle":"the app"' },
]

describe.each(expresses)('a handler of %s sees the same of a request through createServer', (_, express) => {
  it.each(cases)('$name', async ({ set, path = '/films/1', headers, says }) => {
    const make = (): Application => {
      const app = express()
      app.locals['name'] = 'the app'
      set?.(app)
      return app.get('/films/:title', (req, res) => {
        res.set('ETag', '"reel"')
        res.end(JSON.stringify(seen(req)), 'latin1')
      })
    }
    const { plain, ours } = await bothSay(make, Buffer.from(bytesOf('GET', path, headers), 'latin1'))
    expect(plain).toContain(says)
    expect(ours).toBe(plain)
  })

  it.each([
    ['strict', '/films/1/', 'strict routing'],
    ['in upper case', '/FILMS/1', 'case sensitive routing'],
  ])('a path that is %s', async (_name, path, setting) => {
    for (const [isOn, status] of [
      [true, '404 Not Found'],
      [false, '200 OK'],
    ] as const) {
      const make = (): Application =>
        express()
          .set(setting, isOn)
          .get('/films/:title', (_req, res) => res.end())
      const { plain, ours } = await bothSay(make, bytesOf('GET', path))
      expect(plain).toContain(status)
      expect(ours).toBe(plain)
    }
  })
})
