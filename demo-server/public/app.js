/** The page: search, pick a film, hear it, ask about it, read its facts, see where it stands. */
import { drawReel } from './reel.js'
import { make, makeTicket } from './ticket.js'

const element = id => document.getElementById(id)

const [searchTicket, speechTicket, answerTicket, factsTicket, enhancedTicket] = [
  ...document.querySelectorAll('.ticket'),
].map(makeTicket)

const count = value => value.toLocaleString('en-US')
const dollars = value => `$${count(value)}`
const date = value => new Date(value).toLocaleDateString('en-GB', { dateStyle: 'long', timeZone: 'UTC' })

const FACTS = {
  released: ['Released', date],
  director: ['Director'],
  studio: ['Distributor'],
  genre: ['Genre'],
  type: ['Kind'],
  source: ['Source'],
  rated: ['Rated'],
  minutes: ['Minutes', count],
  budget: ['Budget', dollars],
  worldwideGross: ['Worldwide gross', dollars],
  imdbRating: ['IMDb rating', value => value.toFixed(1)],
  imdbVotes: ['IMDb votes', count],
  rottenTomatoes: ['Rotten Tomatoes', value => `${value} %`],
}

const STANDING = {
  imdbRating: 'IMDb rating',
  rottenTomatoes: 'Rotten Tomatoes',
  worldwideGross: 'Worldwide gross',
  budget: 'Budget',
  returnOnBudget: 'Return on budget',
  minutes: 'Running time',
}

/** The film of the page is the one in its address, so that Back and Reload do what they say. */
const chosen = () => decodeURIComponent(window.location.hash.slice(1))
const addressOf = (id, rest = '') => `api/movies/${encodeURIComponent(id)}${rest}`

const readJson = response => response.json()

async function search() {
  const query = element('query').value
  const found = await searchTicket.ask(`api/movies?limit=12&q=${encodeURIComponent(query)}`, undefined, readJson)
  if (!found) return
  element('results').replaceChildren(...found.movies.map(movie => entry(movie, movie.director)))
  element('found').textContent = `${count(found.total)} ${found.total === 1 ? 'film' : 'films'}`
  markChosen()
  if (chosen() === '' && found.movies.length > 0) {
    window.history.replaceState(null, '', `#${found.movies[0].id}`)
    await show()
  }
}

function entry({ id, title, year }, note) {
  const link = make('a', { href: `#${encodeURIComponent(id)}` })
  link.append(make('b', {}, title), make('i', {}, String(year)), make('span', {}, note ?? ''))
  const item = make('li')
  item.append(link)
  return item
}

function markChosen() {
  for (const link of element('results').querySelectorAll('a')) {
    if (link.hash.slice(1) === encodeURIComponent(chosen())) link.setAttribute('aria-current', 'true')
    else link.removeAttribute('aria-current')
  }
}

async function show() {
  const id = chosen()
  if (id === '') return
  markChosen()
  answerTicket.clear()
  speechTicket.clear()
  element('answer').textContent = ''
  stopPlaying()
  await Promise.all([showFacts(id), showEnhanced(id)])
}

async function showFacts(id) {
  const movie = await factsTicket.ask(addressOf(id), undefined, readJson)
  if (!movie) return
  element('film').hidden = false
  document.title = `${movie.title} – Second Showing`
  element('title').textContent = movie.title
  element('credits').textContent = [
    movie.year,
    movie.director,
    movie.genre,
    movie.minutes && `${movie.minutes} minutes`,
  ]
    .filter(Boolean)
    .join(' · ')
  const known = Object.entries(FACTS).filter(([name]) => movie[name] !== null)
  element('facts').replaceChildren(
    ...known.map(([name, [label, format = String]]) => row(make('dt', {}, label), make('dd', {}, format(movie[name])))),
  )
}

/** HTML lets a `div` group a term and what is said of it. */
function row(...cells) {
  const group = make('div')
  group.append(...cells)
  return group
}

