import type { Milliseconds } from '../../core/types.js'

/** How the server numbers the messages of a stream: milliseconds of its clock, and a count within them. */
export type PurgeId = string

export const instantOf = (id: PurgeId): Milliseconds => Number(id.slice(0, id.indexOf('-')))
const countOf = (id: PurgeId): number => Number(id.slice(id.indexOf('-') + 1))

export const isAfter = (id: PurgeId, other: PurgeId): boolean => {
  const difference = instantOf(id) - instantOf(other)
  return difference > 0 || (difference === 0 && countOf(id) > countOf(other))
}

export const later = (id: PurgeId | undefined, other: PurgeId | undefined): PurgeId | undefined =>
  id === undefined || (other !== undefined && isAfter(other, id)) ? other : id
