#!/usr/bin/env bash
# express-ws 5.0.2 with Express 5.3.0, Node 20 to 26.
# Expected: a WebSocket for a path that no route handles is refused during the handshake, as an HTTP request would get a 404.
# Seen: the handshake is accepted for every path. Only then the upgrade request goes through the app, as a GET whose URL ends in
# `/.websocket`; where no route answers, the open connection is closed without a status code (1005). So a client cannot tell a
# wrong address from a server that hung up, and middleware mounted for GET sees a GET that nobody sent, with a response that has no socket of its own.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund express@5.3.0 express-ws@5.0.2 ws@8.23.0
cat >run.mjs <<'JS'
import { once } from 'node:events'
import express from 'express'
import expressWs from 'express-ws'
import WebSocket from 'ws'

const app = express()
expressWs(app)
const seen = []
app.use((req, res, next) => {
  seen.push(`${req.method} ${req.url}`)
  next()
})
app.ws('/live', socket => socket.close(4000))

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const events = []
for (const path of ['/live?from=page', '/nobody-handles-this']) {
  const client = new WebSocket(`ws://127.0.0.1:${server.address().port}${path}`)
  client.on('open', () => events.push(`${path} open`))
  const [code] = await once(client, 'close')
  events.push(`${path} closed with ${code}`)
}
server.close()
server.closeAllConnections()

console.log({ seen, events })
const expected = JSON.stringify([
  ['GET /live/.websocket?from=page', 'GET /nobody-handles-this/.websocket'],
  ['/live?from=page open', '/live?from=page closed with 4000', '/nobody-handles-this open', '/nobody-handles-this closed with 1005'],
])
process.exitCode = JSON.stringify([seen, events]) === expected ? 0 : 1
JS
node run.mjs
