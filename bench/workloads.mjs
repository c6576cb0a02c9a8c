// What the variants are loaded with.
import { ask, moviePath, rangeOf } from './answers.mjs'
import { seeded, zipf } from './random.mjs'

const film = ask.movie(603, 1)
const pages = Array.from({ length: 1_000 }, (_, page) => ask.movie(603, page))
const trailers = Array.from({ length: 20 }, (_, n) => ask.trailer(600 + n))
/** Who takes part where nothing else is said. */
export const everybody = ['limit', 'plain', 'cache']

/**
 * requests     asked before the measurement; `next` draws from them or makes new ones; else the first is repeated.
 * other        a request whose answer is another one: a cache that mixes them up is not measured.
 * first        what a client asks to have the answer made, where it is not the request itself.
 * misses       every request is a new one, and every answer the handler's.
 * revalidates  the client has the answer, and sends the validator it got.
 */
export const workloads = {
  json: { title: '2 KB JSON, one key', requests: [film], other: ask.movie(603, 2) },
  zipf: {
    title: '2 KB JSON, 1,000 keys with query strings, Zipf 0.9',
    requests: pages,
    other: ask.movie(604, 1),
    next() {
      const draw = zipf(pages.length, 0.9, seeded(1))
      return () => pages[draw()]
    },
  },
  json100: { title: '100 KB JSON', requests: [ask.enriched(603)], other: ask.enriched(604) },
  audio: { title: '500 KB of audio', requests: [ask.trailer()], other: film },
  range: {
    title: '64 KB out of 500 KB of audio',
    requests: [rangeOf(ask.trailer(), 100_000, 165_535)],
    first: ask.trailer(),
    other: rangeOf(ask.trailer(), 0, 1),
  },
  post: { title: 'POST, 200 KB of audio', requests: [ask.speech('Hello')], other: ask.speech('Goodbye') },
  'not-modified': { title: '304 for 2 KB JSON', requests: [film], other: ask.movie(603, 2), revalidates: true },
  miss: {
    title: 'Misses only, 2 KB JSON, a new key each time',
    requests: [film],
    other: ask.movie(603, 2),
    misses: true,
    baseline: 'express',
    kinds: ['plain', 'cache'],
    next() {
      let id = 1_000
      return () => ({ path: moviePath(++id, 1) })
    },
  },
  redis: { ...inTurn(pages), title: '2 KB JSON out of Redis, 1,000 keys in turn' },
  'redis-audio': { ...inTurn(trailers), title: '500 KB of audio out of Redis, 20 keys in turn' },
}
for (const workload of Object.values(workloads)) workload.kinds ??= everybody

/** Each request is another one than that before it: what was just asked for is of no use. */
function inTurn(requests) {
  return {
    requests,
    other: ask.movie(604, 1),
    kinds: ['plain', 'store-limit', 'store'],
    baseline: 'get-node-redis',
    next() {
      let turn = 0
      return () => requests[turn++ % requests.length]
    },
  }
}
