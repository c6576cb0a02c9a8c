// Fills a small heap until the cache raises its alerts, then lets go, and says what it heard.
import { clearInterval, setInterval } from 'node:timers'
import { createCache } from '../../dist/esm/index.js'

const cache = createCache({ tts: { fileCache: false }, alerts: { heap: 0.6, heapCritical: 0.7, interval: 5 } })
const heard = []
const health = []
let held = []
let filling = setInterval(() => {
  held.push(Array.from({ length: 2_000 }, (_, n) => ({ n, text: `film ${n}` })))
}, 1)

cache.on('event', ({ type, code, raised }) => {
  if (type !== 'alert' || !code.startsWith('heap-')) return
  heard.push([code, raised])
  health.push(cache.health().status)
  if (code === 'heap-critical' && raised) {
    clearInterval(filling)
    held = []
    filling = setInterval(() => globalThis.gc(), 1)
  }
  if (heard.length === 4) clearInterval(filling)
})
process.on('exit', () => console.log(JSON.stringify({ heard, health })))
