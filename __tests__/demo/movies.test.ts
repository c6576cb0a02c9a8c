import { makeCatalogue } from '../../demo-server/src/catalogue.js'
import { cleanMovies, type Movie, type Row } from '../../demo-server/src/movies.js'
import { movies } from './support/data.js'

const catalogue = makeCatalogue(movies)
const titlesLike = (id: string) => catalogue.enhance(catalogue.find(id)!).similar.map(near => near.title)

const row = (facts: Row): Row => ({ 'Release Date': 'Jan 01 2000', ...facts })
const cleaned = (facts: Row): Movie => cleanMovies([row(facts)])[0]!

describe('the cleaned data', () => {
  it('has 3,200 films, each with an id of its own that fits into an address', () => {
    expect(movies).toHaveLength(3200)
    expect(new Set(movies.map(movie => movie.id)).size).toBe(3200)
    expect(movies.filter(movie => !/^[a-z0-9-]+$/.test(movie.id))).toEqual([])
  })

  it('has no film after 2011, no impossible date and no figure of zero', () => {
    expect(movies.filter(movie => movie.year > 2011)).toEqual([])
    expect(movies.filter(movie => new Date(movie.released).toJSON().slice(0, 10) !== movie.released)).toEqual([])
    expect(movies.filter(movie => Object.values(movie).includes(0))).toEqual([])
  })

  it('keeps films of the same title apart', () => {
    expect(catalogue.find('casino-royale-1967')).toMatchObject({ title: 'Casino Royale', released: '1967-04-28' })
    expect(catalogue.find('casino-royale-2006')).toMatchObject({ title: 'Casino Royale', released: '2006-11-17' })
  })
})

describe('cleaning a row', () => {
  it.each([
    ['AstÈrix aux Jeux Olympiques', 'Astérix aux Jeux Olympiques'],
    ["De battre mon coeur s'est arrÍtÈ", "De battre mon coeur s'est arrêté"],
    ['Per qualche dollaro in pi˘', 'Per qualche dollaro in più'],
    ['The Naked Gun 2Ω: The Smell of Fear', 'The Naked Gun 2½: The Smell of Fear'],
    ["I Love You Ö Don't Touch Me!", "I Love You … Don't Touch Me!"],
    ['Obsluhoval jsem anglickÈho kr·le', 'Obsluhoval jsem anglického krále'],
    ['Halloween:  The Curse of Michael Myers', 'Halloween: The Curse of Michael Myers'],
    ['Secret, The', 'The Secret'],
    ['Alien³', 'Alien³'],
    ['Me, Myself & Irene', 'Me, Myself & Irene'],
  ])('reads the title %s as %s', (written, meant) => {
    expect(cleaned({ Title: written }).title).toBe(meant)
  })

  it('reads a number as a title, and leaves out a row without one', () => {
    expect(cleaned({ Title: 2012 }).title).toBe('2012')
    expect(cleanMovies([row({ Title: null }), row({ Title: 'Kept' })]).map(movie => movie.title)).toEqual(['Kept'])
  })

  it.each([
    ['Dec 15 2039', '1939-12-15'],
    ['Jan 01 2012', '1912-01-01'],
    ['Dec 23 2011', '2011-12-23'],
    ['Jul 18 2008', '2008-07-18'],
  ])('reads the date %s as %s', (written, meant) => {
    expect(cleaned({ Title: 'Any', 'Release Date': written }).released).toBe(meant)
  })

  it('takes a gross of zero for unknown, and keeps one that is known', () => {
    expect(cleaned({ Title: 'Any', 'US Gross': 0, 'Worldwide Gross': 7 })).toMatchObject({
      usGross: null,
      worldwideGross: 7,
    })
  })

  it('puts the year into the id, once', () => {
    expect(cleaned({ Title: 'King Kong', 'Release Date': 'Dec 14 2005' }).id).toBe('king-kong-2005')
    expect(cleaned({ Title: 'King Kong (1933)', 'Release Date': 'Apr 07 2033' }).id).toBe('king-kong-1933')
  })

  it('reads doubled quotes as one', () => {
    expect(cleaned({ Title: 'Any', Director: 'Jeff ""King Jeff"" Hollins' }).director).toBe('Jeff "King Jeff" Hollins')
  })

  it('gives the second of two films with the same title and year an id of its own', () => {
    const ids = cleanMovies([row({ Title: 'Twice' }), row({ Title: 'Twice' })]).map(movie => movie.id)
    expect(ids).toEqual(['twice-2000', 'twice-2000-2'])
  })
})

