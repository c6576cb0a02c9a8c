import express from 'express'
import { ask, type Answer } from '../support/client.js'
import { counted } from '../support/express.js'
import { gate } from '../support/gate.js'
import { serve } from '../support/server.js'
import { outcome, runsOf, timedCache, TTL } from '../support/stale.js'

const isLong = process.env['REELCACHE_LONG'] !== undefined
const HITS = isLong ? 1000 : 200
const REFRESH = 2000
const WINDOW = 600_000

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!

/** Good, then whatever the test says; the slow answer is slow in the long version and waits for the last hit in the short one. */
async function slowApp(isFailing: () => boolean) {
  const { cache, clock } = timedCache()
  const runs = runsOf(cache)
  const release = gate()
  const body = JSON.stringify({ id: 603, similar: Array.from({ length: 500 }, (_, id) => id) })
  const handler = counted(async (_req, res, run) => {
    if (run === 2 && isLong) await new Promise(resolve => setTimeout(resolve, REFRESH))
    else if (run === 2) await release.opened
    if (isFailing()) return res.status(503).send('down')
    return res.type('json').send(body)
  })
  const options = { ttl: TTL, staleWhileRevalidate: WINDOW, staleIfError: 0 }
  const app = await serve(express().get('/movies/:movieId', runs.middleware, cache.cacheEnhanced(options), handler))
  return { app, body, cache, clock, handler, release, over: runs.over, get: () => ask(app, '/movies/603') }
}

/** Clients that ask one after the other, ten at a time. */
async function hitsFrom(get: () => Promise<Answer>): Promise<{ answers: Answer[]; times: number[] }> {
  const answers: Answer[] = []
  const times: number[] = []
  const client = async (): Promise<void> => {
    for (let i = 0; i < HITS / 10; i++) {
      const since = performance.now()
      answers.push(await get())
      times.push(performance.now() - since)
    }
  }
  await Promise.all(Array.from({ length: 10 }, client))
  return { answers, times }
}

test(`${HITS} stale hits during one slow refresh: all at once, one refresh`, async () => {
  const { body, cache, clock, handler, release, over, get } = await slowApp(() => false)
  await get()
  clock.advance(TTL)
  const { answers, times } = await hitsFrom(get)
  release.open()
  await over()
  expect(
    answers.map(outcome).filter(([status, from, text]) => status !== 200 || from !== 'STALE' || text !== body),
  ).toEqual([])
  expect([answers.length, handler.calls]).toEqual([HITS, 2])
  expect(cache.stats().profiles.enhanced).toMatchObject({ stale: HITS, refreshes: 1 })
  expect(outcome(await get())).toEqual([200, 'HIT', body])
  expect(handler.calls).toBe(2)
  console.log(`${HITS} stale hits during a refresh: median ${median(times).toFixed(2)} ms, one refresh`)
})

test('the refresh fails: stale goes on inside the window, and the tries wait longer each time', async () => {
  let isDown = false
  const { body, clock, handler, release, over, get } = await slowApp(() => isDown)
  release.open()
  await get()
  isDown = true
  clock.advance(TTL)
  const tries: number[] = []
  let calls = 1
  for (let second = 0; second < WINDOW / 1000; second++) {
    expect(outcome(await get())).toEqual([200, 'STALE', body])
    await over()
    if (handler.calls > calls) tries.push(second)
    calls = handler.calls
    clock.advance(1000)
  }
  // Pauses of 1, 2, 4 … 256 seconds.
  expect(tries).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 255, 511])
  expect(outcome(await get())).toEqual([503, 'MISS', 'down'])
  isDown = false
  expect(outcome(await get())).toEqual([200, 'MISS', body])
  expect((await get()).headers['x-cache']).toBe('HIT')
}, 30_000)
