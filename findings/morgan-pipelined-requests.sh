#!/usr/bin/env bash
# morgan 1.12.1 over on-finished 2.4.2, with Express 5.3.0, Node 20 to 26.
# Expected: whoever asks on-finished hears of the end of each response, also when its client leaves before the answer is made.
# Seen: of several requests that a client pipelines on one connection, only the first response has a socket. When the client leaves, Node
# closes that response and tells no other; on-finished waits for their socket, which never comes. morgan logs the first request and
# none of the others. Their handlers have run, and whatever was to be cleaned up by on-finished is not.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund express@5.3.0 morgan@1.12.1 on-finished@2.4.2
cat >run.mjs <<'JS'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import express from 'express'
import morgan from 'morgan'
import onFinished from 'on-finished'

const [logged, finished, handled] = [[], [], []]
const app = express()
app.use(morgan(':url', { stream: { write: line => logged.push(line.trim()) } }))
app.get('/:name', (req, res) => {
  handled.push(req.path)
  onFinished(res, () => finished.push(req.path))
  if (req.path === '/short') res.send('at once')
})
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const visit = async (...paths) => {
  const socket = connect(server.address().port, '127.0.0.1')
  socket.write(paths.map(path => `GET ${path} HTTP/1.1\r\nHost: movies.example\r\n\r\n`).join(''))
  await wait(300)
  socket.destroy()
  await wait(300)
}
// Controls: one that is answered, and one whose client leaves, each on a connection of its own.
await visit('/short')
await visit('/long')
await visit('/first', '/second', '/third')
server.close()

console.log({ handled, finished, logged })
const seen = '/short /long /first'
const isAsSeen = [finished, logged].every(list => list.join(' ') === seen) && handled.length === 5
process.exitCode = isAsSeen ? 0 : 1
JS
node run.mjs
