/** A ticket: how one answer came, how long it took, and under which key it is kept. */

const { performance } = window
const JSON_HEADERS = { 'Content-Type': 'application/json' }

// A browser forgets what it has measured after 250 requests, unless it is told to make room.
performance.setResourceTimingBufferSize(10_000)

/**
 * Fills an element of class `ticket`. `ask` sends a request, lets `read` take the answer in, and prints the ticket when all
 * of it is there; what an earlier request still brings is dropped.
 */
export function makeTicket(root) {
  const subject = root.dataset.of
  const { button, outcome, time, key, error } = build(root, subject)
  let latest = 0

  const print = (name, milliseconds, keyText) => {
    root.dataset.state = 'done'
    button.dataset.outcome = name
    outcome.textContent = name
    time.textContent = `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`
    key.textContent = keyText
    say(`${subject}: ${name}, ${time.textContent}`)
  }

  const fail = message => {
    root.dataset.state = 'failed'
    error.textContent = message
    say(`${subject}: ${message}`)
  }

  async function ask(address, body, read) {
    const mine = ++latest
    const isLatest = () => mine === latest
    root.dataset.state = 'waiting'
    const start = performance.now()
    try {
      const response = await send(address, body)
      const result = await read(response, isLatest)
      if (isLatest()) print(outcomeOf(response), waited(response, start), keyOf(response))
      return isLatest() ? result : undefined
    } catch (problem) {
      if (isLatest()) fail(problem.message)
      return undefined
    }
  }

  const clear = () => {
    latest += 1
    root.dataset.state = 'blank'
  }
  return { ask, clear, fail }
}

/** Cookies that other apps on this host have set, and the browser's own cache, would only blur what is shown. */
async function send(address, body) {
  const options = { credentials: 'omit', cache: 'no-store' }
  const post = body && { method: 'POST', headers: JSON_HEADERS, body: JSON.stringify(body) }
  const response = await fetch(address, { ...options, ...post }).catch(() => {
    throw new Error('The server cannot be reached')
  })
  if (response.ok) return response
  const { error } = await response.json().catch(() => ({}))
  throw new Error(error ?? `The server answered ${response.status}`)
}

/** From the request to its last byte, as the browser has measured it; what the page itself was busy with is not in it. */
function waited({ url }, start) {
  const measured = performance.getEntriesByName(url).at(-1)
  return measured?.responseEnd ? measured.responseEnd - measured.requestStart : performance.now() - start
}

/** `collapsed` is RFC 9211's word for an answer shared with a request that was under way. */
function outcomeOf({ headers }) {
  const isJoined = /;\s*collapsed/.test(headers.get('Cache-Status') ?? '')
  return isJoined ? 'JOINED' : (headers.get('X-Cache') ?? 'NOT CACHED')
}

function keyOf({ headers }) {
  const [, quoted] = /;\s*key="((?:[^"\\]|\\.)*)"/.exec(headers.get('Cache-Status') ?? '') ?? []
  return quoted?.replace(/\\(.)/g, '$1') ?? 'The key is shown outside production only'
}

function build(root, subject) {
  const id = `key-of-${subject.toLowerCase().replaceAll(' ', '-')}`
  const button = make('button', { type: 'button', 'aria-describedby': id })
  const outcome = make('strong')
  const time = make('span')
  const key = make('code', { role: 'tooltip', id })
  const error = make('span', { class: 'error' })
  button.append(outcome, time)
  root.append(button, key, error)
  root.dataset.state = 'blank'
  button.addEventListener('click', () => root.classList.toggle('open'))
  for (const type of ['blur', 'pointerleave'])
    button.addEventListener(type, () => root.classList.remove('open', 'shut'))
  button.addEventListener('keydown', ({ key: pressed }) => root.classList.toggle('shut', pressed === 'Escape'))
  return { button, outcome, time, key, error }
}

export function make(tag, attributes = {}, text = '') {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  node.textContent = text
  return node
}

/** For those who listen to the page: one place that speaks, so that a ticket's key is not read out each time. */
function say(text) {
  document.getElementById('said').textContent = text
}
