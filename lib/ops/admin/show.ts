import { coverUntilOf, deleteAtOf, entrySize, refreshUntilOf, staleAtOf } from '../../core/entry.js'
import { BYPASS_REASONS, REFUSAL_REASONS } from '../../core/outcomes.js'
import { movieOf, tagsOf } from '../../core/tags.js'
import type { Milliseconds } from '../../core/types.js'
import type { Note } from '../journal.js'
import type { StoredEntry } from './source.js'

const LAST_INSTANT = 8.64e15
const iso = (instant: Milliseconds): string => new Date(Math.min(instant, LAST_INSTANT)).toISOString()
const secondsUntil = (instant: Milliseconds, now: Milliseconds): number =>
  Math.max(0, Math.floor((instant - now) / 1000))

/** An entry in a list. */
export const summaryOf = (entry: StoredEntry, now: Milliseconds): object => ({
  key: entry.key,
  profile: entry.profile,
  movie: movieOf(entry) ?? null,
  tier: entry.tier,
  status: entry.status,
  type: entry.headers['content-type'] ?? null,
  bytes: entry.bodyBytes,
  storedAt: iso(entry.storedAt),
  freshFor: secondsUntil(staleAtOf(entry), now),
  uses: entry.uses ?? null,
})

/** All that is known of an entry, but for its body. */
export const detailsOf = (entry: StoredEntry, now: Milliseconds): object => ({
  ...summaryOf(entry, now),
  path: entry.path ?? null,
  headers: entry.headers,
  etag: entry.etag ?? null,
  tags: tagsOf(entry),
  size: entrySize({ ...entry, body: { length: entry.bodyBytes } as Buffer }),
  generatedAt: iso(entry.storedAt - entry.initialAge),
  staleAt: iso(staleAtOf(entry)),
  servedWhileRefreshedUntil: entry.refreshSpan > entry.freshSpan ? iso(refreshUntilOf(entry)) : null,
  servedOnErrorsUntil: entry.coverSpan > entry.freshSpan ? iso(coverUntilOf(entry)) : null,
  deletedAt: iso(deleteAtOf(entry)),
  handlerTime: Math.round(entry.handlerTime),
  variants: entry.variants ?? [],
})

/** What became of the answer that was made last. */
export function noteOf(note: Note | undefined): object | null {
  if (note === undefined) return null
  const { event, at } = note
  const was = { what: event.type, at: iso(at) }
  if (event.type === 'refused') {
    return { ...was, reason: event.reason, meaning: REFUSAL_REASONS[event.reason], header: event.name ?? null }
  }
  return event.type === 'evicted' ? { ...was, reason: event.cause } : was
}

export const bypassOf = (reason: keyof typeof BYPASS_REASONS): object => ({
  reason,
  meaning: BYPASS_REASONS[reason],
})
