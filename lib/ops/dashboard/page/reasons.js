/** Why requests went past the cache, and why answers were not stored: the most frequent first. */

import { element, make, reconcile, setData } from './dom.js'
import { count } from './format.js'

export function showReasons({ stats: { profiles } }) {
  const rows = Object.entries(profiles)
    .flatMap(([profile, { bypasses, refusals }]) => [
      ...rowsOf(profile, 'went past', bypasses),
      ...rowsOf(profile, 'not stored', refusals),
    ])
    .sort((a, b) => b.number - a.number || (keyOf(a) < keyOf(b) ? -1 : 1))
  const table = element('reasons')
  table.parentElement.hidden = rows.length === 0
  reconcile(table.tBodies[0], rows, keyOf, makeRow, (node, { number }) => {
    setData(node.querySelector('data'), number, count(number))
  })
}

const rowsOf = (profile, what, reasons) =>
  Object.entries(reasons).map(([reason, number]) => ({ profile, what, reason, number }))

const keyOf = ({ profile, what, reason }) => `${profile} ${what} ${reason}`

const makeRow = ({ profile, what, reason }) =>
  make(
    'tr',
    {},
    make('th', { scope: 'row' }, make('code', {}, reason)),
    ...[profile, what].map(text => make('td', {}, text)),
    make('td', {}, make('data')),
  )
