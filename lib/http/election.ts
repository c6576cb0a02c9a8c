import { isFresh } from '../core/entry.js'
import type { NextFunction } from 'express'
import type { Claim } from '../core/leases.js'
import type { CacheEntry, MaybePromise, Milliseconds } from '../core/types.js'
import type { AnswerFlight } from './engine.js'
import type { Visit } from './visit.js'
import { resume, type Answerer } from './waiting.js'

/** How the leader of a flight goes on. */
interface Ways {
  /** What is stored by now. */
  readonly find: () => MaybePromise<CacheEntry | undefined>
  /** Another machine has made it. */
  readonly serve: (entry: CacheEntry) => Answerer
  /** This one makes it. */
  readonly make: () => Answerer
}

/**
 * Where several machines share a store, one of them makes an answer. Who leads a flight here asks for the lease of its key first, and holds it
 * until the flight ends; where another machine has it, this one waits, no longer than `patience`, and is served what that one has made.
 */
export function elect(
  visit: Visit,
  next: NextFunction,
  flight: AnswerFlight,
  patience: Milliseconds,
  { find, serve, make }: Ways,
): Answerer {
  const { engine, res } = visit
  const { leases, flights, clock } = engine
  // Nobody follows a run of one's own, on this machine or on others.
  if (leases === undefined || flights.leader(flight.key) !== flight) return make()
  const leaving = new AbortController()
  const leave = (): void => leaving.abort()
  res.once('close', leave)

  const goOn = (entry: CacheEntry | undefined): Answerer => {
    if (entry === undefined || !isFresh(entry, clock.now())) return make()
    flight.land({ entry, varied: [] })
    return serve(entry)
  }
  const look = (claim: Claim): MaybePromise<CacheEntry | undefined> => {
    res.removeListener('close', leave)
    if (claim.is === 'mine') flight.onEnd = outcome => claim.lease.end(outcome)
    // By the usual way, which brings it into memory and knows of variants.
    return claim.is === 'answer' && !res.destroyed ? find() : undefined
  }
  void leases
    .claim(flight.key, patience, leaving.signal)
    .catch((): Claim => ({ is: 'alone' }))
    .then(look)
    .catch(() => undefined)
    // Where the client has left, no handler has begun: whoever waits leads now.
    .then(entry => resume(visit, next, flight, () => goOn(entry)))
  return 'cache'
}
