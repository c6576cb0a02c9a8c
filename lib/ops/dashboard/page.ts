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
  // For a policy of somebody else's that says nothing of frames.
  'X-Frame-Options': 'DENY',
}

/** The page at the mount point, and its files beside it. */
export function page(): RequestHandler {
  const assets = new Assets(pageDirectory)
  return (req, res, next) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return next()
    const { path: mount, query } = partsOf(req.originalUrl)
    // Without the slash the addresses in the page would lead beside it; a relative one holds behind any proxy.
    if (req.path === '/' && !mount.endsWith('/')) {
      return res.redirect(`./${mount.slice(mount.lastIndexOf('/') + 1)}/${query}`)
    }
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

function partsOf(url: string): { path: string; query: string } {
  const [path = ''] = url.split('?', 1)
  return { path, query: url.slice(path.length) }
}
