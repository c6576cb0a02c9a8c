import type { RequestHandler } from 'express'
import { Assets } from './assets.js'
import { pageDirectory } from './directory.cjs'

/** Everything the page loads is its own. Whoever stands in front (`helmet()`) may have said so already. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const HEADERS = {
  // A file is asked for each time, by its ETag: the package may have been updated.
  'Cache-Control': 'private, no-cache',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
}

/** The page at the mount point, and its files beside it. */
export function page(): RequestHandler {
  const assets = new Assets(pageDirectory)
  return (req, res, next) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return next()
    const [path = ''] = req.originalUrl.split('?', 1)
    // Without the slash the addresses in the page would lead beside it; a relative one holds behind any proxy.
    if (req.path === '/' && !path.endsWith('/')) return res.redirect(`./${path.slice(path.lastIndexOf('/') + 1)}/`)
    assets
      .get(req.path === '/' ? 'index.html' : req.path.slice(1))
      .then(asset => {
        if (asset === undefined) return next()
        if (!res.hasHeader('Content-Security-Policy')) res.set('Content-Security-Policy', POLICY)
        res.set({ ...HEADERS, 'Content-Type': asset.type, ETag: asset.etag }).send(asset.body)
      })
      .catch(next)
  }
}
