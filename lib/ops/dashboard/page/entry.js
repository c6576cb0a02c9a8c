/** One entry: what its key is made of, and what lies where. */

import { element, make, setText } from './dom.js'
import { bytes, count, film, instant, span } from './format.js'
import { get } from './server.js'

const at = text => instant(Date.parse(text))
const list = texts => (texts.length === 0 ? null : texts.join('\n'))

/** What is said of an entry, in this order; what is not known is left out. */
const DETAILS = {
  Status: ({ status }) => String(status),
  Body: ({ bytes: size, type }) => `${bytes(size)}${type === null ? '' : `, ${type}`}`,
  'Takes in all': ({ size }) => bytes(size),
  'Made in': ({ handlerTime }) => span(handlerTime),
  'Asked for': ({ uses }) => uses && count(uses),
  Generated: ({ generatedAt }) => at(generatedAt),
  Stored: ({ storedAt }) => at(storedAt),
  'Fresh until': ({ staleAt }) => at(staleAt),
  'While refreshed until': ({ servedWhileRefreshedUntil: until }) => until && at(until),
  'On errors until': ({ servedOnErrorsUntil: until }) => until && at(until),
  'Deleted at': ({ deletedAt }) => at(deletedAt),
  ETag: ({ etag }) => etag,
  File: ({ path }) => path,
  Tags: ({ tags }) => list(tags),
  Headers: ({ headers }) =>
    list(Object.entries(headers).flatMap(([name, lines]) => [lines].flat().map(line => `${name}: ${line}`))),
  'Differs by': ({ variants }) => list(variants.map(({ names, key }) => `${names.join(', ')}: ${key}`)),
}

/** Returns what shows the entry of a key. */
export function makeEntry(askToPurge) {
  let shown = ''
  let movie

  element('entry-close').addEventListener('click', () => element('entry').close())
  element('entry-purge').addEventListener('click', () => void purge({ key: shown }))
  element('entry-purge-movie').addEventListener('click', () => void purge({ movie }))

  function purge(target) {
    element('entry').close()
    return askToPurge(target)
  }

  return async key => {
    shown = key
    const details = element('entry-details')
    details.replaceChildren()
    setText(element('entry-title'), 'Entry')
    element('entry-purge-movie').hidden = true
    element('entry').showModal()
    try {
      const { parts, entries, last } = await get('entry', { key })
      if (shown !== key) return
      movie = parts.movie && film(parts.movie).id
      setText(element('entry-title'), `${parts.method} ${parts.url}`)
      element('entry-purge-movie').hidden = movie === undefined
      details.append(...sections(key, parts, entries, last))
    } catch (problem) {
      // One that has gone meanwhile, too.
      details.append(make('p', {}, problem.message))
    }
  }
}

function sections(key, parts, entries, last) {
  const { profile, movie, origin, others } = parts
  const named = { Profile: profile, Film: movie && film(movie).shown, Origin: origin, ...others, Key: key }
  return [
    make('h3', {}, 'Its key'),
    terms(named),
    ...entries.flatMap(entry => [
      make('h3', {}, entry.tier === 'file' ? 'In files' : 'In memory'),
      terms(Object.fromEntries(Object.entries(DETAILS).map(([name, pick]) => [name, pick(entry)]))),
    ]),
    ...(last === null ? [] : [make('h3', {}, 'The last answer'), terms(noteOf(last))]),
  ]
}

const noteOf = ({ what, at: when, reason, meaning, header }) => ({
  Was: what,
  At: at(when),
  'Because of': reason,
  'That is': meaning,
  Header: header,
})

function terms(named) {
  const known = Object.entries(named).filter(([, text]) => text !== undefined && text !== null)
  const rows = known.map(([name, text]) =>
    make('div', {}, make('dt', {}, name), make('dd', {}, make('bdi', {}, String(text)))),
  )
  return make('dl', {}, ...rows)
}
