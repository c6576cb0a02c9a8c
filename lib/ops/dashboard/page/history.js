/** "What happened": two charts, their legend, and the same in numbers. */

import { makeCharts, PARTS } from './charts.js'
import { element, make, setText } from './dom.js'
import { count, minute, percent, second, shareOf, span } from './format.js'
import { rateOf } from './past.js'

const OUTCOMES = ['hit', 'stale', 'miss', 'bypass', 'evicted']
/** Rows of the table. */
const ROWS = 10

const sumOf = parts =>
  Object.fromEntries(OUTCOMES.map(outcome => [outcome, parts.reduce((sum, part) => sum + part[outcome], 0)]))

/** Returns what shows the past as it is now. */
export function makeHistory(past) {
  const update = makeCharts(at => {
    pointed = at
    showLegend()
  })
  const legend = new Map(OUTCOMES.map(name => [name, make('dd')]))
  for (const [name, node] of legend) document.querySelector(`#legend [data-outcome=${name}]`).append(node)
  let pointed
  let parts = []
  let rates = []

  const chosen = () => ({
    milliseconds: Number(document.querySelector('#past [name=span]:checked').value),
    profile: element('past-profile').value,
  })

  function show() {
    const { milliseconds, profile } = chosen()
    parts = past.parts(milliseconds, PARTS, profile)
    rates = parts.map(({ until }) => past.rate(until, profile))
    setText(element('bar-width'), span(milliseconds / PARTS))
    update(parts, rates)
    showLegend()
    describe()
    showTable(past.parts(milliseconds, ROWS, profile))
  }

  /** Of the bar that is pointed at, or of all. */
  function showLegend() {
    const part = parts[pointed]
    const shown = part ?? sumOf(parts)
    for (const [name, node] of legend) setText(node, count(shown[name]))
    const rate = shareOf(part === undefined ? rateOf(shown) : rates[pointed])
    const when = part === undefined ? span(chosen().milliseconds) : `${second(part.from)} to ${second(part.until)}`
    setText(element('legend-when'), `${when}: hit rate ${rate}`)
  }

  /** What the charts show, for those who do not see them. */
  function describe() {
    const { milliseconds, profile } = chosen()
    const where = `${profile === '' ? 'all profiles' : profile}, the last ${span(milliseconds)}`
    const known = rates.filter(rate => rate !== null)
    const range =
      known.length === 0 ? 'no look-ups' : `${percent(Math.min(...known))} to ${percent(Math.max(...known))}`
    element('rate-chart').setAttribute(
      'aria-label',
      `Hit rate, ${where}: ${range}, now ${shareOf(rates.at(-1) ?? null)}`,
    )
    const sums = sumOf(parts)
    const said = OUTCOMES.slice(0, 4).map(outcome => `${outcome} ${count(sums[outcome])}`)
    element('outcome-chart').setAttribute('aria-label', `Requests, ${where}: ${said.join(', ')}`)
  }

  element('past').addEventListener('change', show)
  return show
}

function showTable(parts) {
  const rows = parts.map(part => {
    const cells = [...OUTCOMES.map(outcome => count(part[outcome])), shareOf(rateOf(part))]
    return make('tr', {}, make('th', { scope: 'row' }, minute(part.from)), ...cells.map(text => make('td', {}, text)))
  })
  document.querySelector('#past-table tbody').replaceChildren(...rows.reverse())
}
