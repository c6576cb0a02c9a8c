// The app that every variant serves. Only what stands between route and handler differs.
import { setTimeout as wait } from 'node:timers/promises'
import express from 'express'
import { enriched, movie, SLOW, speech, trailer } from './answers.mjs'

/** Handlers that make their answers. */
export const live = {
  movie: (req, res) => res.json(movie(req.params.movieId, req.query.page)),
  enriched: (req, res) => res.json(enriched(req.params.movieId)),
  trailer: (req, res) => res.type('audio/mpeg').send(trailer),
  speech: (req, res) => res.type('audio/mpeg').send(speech(req.body.text)),
  slow: async (req, res) => {
    await wait(SLOW)
    res.json(movie(req.params.movieId))
  },
}

/** The app; `cache(profile)` makes the middleware of one route. */
export const makeApp = (handlers, cache = () => []) =>
  express()
    .get('/movies/:movieId', cache('api'), handlers.movie)
    .get('/movies/:movieId/enriched', cache('enhanced'), handlers.enriched)
    .get('/movies/:movieId/slow', cache('ai'), handlers.slow)
    .get('/movies/:movieId/trailer', cache('tts'), handlers.trailer)
    .post('/movies/:movieId/speech', express.json(), cache('tts'), handlers.speech)

/** The same handlers, and how often they were called together. */
export function counted(handlers) {
  let calls = 0
  const count = handler => (req, res) => {
    calls++
    return handler(req, res)
  }
  return {
    handlers: Object.fromEntries(Object.entries(handlers).map(([name, handler]) => [name, count(handler)])),
    calls: () => calls,
  }
}
