/** The films of vega-datasets. The file has errors on purpose; those that can be mended by rule are mended here. */
import { readFileSync } from 'node:fs'
import { repairAccents, slug } from './text.js'

/** `null` means that the data set does not say. */
export interface Movie {
  readonly id: string
  readonly title: string
  readonly year: number
  /** The first release, `1999-03-31`. */
  readonly released: string
  readonly director: string | null
  readonly studio: string | null
  readonly genre: string | null
  readonly type: string | null
  readonly source: string | null
  readonly rated: string | null
  readonly minutes: number | null
  readonly budget: number | null
  readonly usGross: number | null
  readonly worldwideGross: number | null
  readonly dvdSales: number | null
  readonly imdbRating: number | null
  readonly imdbVotes: number | null
  readonly rottenTomatoes: number | null
}

/** A row as it stands in the file. */
export type Row = Record<string, string | number | null>

/** The newest film of the data set opened in 2011; a later date is one of the last century, written with two digits. */
const LAST_YEAR = 2011

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

export function loadMovies(file: string): Movie[] {
  return cleanMovies(JSON.parse(readFileSync(file, 'utf8')) as Row[])
}

/** Rows without a title are left out. */
export function cleanMovies(rows: readonly Row[]): Movie[] {
  const taken = new Set<string>()
  return rows
    .filter(row => row['Title'] !== null)
    .map(row => {
      const movie = clean(row)
      const id = firstFree(movie.id, taken)
      taken.add(id)
      return { ...movie, id }
    })
}

function clean(row: Row): Movie {
  const title = cleanTitle(String(row['Title']))
  const released = cleanDate(String(row['Release Date']))
  const year = Number(released.slice(0, 4))
  return {
    id: cleanId(title, year),
    title,
    year,
    released,
    director: text(row['Director']),
    studio: text(row['Distributor']),
    genre: text(row['Major Genre']),
    type: text(row['Creative Type']),
    source: text(row['Source']),
    rated: text(row['MPAA Rating']),
    minutes: amount(row['Running Time min']),
    budget: amount(row['Production Budget']),
    usGross: amount(row['US Gross']),
    worldwideGross: amount(row['Worldwide Gross']),
    dvdSales: amount(row['US DVD Sales']),
    imdbRating: amount(row['IMDB Rating']),
    imdbVotes: amount(row['IMDB Votes']),
    rottenTomatoes: amount(row['Rotten Tomatoes Rating']),
  }
}

/** Accents mended, double spaces closed, `Secret, The` turned round. */
function cleanTitle(title: string): string {
  return repairAccents(title)
    .replace(/\s+/g, ' ')
    .replace(/^(.+), (The|A|An)$/, '$2 $1')
}

/** `Dec 15 2039` becomes `1939-12-15`. */
function cleanDate(date: string): string {
  const [month = '', day = '', written = ''] = date.split(' ')
  const year = Number(written) > LAST_YEAR ? Number(written) - 100 : Number(written)
  return `${year}-${String(MONTHS.indexOf(month) + 1).padStart(2, '0')}-${day}`
}

/** Title and year, as some titles come twice; `King Kong (1933)` has its year already. */
function cleanId(title: string, year: number): string {
  const name = slug(title)
  return name.endsWith(`-${year}`) ? name : `${name}-${year}`
}

function firstFree(id: string, taken: ReadonlySet<string>): string {
  let candidate = id
  for (let count = 2; taken.has(candidate); count += 1) candidate = `${id}-${count}`
  return candidate
}

/** Quotes are doubled in one name, a trace of CSV. */
function text(value: Row[string] | undefined): string | null {
  return typeof value === 'string' ? value.replaceAll('""', '"') : null
}

/** No film took nothing: a zero stands for a figure nobody knew. */
function amount(value: Row[string] | undefined): number | null {
  return typeof value === 'number' && value > 0 ? value : null
}
