/** Everything the routes ask about films: one by id, a list by words, and one with all that can be computed about it. */
import type { Movie } from './movies.js'
import { makeNamed, makeSearch } from './search.js'
import { makeSimilar } from './similar.js'
import { makeStanding, type Standing } from './standing.js'

export interface Summary {
  readonly id: string
  readonly title: string
  readonly year: number
  readonly director: string | null
  readonly genre: string | null
  readonly imdbRating: number | null
}

export interface Neighbour extends Summary {
  readonly score: number
  readonly shared: readonly string[]
}

export interface Enhanced {
  readonly movie: Movie
  readonly standing: Standing
  readonly similar: readonly Neighbour[]
}

export interface Catalogue {
  readonly find: (id: string) => Movie | undefined
  /** The film whose title stands in a text; the longest title if there are several. */
  readonly named: (text: string) => Movie | undefined
  readonly search: (query: string, limit: number) => { total: number; movies: Summary[] }
  readonly enhance: (movie: Movie) => Enhanced
}

const NEIGHBOURS = 8

export function makeCatalogue(movies: readonly Movie[]): Catalogue {
  const byId = new Map(movies.map(movie => [movie.id, movie]))
  const search = makeSearch(movies)
  const similarTo = makeSimilar(movies)
  const standingOf = makeStanding(movies)
  return {
    find: id => byId.get(id),
    named: makeNamed(movies),
    search: (query, limit) => {
      const found = search(query)
      return { total: found.length, movies: found.slice(0, limit).map(summary) }
    },
    enhance: movie => ({
      movie,
      standing: standingOf(movie),
      similar: similarTo(movie, NEIGHBOURS).map(near => ({
        ...summary(near.movie),
        score: near.score,
        shared: near.shared,
      })),
    }),
  }
}

function summary({ id, title, year, director, genre, imdbRating }: Movie): Summary {
  return { id, title, year, director, genre, imdbRating }
}
