import type { Express, Request } from 'express'
import { isFresh } from '../../core/entry.js'
import { BYPASS_REASONS, REFUSAL_REASONS } from '../../core/outcomes.js'
import type { Milliseconds } from '../../core/types.js'
import type { Note } from '../journal.js'
import { findRoute, type FoundRoute } from './find-route.js'
import { partsOf } from './key-parts.js'
import { pretend, type Question } from './pretend.js'
import { bypassOf, detailsOf, noteOf } from './show.js'
import type { AdminSource, StoredEntry } from './source.js'

/**
 * Why a request would or would not be answered from the cache. No handler runs, and no middleware: what those in front of the cache would
 * make of the request (a user, a session) is not known here. The route's own `key`, `movieId` and `bypass` are asked.
 */
export async function explain(
  source: AdminSource,
  apps: readonly Express[],
  asker: Request,
  question: Question,
): Promise<object> {
  const there = locate(source, apps, question)
  if (there === undefined) return { route: null, says: 'No route of this cache answers this method and path.' }
  const [app, found] = there
  const { profile } = found.route
  const route = { profile, pattern: found.pattern ?? null, params: found.params }
  const lookUp = found.route.lookUp(pretend(app, asker, question, found))
  if (typeof lookUp === 'string') {
    return { route, bypass: bypassOf(lookUp), says: `It goes past the cache: ${BYPASS_REASONS[lookUp]}.` }
  }
  const key = lookUp.text
  const entries = await source.find(key)
  const note = source.noteOf(key)
  const now = source.now()
  return {
    ...{ route, bypass: null, key, parts: partsOf(key) },
    entries: entries.map(entry => detailsOf(entry, now)),
    last: noteOf(note),
    says: sentence(entries, note, now),
  }
}

function locate(
  source: AdminSource,
  apps: readonly Express[],
  { method, url }: Question,
): [Express, FoundRoute] | undefined {
  for (const app of apps) {
    const found = findRoute(app, method.toLowerCase(), url, middleware => source.routeOf(middleware))
    if (found !== undefined) return [app, found]
  }
  return undefined
}

function sentence(entries: readonly StoredEntry[], note: Note | undefined, now: Milliseconds): string {
  const fresh = entries.find(entry => entry.variants !== undefined || isFresh({ ...entry, body: Buffer.alloc(0) }, now))
  if (fresh?.variants !== undefined)
    return 'Its answers differ by request headers: see variants, each stored for itself.'
  if (fresh !== undefined) return `It is a hit: the answer lies in ${fresh.tier}.`
  if (entries.length > 0) return 'The handler runs: what is stored is not fresh any more.'
  return `The handler runs: nothing is stored. ${became(note)}`
}

function became(note: Note | undefined): string {
  const event = note?.event
  switch (event?.type) {
    case undefined:
      return 'Nothing is remembered of an earlier answer.'
    case 'stored':
      return 'The last answer was stored, and has been thrown out since.'
    case 'evicted':
      return `The last answer was pushed out of memory by the bound of ${event.cause}.`
    case 'expired':
      return 'The last answer has expired.'
    case 'refused':
      return `The last answer was not stored: ${REFUSAL_REASONS[event.reason]}${event.name === undefined ? '' : ` (${event.name})`}.`
  }
}
