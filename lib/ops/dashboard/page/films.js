/** The films asked for most. */

import { element, make, reconcile, setData } from './dom.js'
import { bytes, count, film } from './format.js'

/** `actions`: what is done when a film is chosen, and when it is to be purged. */
export function makeFilms({ choose, purge }) {
  const makeRow = ({ movie }) => {
    const { id, shown } = film(movie)
    const name = make('bdi', {}, shown)
    const row = make('tr', {}, make('th', { scope: 'row' }), ...number(3), make('td'))
    // What only its digest is known of cannot be named.
    if (id === undefined) {
      row.firstElementChild.append(name)
      return row
    }
    row.firstElementChild.append(pressed(make('button', { type: 'button', class: 'plain' }, name), () => choose(id)))
    const remove = make('button', { type: 'button', 'aria-label': `Purge film ${shown}` }, 'Purge…')
    row.lastElementChild.append(pressed(remove, () => purge({ movie: id })))
    return row
  }

  return ({ movies }) => {
    const table = element('films')
    table.parentElement.hidden = movies.length === 0
    reconcile(
      table.tBodies[0],
      movies,
      ({ movie }) => movie,
      makeRow,
      (row, { uses, entries, bytes: held }) => {
        const [usesPlace, entriesPlace, bytesPlace] = row.querySelectorAll('data')
        setData(usesPlace, uses, count(uses))
        setData(entriesPlace, entries, count(entries))
        setData(bytesPlace, held, bytes(held))
      },
    )
  }
}

const number = cells => Array.from({ length: cells }, () => make('td', {}, make('data')))

function pressed(button, action) {
  button.addEventListener('click', action)
  return button
}
