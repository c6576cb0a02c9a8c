/** The page: search, pick a film, read its facts, see similar ones, ask, listen. */

const element = id => document.getElementById(id)

const LABELS = {
  released: 'Released',
  director: 'Director',
  studio: 'Studio',
  genre: 'Genre',
  type: 'Kind',
  source: 'Source',
  rated: 'Rated',
  minutes: 'Minutes',
  budget: 'Budget',
  worldwideGross: 'Worldwide gross',
  imdbRating: 'IMDb rating',
  imdbVotes: 'IMDb votes',
  rottenTomatoes: 'Rotten Tomatoes',
}
const MONEY = new Set(['budget', 'worldwideGross'])

let chosen

/** Asks the server and writes under the heading how the answer came; throws what the server says is wrong. */
async function load(statusId, address, body) {
  const status = element(statusId)
  status.dataset.cache = ''
  status.textContent = 'Waiting …'
  const start = window.performance.now()
  const response = await fetch(address, body && { method: 'POST', headers: JSON_HEADERS, body: JSON.stringify(body) })
  if (!response.ok) throw new Error((await response.json()).error)
  const source = response.headers.get('X-Cache') ?? 'not cached'
  const tell = () => {
    status.dataset.cache = source
    status.textContent = `${source} in ${Math.round(window.performance.now() - start)} ms`
  }
  return { response, tell }
}

const JSON_HEADERS = { 'Content-Type': 'application/json' }

async function loadJson(statusId, address) {
  const { response, tell } = await load(statusId, address)
  const data = await response.json()
  tell()
  return data
}

/** Runs an action and shows its failure where its status would stand. */
async function attempt(statusId, action) {
  try {
    await action()
  } catch (error) {
    element(statusId).dataset.cache = 'error'
    element(statusId).textContent = error.message
  }
}

const addressOf = (id, rest = '') => `api/movies/${encodeURIComponent(id)}${rest}`

function movieButton({ id, title, year }, note = '') {
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = `${title} (${year})${note}`
  button.addEventListener('click', () => pick(id))
  const item = document.createElement('li')
  item.append(button)
  return item
}

function search() {
  return attempt('search-status', async () => {
    const { movies } = await loadJson('search-status', `api/movies?q=${encodeURIComponent(element('query').value)}`)
    element('results').replaceChildren(...movies.map(movie => movieButton(movie)))
  })
}

async function pick(id) {
  chosen = id
  element('movie').hidden = false
  element('answer').textContent = ''
  element('player').removeAttribute('src')
  for (const part of ['ask-status', 'listen-status']) element(part).textContent = ''
  await Promise.all([attempt('facts-status', () => showFacts(id)), attempt('enhanced-status', () => showSimilar(id))])
  element('title').focus()
}

async function showFacts(id) {
  const movie = await loadJson('facts-status', addressOf(id))
  if (id !== chosen) return
  element('title').textContent = `${movie.title} (${movie.year})`
  const known = Object.entries(LABELS).filter(([name]) => movie[name] !== null)
  element('facts').replaceChildren(
    ...known.flatMap(([name, label]) => [cell('dt', label), cell('dd', show(movie, name))]),
  )
}

function show(movie, name) {
  const value = typeof movie[name] === 'number' ? movie[name].toLocaleString('en-US') : movie[name]
  return MONEY.has(name) ? `$${value}` : value
}

function cell(tag, text) {
  const node = document.createElement(tag)
  node.textContent = text
  return node
}

async function showSimilar(id) {
  const { similar } = await loadJson('enhanced-status', addressOf(id, '/enhanced'))
  if (id !== chosen) return
  element('similar').replaceChildren(...similar.map(near => movieButton(near, `: shares ${near.shared.join(', ')}`)))
}

function ask() {
  return attempt('ask-status', async () => {
    const id = chosen
    const { response, tell } = await load('ask-status', addressOf(id, '/ai'), { question: element('question').value })
    element('answer').textContent = ''
    for await (const piece of pieces(response)) {
      if (id !== chosen) return
      element('answer').textContent += piece
    }
    tell()
  })
}

/** The words of an event stream in OpenAI's chat shape, as they come. */
async function* pieces(response) {
  const reader = response.body.pipeThrough(new window.TextDecoderStream()).getReader()
  let rest = ''
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split('\n')
    rest = lines.pop()
    for (const line of lines) {
      if (line === 'data: [DONE]') return
      if (line.startsWith('data: ')) yield JSON.parse(line.slice(6)).choices[0]?.delta.content ?? ''
    }
  }
  throw new Error('The answer broke off')
}

function listen() {
  return attempt('listen-status', async () => {
    const id = chosen
    const text = element('text').value
    const wish = { voice: element('voice').value, ...(text && { text }) }
    const { response, tell } = await load('listen-status', addressOf(id, '/tts'), wish)
    const audio = await response.blob()
    if (id !== chosen) return
    tell()
    await play(audio)
  })
}

async function play(audio) {
  const player = element('player')
  if (player.src) URL.revokeObjectURL(player.src)
  player.src = URL.createObjectURL(audio)
  await player.play()
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
await search()
