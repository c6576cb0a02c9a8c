/** The four profiles side by side, and what they have in common. */

import { make, reconcile, setBar, setData } from './dom.js'
import { bytes, count, shareOf, span } from './format.js'

const total = reasons => Object.values(reasons).reduce((sum, number) => sum + number, 0)

/** In the order of the table's head. */
const COLUMNS = {
  hits: [({ hits }) => hits, count],
  stale: [({ stale }) => stale, count],
  misses: [({ misses }) => misses, count],
  hitRate: [({ hitRate, hits, stale, misses }) => (hits + stale + misses === 0 ? null : hitRate), shareOf],
  bypasses: [({ bypasses }) => total(bypasses), count],
  stored: [({ stored }) => stored, count],
  refusals: [({ refusals }) => total(refusals), count],
  evictions: [({ evictions }) => evictions, count],
  expired: [({ expired }) => expired, count],
  saved: [({ saved }) => saved.time, span],
  entries: [({ entries }) => entries, count],
  bytes: [profile => profile.bytes, bytes],
}

export function showProfiles({ stats }) {
  const rows = Object.entries(stats.profiles)
  fill('tbody', rows, stats.maxBytes)
  fill('tfoot', [['all', sumOf(stats)]], stats.maxBytes)
}

/** All profiles as if they were one. */
function sumOf(stats) {
  const each = Object.values(stats.profiles)
  const sum = name => each.reduce((all, profile) => all + profile[name], 0)
  const reasons = name => ({ all: each.reduce((all, profile) => all + total(profile[name]), 0) })
  const counted = { stale: sum('stale'), stored: sum('stored'), expired: sum('expired') }
  return { ...stats, ...counted, bypasses: reasons('bypasses'), refusals: reasons('refusals') }
}

function fill(part, rows, maxBytes) {
  const place = document.querySelector(`#profiles ${part}`)
  reconcile(
    place,
    rows,
    ([name]) => name,
    makeRow,
    (node, [, profile]) => {
      for (const [column, [pick, format]] of Object.entries(COLUMNS)) {
        const value = pick(profile)
        setData(node.querySelector(`[data-column=${column}] data`), value, format(value))
      }
      setBar(node.querySelector('.bar i'), profile.bytes / maxBytes)
    },
  )
}

function makeRow([name]) {
  const cells = Object.keys(COLUMNS).map(column => make('td', { 'data-column': column }, make('data')))
  cells.at(-1).prepend(make('span', { class: 'bar', 'aria-hidden': 'true' }, make('i')))
  return make('tr', {}, make('th', { scope: 'row' }, name), ...cells)
}
