// A server in a process of its own, with an agent in front that wraps `emit`: any exception that nobody catches ends it.
import { AsyncLocalStorage } from 'node:async_hooks'
import express from 'express'
import express4 from 'express4'
import { createCache } from '../../dist/esm/index.js'

const { version, route, wraps } = JSON.parse(process.argv[2])
const cache = createCache({ tts: { fileCache: false } })
const app = (version === 'Express 4' ? express4 : express)()

/** As New Relic and the like do: each listener runs in its request's transaction, and counts on it. */
const transactions = new AsyncLocalStorage()
let ended = 0
app.use((req, res, next) => {
  const transaction = { end: () => ended++ }
  for (const half of [req, res]) {
    if (!wraps.includes(half === req ? 'req' : 'res')) continue
    const { emit } = half
    half.emit = function (...args) {
      return transactions.run(transaction, () => emit.apply(this, args))
    }
    half.once('close', () => transactions.getStore().end())
  }
  next()
})

let [calls, finish] = [0, undefined]
app.get('/say', cache[route]({ ignoreClientAbort: true, complete: () => true }), (_req, res) => {
  calls++
  res.type(route === 'cacheTts' ? 'audio/mpeg' : 'text/plain').write('ID3 Wake up, ')
  finish = () => res.end('Neo.')
  process.send?.({ id: 'begun', result: true })
})

const orders = { finish: () => void finish(), state: () => ({ calls, ended }) }
process.on('message', ({ id, order }) => process.send({ id, result: orders[order]() ?? true }))
process.on('disconnect', () => process.exit())
const server = app.listen(0, '127.0.0.1', () => process.send({ id: 0, result: server.address().port }))
