#!/usr/bin/env bash
# @fastify/express 4.0.7 with Fastify 5.12.8, Node 20 to 26.
# Expected: in Express middleware mounted on Fastify `res.headersSent` says whether the head has left, as in Express itself.
# Seen: on each response stands a `headersSent` of its own, which `res.send` alone makes true. After writeHead and the first bytes Node's
# own one is true and the response's is still false: whoever asks it, as error pages and timeouts do, takes the answer for one not begun.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund fastify@5.12.8 @fastify/express@4.0.7 express@5.3.0
cat >run.mjs <<'JS'
import { createServer, ServerResponse } from 'node:http'
import { once } from 'node:events'
import fastifyExpress from '@fastify/express'
import express from 'express'
import Fastify from 'fastify'

const ofNode = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(ServerResponse.prototype), 'headersSent').get
const seen = {}
const middleware = name => (_req, res) => {
  const look = () => ({ own: Object.hasOwn(res, 'headersSent'), asked: res.headersSent, node: ofNode.call(res) })
  const before = look()
  res.writeHead(200, { 'Content-Type': 'text/plain' })
  res.write('The Matrix')
  seen[name] = { before, after: look() }
  res.end()
}
const onFastify = Fastify()
await onFastify.register(fastifyExpress)
onFastify.use('/film', middleware('fastify'))
const base = await onFastify.listen({ port: 0, host: '127.0.0.1' })
const alone = createServer(express().use('/film', middleware('express'))).listen(0, '127.0.0.1')
await once(alone, 'listening')
for (const url of [`${base}/film`, `http://127.0.0.1:${alone.address().port}/film`]) await (await fetch(url)).text()
await onFastify.close()
alone.close()
alone.closeAllConnections()

console.log(JSON.stringify(seen, undefined, 1))
const { fastify, express: itself } = seen
const isAsSeen = fastify.after.own && !fastify.after.asked && fastify.after.node && itself.after.asked && itself.after.node
process.exitCode = isAsSeen ? 0 : 1
JS
node run.mjs
