// Two machines that share a Redis server, by each client: what one stores is a hit of the other.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import express from 'express'
import { Redis } from 'ioredis'
import { Registry } from 'prom-client'
import { createClient } from 'redis'
import { collectPrometheus, createCache } from 'reelcache'

const port = 20_000 + Math.floor(Math.random() * 9_000)
const store = spawn('redis-server', ['--port', String(port), '--save', ''], { stdio: 'ignore' })
const at = { host: '127.0.0.1', port }
const clients = {
  ioredis: () => new Redis({ ...at, lazyConnect: true }),
  'node-redis': () => createClient({ socket: at }),
}
/** Asked until it is so: nobody says from outside when a store is connected. */
async function until(what, isSo) {
  for (let tries = 0; tries < 100; tries++) {
    if (await isSo()) return console.log(what)
    await pause(50)
  }
  throw new Error(`It never came about that ${what}`)
}
try {
  for (const [name, client] of Object.entries(clients)) {
    const machines = await Promise.all(
      [1, 2].map(async () => {
        const cache = createCache({ redis: { client: client(), prefix: `${name}:` }, tts: { fileCache: false } })
        const app = express()
        let runs = 0
        app.get('/movies/:id', cache.cacheApi(), (_req, res) => void res.json({ run: ++runs }))
        const http = createServer(app).listen(0)
        await once(http, 'listening')
        const ask = async id => {
          const answer = await fetch(`http://127.0.0.1:${http.address().port}/movies/${id}`)
          await answer.text()
          return answer.headers.get('x-cache')
        }
        return { cache, http, ask }
      }),
    )
    let id = 0
    await until(`${name} shares answers`, async () => {
      id++
      await machines[0].ask(id)
      await pause(20)
      return (await machines[1].ask(id)) === 'HIT'
    })
    collectPrometheus(machines[0].cache, new Registry())
    for (const { cache, http } of machines) {
      http.close()
      http.closeAllConnections()
      await cache.close()
    }
  }
} finally {
  store.kill()
}
