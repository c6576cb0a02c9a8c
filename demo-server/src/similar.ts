/** Films like this one: TF-IDF over what the data says about a film, compared by the cosine of the angle between two films. */
import type { Movie } from './movies.js'
import { words } from './text.js'

export interface Similar {
  readonly movie: Movie
  /** 1 for a film that is the same in everything known, 0 for one with nothing in common. */
  readonly score: number
  /** What the two have in common: `director`, `genre`, `title` … */
  readonly shared: readonly string[]
}

export type FindSimilar = (movie: Movie, count: number) => Similar[]

type Vector = ReadonlyMap<string, number>

export function makeSimilar(movies: readonly Movie[]): FindSimilar {
  const terms = movies.map(termsOf)
  const rarity = rarities(terms)
  const vectors = terms.map(list => unitVector(list, rarity))
  const vectorOf = new Map(movies.map((movie, index) => [movie.id, vectors[index]!]))
  const postings = invert(vectors)

  return (movie, count) => {
    const vector = vectorOf.get(movie.id) ?? unitVector(termsOf(movie), rarity)
    const scores = new Map<number, number>()
    for (const [term, weight] of vector) {
      for (const index of postings.get(term) ?? []) {
        scores.set(index, (scores.get(index) ?? 0) + weight * vectors[index]!.get(term)!)
      }
    }
    return [...scores]
      .filter(([index]) => movies[index]!.id !== movie.id)
      .sort(([a, scoreA], [b, scoreB]) => scoreB - scoreA || a - b)
      .slice(0, count)
      .map(([index, score]) => ({
        movie: movies[index]!,
        score: Math.round(score * 1000) / 1000,
        shared: sharedKinds(vector, vectors[index]!),
      }))
  }
}

/** `genre:Action`, `director:Sam Raimi`, `title:spider` … */
function termsOf(movie: Movie): string[] {
  const { genre, type, source, director, studio, year, title } = movie
  const decade = `${Math.floor(year / 10) * 10}s`
  const facts = Object.entries({ genre, type, source, director, studio, decade })
  return [
    ...facts.filter(([, value]) => value !== null).map(([kind, value]) => `${kind}:${value ?? ''}`),
    ...new Set(words(title).map(word => `title:${word}`)),
  ]
}

/** The inverse document frequency: a term that few films have says much, one that all have says nothing. */
function rarities(terms: readonly (readonly string[])[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const term of terms.flat()) counts.set(term, (counts.get(term) ?? 0) + 1)
  return new Map([...counts].map(([term, count]) => [term, Math.log(terms.length / count)]))
}

/** Of length one, so that the product of two vectors is their cosine. */
function unitVector(terms: readonly string[], rarity: ReadonlyMap<string, number>): Vector {
  const weights = terms.map(term => rarity.get(term) ?? 0)
  const length = Math.hypot(...weights) || 1
  return new Map(terms.map((term, index) => [term, weights[index]! / length]))
}

/** Which films have a term: only films with something in common are ever compared. */
function invert(vectors: readonly Vector[]): Map<string, number[]> {
  const postings = new Map<string, number[]>()
  for (const [index, vector] of vectors.entries()) {
    for (const term of vector.keys()) {
      const list = postings.get(term)
      if (list) list.push(index)
      else postings.set(term, [index])
    }
  }
  return postings
}

function sharedKinds(a: Vector, b: Vector): string[] {
  const shared = [...a.keys()].filter(term => b.has(term))
  return [...new Set(shared.map(term => term.slice(0, term.indexOf(':'))))]
}