async function showEnhanced(id) {
  const facts = await enhancedTicket.ask(addressOf(id, '/enhanced'), undefined, readJson)
  if (!facts) return
  const places = Object.entries(STANDING).map(([name, label]) => ({ label, place: facts.standing[name] }))
  drawReel(
    element('reel'),
    places.map(({ place }) => place),
  )
  element('standing').replaceChildren(
    ...places.map(({ label, place }) =>
      row(make('dt', {}, label), make('dd', place ? {} : { class: 'unknown' }, place ? place.percentile : 'not known')),
    ),
  )
  element('similar').replaceChildren(...facts.similar.map(near => entry(near, `shares ${near.shared.join(', ')}`)))
}

function ask() {
  const answer = element('answer')
  answer.setAttribute('aria-busy', 'true')
  const question = element('question').value
  return answerTicket.ask(addressOf(chosen(), '/ai'), { question }, async (response, isLatest) => {
    answer.textContent = ''
    for await (const words of wordsOf(response)) {
      if (!isLatest()) return
      answer.append(words)
    }
    answer.removeAttribute('aria-busy')
  })
}

/** The words of an event stream in OpenAI's chat shape, as they come. Read to the end: the cache keeps what was sent whole. */
async function* wordsOf(response) {
  const reader = response.body.pipeThrough(new window.TextDecoderStream()).getReader()
  try {
    let rest = ''
    let isWhole = false
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const lines = (rest + part.value).split('\n')
      rest = lines.pop()
      for (const line of lines) {
        if (line === 'data: [DONE]') isWhole = true
        else if (line.startsWith('data: ')) yield JSON.parse(line.slice(6)).choices[0]?.delta.content ?? ''
      }
    }
    if (!isWhole) throw new Error('The answer broke off')
  } finally {
    await reader.cancel()
  }
}

/** The POST makes the speech; the player gets it by GET where Content-Location says, in the pieces it wants. */
async function listen() {
  const wish = { voice: element('voice').value }
  const address = await speechTicket.ask(addressOf(chosen(), '/tts'), wish, async response => {
    // A client that leaves before the end leaves nothing in the cache.
    await response.arrayBuffer()
    return response.headers.get('Content-Location')
  })
  if (address === undefined) return
  if (address === null) speechTicket.fail('The cache did not keep this speech')
  else play(address)
}

function play(address) {
  const player = element('player')
  player.hidden = false
  player.src = address
  // A browser that wants a press of its own before it makes a sound gets it on the player.
  player.play().catch(() => undefined)
}

function stopPlaying() {
  const player = element('player')
  player.hidden = true
  player.removeAttribute('src')
  player.load()
}

async function showWhoAnswers() {
  const { isLocal, server, chatModel, speechModel } = await (await fetch('api/about')).json()
  element('answer-note').textContent = isLocal
    ? `Answered by ${chatModel}: sentences filled with figures from the data. No language model.`
    : `Answered by ${chatModel} at ${server}.`
  element('voice-note').textContent = isLocal
    ? 'Spoken on this machine by eSpeak NG: quick, clear, and a robot.'
    : `Spoken by ${speechModel} at ${server}.`
}

function onSubmit(form, action) {
  element(form).addEventListener('submit', event => {
    event.preventDefault()
    void action()
  })
}

onSubmit('search', search)
onSubmit('ask', ask)
onSubmit('listen', listen)
element('query').addEventListener('input', () => void search())
window.addEventListener('hashchange', async () => {
  await show()
  element('title').focus()
})
for (const type of ['play', 'pause', 'ended', 'emptied']) {
  element('player').addEventListener(type, ({ target }) => {
    element('reel').classList.toggle('turning', type === 'play' && !target.paused)
  })
}
element('base-url').textContent = new URL('v1', window.location.href).href
await Promise.all([search(), show(), showWhoAnswers()])
