import type { Request, RequestHandler, Response } from 'express'
import type { ResolvedAdmin } from '../../options.js'

/** The header that a form cannot send, and a script of another site only where this one has allowed it to. */
const PROOF = 'x-requested-with'
const PROOF_VALUE = 'reelcache'

/** Says no, and what was missing. */
export function refuse(res: Response, status: number, error: string, message: string): void {
  res.status(status).json({ error, message })
}

/** What no answer of the router is without. */
export const neverStored: RequestHandler = (_req, res, next) => {
  res.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' })
  next()
}

/**
 * Lets through who comes under a known name, from no other site, and may. A name is checked because a page of another site can have its own
 * name point at this server (DNS rebinding) and is then of the same origin in the eyes of the browser; nobody can do so with an address or with
 * `localhost`.
 */
export function guard({ authorize, hosts }: ResolvedAdmin): RequestHandler {
  return (req, res, next) => {
    if (!namesOf(req).every(name => isKnown(name, hosts))) {
      return refuse(res, 403, 'host', "This name is not in adminRouter({ hosts: ['admin.example.org'] })")
    }
    if (!isOfThisSite(req, hosts)) return refuse(res, 403, 'origin', 'Requests from other sites are refused')
    // Inside a promise, so that a guard that throws is one that fails.
    Promise.resolve()
      .then(() => authorize(req))
      .then((answer: unknown) => {
        if (answer === true) next()
        else refuse(res, 403, 'forbidden', 'authorize(req) did not answer true')
      }, next)
  }
}

/** For whatever changes something. Browsers say from where; a form has no way to set the header. */
export const changesOnlyByIntent: RequestHandler = (req, res, next) => {
  if (req.headers[PROOF] !== PROOF_VALUE) {
    return refuse(res, 403, 'intent', `A change needs the header X-Requested-With: ${PROOF_VALUE}`)
  }
  next()
}

/** The names under which the client, and a proxy on its way, asked for this server. */
function namesOf({ headers }: Request): string[] {
  return [headers.host ?? '', ...String(headers['x-forwarded-host'] ?? []).split(',')]
    .map(name => name.trim().toLowerCase())
    .filter((name, index) => index === 0 || name !== '')
}

const LOOPBACK = /^(?:[a-z0-9-]+\.)*localhost$/
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/
const IPV6 = /^\[[0-9a-f:.]+\]$/

function isKnown(host: string, hosts: readonly string[]): boolean {
  const name = host.replace(/:\d+$/, '')
  return LOOPBACK.test(name) || IPV4.test(name) || IPV6.test(name) || hosts.includes(name) || hosts.includes(host)
}

/**
 * Browsers name the site whose script or form asks in `Origin`, `null` where it is hidden, but send none with the GET of an image or a
 * frame: there `Sec-Fetch-Site` tells. Other clients send neither.
 */
function isOfThisSite(req: Request, hosts: readonly string[]): boolean {
  const { headers } = req
  const { origin } = headers
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isLinkToPage(req)) return false
  if (origin === undefined) return true
  if (!URL.canParse(origin)) return false
  const { host } = new URL(origin)
  return host !== '' && (host === headers.host?.toLowerCase() || hosts.includes(host))
}

/** A link of another site may lead to the page: it holds nothing until its own script asks. */
const isLinkToPage = ({ method, path, headers }: Request): boolean =>
  method === 'GET' &&
  path === '/' &&
  headers['sec-fetch-mode'] === 'navigate' &&
  headers['sec-fetch-dest'] === 'document'
