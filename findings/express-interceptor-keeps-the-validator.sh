#!/usr/bin/env bash
# express-interceptor 1.2.0 with Express 5.3.0, Node 20 to 26.
# Expected: middleware that replaces the body of a response also replaces, or drops, the ETag that Express made of the old body.
# Seen: the new body leaves with the validator of the body that nobody got. Two users who get different bodies made of one original
# share an ETag, so a conditional request answers 304 where the body has changed. It keeps a handler's own Content-Length out of the
# way by removing it, so the response becomes chunked. After an explicit writeHead it cannot do that any more and throws.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund express@5.3.0 express-interceptor@1.2.0
cat >run.mjs <<'JS'
import { once } from 'node:events'
import express from 'express'
import interceptor from 'express-interceptor'

const app = express()
app.use(
  interceptor((req, res) => ({
    isInterceptable: () => /json/.test(res.get('content-type') ?? ''),
    intercept: (body, send) => send(body.replace('visitor', req.get('x-name'))),
  })),
)
app.get('/movie', (req, res) => res.json({ for: 'visitor' }))
app.get('/head', (req, res) => res.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
let thrown
app.use((error, req, res, next) => {
  thrown = error.code
  req.socket.destroy()
})

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${server.address().port}`
const ask = async name => {
  const response = await fetch(`${url}/movie`, { headers: { 'x-name': name } })
  return { etag: response.headers.get('etag'), length: response.headers.get('content-length'), body: await response.text() }
}
const [anna, ben] = [await ask('anna'), await ask('ben')]
await fetch(`${url}/head`).catch(() => undefined)
server.close()
server.closeAllConnections()

console.log({ anna, ben, thrown })
const isAsSeen = anna.body !== ben.body && anna.etag !== null && anna.etag === ben.etag && anna.length === null
process.exitCode = isAsSeen && thrown === 'ERR_HTTP_HEADERS_SENT' ? 0 : 1
JS
node run.mjs
