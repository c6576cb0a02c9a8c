#!/usr/bin/env bash
# express-mung 0.5.1 with Express 5.3.0, Node 20 to 26.
# Expected: `mung.headersAsync` adds its header to a handler that answers with `write` and `end`, or leaves that response alone, as the
# synchronous `mung.headers` does (its header is silently missing there).
# Seen: `end` throws a ReferenceError, because it reads its own arguments before they are declared; the client gets half a response.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund express@5.3.0 express-mung@0.5.1
cat >run.mjs <<'JS'
import { once } from 'node:events'
import express from 'express'
import mung from 'express-mung'

const app = express()
app.use('/sync', mung.headers((req, res) => res.set('x-added', 'yes')))
app.use('/async', mung.headersAsync(async (req, res) => res.set('x-added', 'yes')))
for (const kind of ['/sync', '/async']) {
  app.get(`${kind}/json`, (req, res) => res.json({ title: 'Heat' }))
  app.get(`${kind}/write`, (req, res) => {
    res.write('Heat')
    res.end()
  })
}
let thrown
app.use((error, req, res, next) => {
  thrown = error.name
  req.socket.destroy()
})

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${server.address().port}`
const added = {}
for (const path of ['/sync/json', '/sync/write', '/async/json', '/async/write']) {
  const response = await fetch(url + path).catch(() => undefined)
  added[path] = response === undefined ? 'no response' : response.headers.get('x-added')
  await response?.text().catch(() => undefined)
}
server.close()
server.closeAllConnections()

console.log({ added, thrown })
const isAsSeen = added['/sync/json'] === 'yes' && added['/sync/write'] === null && added['/async/json'] === 'yes'
process.exitCode = isAsSeen && thrown === 'ReferenceError' ? 0 : 1
JS
node run.mjs
