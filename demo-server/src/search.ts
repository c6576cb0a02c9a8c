/** Films by words. In the search box every word must begin a word of the title or of the director's name. */
import type { Movie } from './movies.js'
import { words } from './text.js'

export type Search = (query: string) => Movie[]

interface Indexed {
  readonly movie: Movie
  readonly name: string
  readonly title: readonly string[]
  readonly director: readonly string[]
}

/** The best match first, the better known film first among equals. An empty query finds everything. */
export function makeSearch(movies: readonly Movie[]): Search {
  const index = movies.map(movie => {
    const title = words(movie.title)
    return { movie, title, name: title.join(' '), director: words(movie.director ?? '') }
  })
  return query => {
    const wanted = words(query)
    if (wanted.length === 0 && query.trim() !== '') return []
    return index
      .map(entry => ({ movie: entry.movie, score: score(entry, wanted) }))
      .filter(found => found.score !== undefined)
      .sort((a, b) => b.score! - a.score! || (b.movie.imdbVotes ?? 0) - (a.movie.imdbVotes ?? 0))
      .map(found => found.movie)
  }
}

/**
 * Finds the film whose title stands in a text: the longest title, and the newest film of that title. Each run of words is looked up, so that
 * a long text costs no more than its length: to look for each of the titles in it took seconds.
 */
export function makeNamed(movies: readonly Movie[]): (text: string) => Movie | undefined {
  const byTitle = new Map<string, Movie>()
  let mostWords = 0
  for (const movie of movies) {
    const title = words(movie.title)
    const name = title.join(' ')
    if (name === '' || (byTitle.get(name)?.year ?? -Infinity) >= movie.year) continue
    byTitle.set(name, movie)
    mostWords = Math.max(mostWords, title.length)
  }
  return text => {
    const said = words(text)
    let best = ''
    for (let from = 0; from < said.length; from += 1) {
      let name = ''
      for (const word of said.slice(from, from + mostWords)) {
        name = name === '' ? word : `${name} ${word}`
        if (name.length > best.length && byTitle.has(name)) best = name
      }
    }
    return byTitle.get(best)
  }
}

function score(entry: Indexed, wanted: readonly string[]): number | undefined {
  let sum = entry.name === wanted.join(' ') ? 10 : 0
  for (const word of wanted) {
    const points = Math.max(match(entry.title, word) * 2, match(entry.director, word))
    if (points === 0) return undefined
    sum += points
  }
  return sum
}

function match(known: readonly string[], word: string): number {
  if (known.includes(word)) return 2
  return known.some(candidate => candidate.startsWith(word)) ? 1 : 0
}
