#!/usr/bin/env bash
# serverless-http 4.0.0 with Express 5.3.0, Node 20 to 26.
# Expected: a Lambda event becomes a request like Node's: field values are texts, and `rawHeaders` lists what came.
# Seen: every request gets a `content-length` that is a number, also a GET without a body (0), so `=== '0'` and `.trim()` on it fail;
# `rawHeaders` and `headersDistinct` are empty beside full `headers`; `httpVersionMajor` is the text '1'.
# `@vendia/serverless-express` 4.12.6 fills rawHeaders and adds no length, but its `req.socket` is a plain object: no `on`, no `listenerCount`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund express@5.3.0 serverless-http@4.0.0 @vendia/serverless-express@4.12.6
cat >run.mjs <<'JS'
import express from 'express'
import serverlessHttp from 'serverless-http'
import serverlessExpress from '@vendia/serverless-express'

const app = express()
let seen
app.get('/movie', (req, res) => {
  seen = {
    length: req.headers['content-length'],
    headers: Object.keys(req.headers).length > 0,
    rawHeaders: req.rawHeaders.length > 0,
    distinct: Object.keys(req.headersDistinct).length > 0,
    major: req.httpVersionMajor,
    socketListens: typeof req.socket.on,
  }
  res.json({})
})
const event = {
  version: '2.0',
  rawPath: '/movie',
  rawQueryString: '',
  headers: { host: 'api.example.org', accept: 'application/json' },
  requestContext: { http: { method: 'GET', path: '/movie', sourceIp: '192.0.2.1' }, stage: '$default' },
  isBase64Encoded: false,
}
const handlers = { 'serverless-http': serverlessHttp(app), vendia: serverlessExpress({ app }) }
const found = {}
for (const [name, handler] of Object.entries(handlers)) {
  await handler(event, {})
  found[name] = seen
}
console.log(found)
const expected = {
  'serverless-http': { length: 0, headers: true, rawHeaders: false, distinct: false, major: '1', socketListens: 'function' },
  vendia: { length: undefined, headers: true, rawHeaders: true, distinct: true, major: '1', socketListens: 'undefined' },
}
process.exitCode = JSON.stringify(found) === JSON.stringify(expected) ? 0 : 1
JS
node run.mjs