describe('search', () => {
  it.each([
    ['dark knight', 'the-dark-knight-2008'],
    ['TOY STORY', 'toy-story-1995'],
    ['leon', 'leon-1994'],
    ['batman', 'batman-1989'],
    ['oceans eleven', 'oceans-eleven-2001'],
    ['tarant', 'pulp-fiction-1994'],
    ['nolan', 'the-dark-knight-2008'],
    ['amélie', 'le-fabuleux-destin-d-amelie-poulain-2001'],
    ['nolan memento', 'memento-2001'],
    ['2012', '2012-2009'],
  ])('finds by %s first %s', (query, id) => {
    expect(catalogue.search(query, 3).movies[0]!.id).toBe(id)
  })

  it('finds nothing for words that no film has, and every film for no words', () => {
    expect(catalogue.search('zzyzx', 3)).toEqual({ total: 0, movies: [] })
    expect(catalogue.search('🎬', 3)).toEqual({ total: 0, movies: [] })
    expect(catalogue.search('', 3)).toMatchObject({ total: 3200, movies: { length: 3 } })
  })
})

describe('a film named in a text', () => {
  it.each([
    ['Who directed Pulp Fiction?', 'pulp-fiction-1994'],
    ['is toy story 2 better than Up?', 'toy-story-2-1999'],
    ['What about King Kong', 'king-kong-2005'],
    ['Tell me of Ocean’s Eleven.', 'oceans-eleven-2001'],
  ])('is found: %s', (said, id) => {
    expect(catalogue.named(said)!.id).toBe(id)
  })

  it('is not found where none is named, nor within a word', () => {
    expect(catalogue.named('')).toBeUndefined()
    expect(catalogue.named('pulpfictions')).toBeUndefined()
  })
})

describe('what is computed about a film', () => {
  it('names the films nearest to it, never the film itself', () => {
    expect(titlesLike('the-dark-knight-2008')[0]).toBe('Batman Begins')
    expect(titlesLike('toy-story-1995').slice(0, 2)).toEqual(['Toy Story 2', 'Toy Story 3'])
    expect(titlesLike('pulp-fiction-1994').slice(0, 2)).toEqual(['Jackie Brown', 'Reservoir Dogs'])
    expect(titlesLike('toy-story-1995')).not.toContain('Toy Story')
  })

  it('says what two films have in common', () => {
    const [nearest] = catalogue.enhance(catalogue.find('the-dark-knight-2008')!).similar
    expect(nearest!.shared).toEqual(['genre', 'type', 'source', 'director', 'studio', 'decade'])
  })

  it('places each figure among those of all films that have it', () => {
    const { returnOnBudget, imdbRating } = catalogue.enhance(catalogue.find('the-dark-knight-2008')!).standing
    const ratings = movies.map(movie => movie.imdbRating).filter(value => value !== null)
    const percentile = (value: number) => {
      const below = ratings.filter(rating => rating < value)
      return Math.floor((below.length / ratings.length) * 100)
    }
    expect(imdbRating).toEqual({ value: 8.9, percentile: percentile(8.9), among: ratings.length })
    expect(catalogue.enhance(catalogue.find('the-land-girls-1998')!).standing.imdbRating).toMatchObject({
      value: 6.1,
      percentile: percentile(6.1),
    })
    expect(returnOnBudget!.value).toBe(5.53)
  })

  it('says nothing about a figure the data does not have', () => {
    expect(catalogue.enhance(catalogue.find('pulp-fiction-1994')!).standing.minutes).toBeNull()
  })
})
