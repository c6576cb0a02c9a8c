/** Where a film stands among the others, figure by figure. */
import type { Movie } from './movies.js'

const FIGURES = {
  imdbRating: (movie: Movie) => movie.imdbRating,
  rottenTomatoes: (movie: Movie) => movie.rottenTomatoes,
  worldwideGross: (movie: Movie) => movie.worldwideGross,
  budget: (movie: Movie) => movie.budget,
  minutes: (movie: Movie) => movie.minutes,
  returnOnBudget,
}

export type Figure = keyof typeof FIGURES

export interface Place {
  readonly value: number
  /** How many of a hundred films have a lower value. */
  readonly percentile: number
  /** How many films have this figure at all. */
  readonly among: number
}

export type Standing = Readonly<Record<Figure, Place | null>>

export function makeStanding(movies: readonly Movie[]): (movie: Movie) => Standing {
  const known = mapFigures(figure => Float64Array.from(movies.map(FIGURES[figure]).filter(isKnown)).sort())
  return movie => mapFigures(figure => place(FIGURES[figure](movie), known[figure]))
}

/** How many times over the box office paid for the production; the share cinemas keep is not in the data. */
function returnOnBudget({ worldwideGross, budget }: Movie): number | null {
  return worldwideGross === null || budget === null ? null : Math.round((worldwideGross / budget) * 100) / 100
}

function place(value: number | null, sorted: Float64Array): Place | null {
  if (value === null) return null
  return { value, percentile: Math.floor((countBelow(sorted, value) / sorted.length) * 100), among: sorted.length }
}

function countBelow(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}

function mapFigures<T>(make: (figure: Figure) => T): Record<Figure, T> {
  const figures = Object.keys(FIGURES) as Figure[]
  return Object.fromEntries(figures.map(figure => [figure, make(figure)])) as Record<Figure, T>
}

const isKnown = (value: number | null): value is number => value !== null
