/** What the cache holds: searched for, a page at a time. */

import { element, make, setText } from './dom.js'
import { bytes, count, film, span } from './format.js'
import { get } from './server.js'

/** Files are listed a film at a time: nobody walks the whole directory for a page. */
const placeOf = ({ tier, movie }) =>
  tier === 'memory' ? 'memory' : movie === '' ? 'files of no film; name a film to see its own' : 'files of this film'

/** `open` shows the entry of a key. Returns what searches anew, and what searches for a film. */
export function makeEntries(open) {
  let page = 1
  let latest = 0

  async function search(wanted) {
    const mine = ++latest
    const isFiles = element('tier').value === 'file'
    const profile = isFiles ? '' : element('profile').value
    const lookup = { movie: element('movie').value, tier: element('tier').value, profile, page: wanted }
    try {
      const found = await get('entries', lookup)
      if (mine !== latest) return
      page = wanted
      show(found, placeOf(lookup))
    } catch (problem) {
      if (mine === latest) setText(element('found'), problem.message)
    }
  }

  function show({ entries, next }, where) {
    const more = next === null ? '' : ', and there are more'
    const number = `${count(entries.length)} ${entries.length === 1 ? 'entry' : 'entries'}`
    setText(
      element('found'),
      entries.length === 0 ? `Nothing in ${where}.` : `Page ${page}: ${number} in ${where}${more}.`,
    )
    const list = element('list')
    list.hidden = entries.length === 0
    list.querySelector('tbody').replaceChildren(...entries.map(entry => row(entry, open)))
    element('pages').hidden = page === 1 && next === null
    element('previous').disabled = page === 1
    element('next').disabled = next === null
  }

  element('search').addEventListener('submit', event => {
    event.preventDefault()
    void search(1)
  })
  // Files hold speech only.
  element('tier').addEventListener('change', ({ target }) => {
    element('profile').disabled = target.value === 'file'
  })
  element('previous').addEventListener('click', () => void search(page - 1))
  element('next').addEventListener('click', () => void search(page + 1))

  return {
    again: () => latest > 0 && search(page),
    ofFilm: id => {
      element('movie').value = id
      element('entries-heading').scrollIntoView()
      return search(1)
    },
  }
}

function row({ key, movie, profile, status, type, bytes: size, freshFor, uses }, open) {
  const [, , method, , url] = key.split(' ')
  const button = make('button', { type: 'button', class: 'plain' }, make('code', {}, `${method} ${url}`))
  button.addEventListener('click', () => void open(key))
  const cells = [
    make('bdi', {}, movie === null ? '–' : film(movie).shown),
    profile,
    [status, type?.split(';', 1)[0]].filter(Boolean).join(' '),
    bytes(size),
    freshFor === 0 ? 'stale' : span(freshFor * 1_000),
    uses === null ? '–' : count(uses),
  ]
  return make('tr', {}, make('th', { scope: 'row' }, button), ...cells.map(content => make('td', {}, content)))
}
