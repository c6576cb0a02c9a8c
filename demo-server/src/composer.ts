/**
 * Text about a film, composed from its facts. This is no language model: it picks the statements that the question
 * asks for, puts the unusual ones first and fills sentences with numbers from the data.
 */
import type { Enhanced } from './catalogue.js'
import type { Movie } from './movies.js'
import type { Place } from './standing.js'

type Topic = 'money' | 'opinion' | 'similar' | 'people' | 'time' | 'origin'

interface Statement {
  readonly topic: Topic
  /** 0 for an average figure, 50 for one at the end of the scale. */
  readonly surprise: number
  readonly text: string
}

const TOPICS: Readonly<Record<Topic, RegExp>> = {
  money: /\b(money|budget|costs?|expensive|gross(ed)?|box office|earn(ed)?|profit|success|flop|hit)\b/i,
  opinion: /\b(good|bad|rat(ed|ings?)|scores?|best|worst|critics?|audience|imdb|rotten|liked|worth|popular)\b/i,
  similar: /\b(similar|like this|next|recommend|else|other|alike)\b/i,
  people: /\b(who|director|directed|made|makers?|studio|distributor)\b/i,
  time: /\b(when|year|old|long|length|minutes|released?|opened|run(s|time)?)\b/i,
  origin: /\b(based|book|novel|source|comic|remake|original|genre|kind|about)\b/i,
}

const MAX_STATEMENTS = 5
const DISAGREEMENT = 25
const SIGNATURE = '(Local composer, not a language model: sentences filled with figures from the data set.)'

/** The answer to a question that is about no film of the data set. */
export const NO_FILM = `Name a film of the data set in your question. ${SIGNATURE}`

/** What there is to say about a film on its own: the text that is spoken when no other is given. */
export function describe(movie: Movie): string {
  return [
    sentence(`${movie.title} is ${withArticle(`${movie.year} ${kindOf(movie)}`)}${credits(movie)}`),
    movie.source && `Its source: ${lower(movie.source)}.`,
    movie.minutes && `It runs ${movie.minutes} minutes.`,
    movie.budget && `It cost ${dollars(movie.budget)}.`,
    movie.worldwideGross && `It took ${dollars(movie.worldwideGross)} around the world.`,
    movie.imdbRating && `IMDb users give it ${movie.imdbRating} out of 10.`,
    movie.rottenTomatoes && `On Rotten Tomatoes it stands at ${movie.rottenTomatoes} percent.`,
  ]
    .filter(Boolean)
    .join(' ')
}

/** An answer to a question about a film; without a topic that we know, the most unusual facts. */
export function answer(facts: Enhanced, question: string): string {
  const { title, year } = facts.movie
  const all = statements(facts).sort((a, b) => b.surprise - a.surprise)
  const asked = (Object.keys(TOPICS) as Topic[]).filter(topic => TOPICS[topic].test(question))
  const fitting = all.filter(statement => asked.includes(statement.topic))
  const opening = asked.length > 0 && fitting.length === 0 ? 'The data set does not say. What it does say:' : ''
  const chosen = (fitting.length > 0 ? fitting : all).slice(0, MAX_STATEMENTS)
  return [`${title} (${year}).`, opening, ...chosen.map(statement => statement.text), SIGNATURE]
    .filter(Boolean)
    .join(' ')
}

function statements(facts: Enhanced): Statement[] {
  return [...money(facts), ...opinions(facts), ...circumstances(facts), ...neighbours(facts)]
}

function money({ standing: { returnOnBudget, worldwideGross, budget } }: Enhanced): Statement[] {
  return [
    ...figure('money', returnOnBudget, place => `Its box office was ${place.value} times its budget`),
    ...figure('money', worldwideGross, place => `It took ${dollars(place.value)} around the world`),
    ...figure('money', budget, place => `It cost ${dollars(place.value)}`),
  ]
}

function opinions({ movie, standing: { imdbRating, rottenTomatoes } }: Enhanced): Statement[] {
  const votes = movie.imdbVotes ? ` after ${count(movie.imdbVotes)} votes` : ''
  return [
    ...figure('opinion', imdbRating, place => `IMDb users give it ${place.value} out of 10${votes}`),
    ...figure('opinion', rottenTomatoes, place => `Rotten Tomatoes counts ${place.value} percent good reviews`),
    ...disagreement(imdbRating, rottenTomatoes),
  ]
}

function disagreement(users: Place | null, critics: Place | null): Statement[] {
  if (!users || !critics) return []
  const gap = users.percentile - critics.percentile
  if (Math.abs(gap) < DISAGREEMENT) return []
  const [higher, lower] = gap > 0 ? ['users', 'critics'] : ['critics', 'users']
  return [{ topic: 'opinion', surprise: 50, text: `The ${higher} place it far higher than the ${lower} do.` }]
}

function circumstances({ movie, standing }: Enhanced): Statement[] {
  const plain = (topic: Topic, text: string): Statement => ({ topic, surprise: 0, text })
  return [
    plain('people', sentence(`It is ${withArticle(kindOf(movie))}${credits(movie)}`)),
    plain('time', `It opened on ${longDate(movie.released)}.`),
    ...figure('time', standing.minutes, place => `It runs ${place.value} minutes`),
    ...(movie.source ? [plain('origin', `Its source: ${lower(movie.source)}.`)] : []),
    ...(movie.genre ? [plain('origin', `Its genre: ${lower(movie.genre)}.`)] : []),
  ]
}

function neighbours({ similar }: Enhanced): Statement[] {
  const names = similar.slice(0, 3).map(({ title, year }) => `${title} (${year})`)
  if (names.length === 0) return []
  return [{ topic: 'similar', surprise: 25, text: `The films nearest to it are ${list(names)}.` }]
}

/** A figure with its place among the others; the further from the middle, the more it surprises. */
function figure(topic: Topic, place: Place | null, tell: (place: Place) => string): Statement[] {
  if (!place) return []
  const { percentile, among } = place
  const share = `${percentile < 50 ? 'only ' : ''}${percentile} percent of ${count(among)} films have less`
  return [{ topic, surprise: Math.abs(percentile - 50), text: `${tell(place)}; ${share}.` }]
}

/** `thriller film`, as in `Thriller/Suspense`; a film without a genre is a film. */
function kindOf({ genre }: Movie): string {
  return genre ? `${lower(genre.split('/')[0]!)} film` : 'film'
}

/** ` directed by … and distributed by …`, as far as known. */
function credits({ director, studio }: Movie): string {
  const parts = [director && `directed by ${director}`, studio && `distributed by ${studio}`].filter(Boolean)
  return parts.length > 0 ? ` ${parts.join(' and ')}` : ''
}

function dollars(amount: number): string {
  if (amount >= 1e9) return `${(amount / 1e9).toFixed(2)} billion dollars`
  if (amount >= 1e6) return `${(amount / 1e6).toFixed(1).replace('.0', '')} million dollars`
  return `${count(amount)} dollars`
}

/** With a full stop, which `Warner Bros.` brings along. */
const sentence = (text: string) => (text.endsWith('.') ? text : `${text}.`)
const count = (amount: number) => amount.toLocaleString('en-US')
const lower = (text: string) => text.toLowerCase()
const withArticle = (noun: string) => `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`
const list = (names: readonly string[]) => new Intl.ListFormat('en').format(names)
const longDate = (date: string) =>
  new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(date))
