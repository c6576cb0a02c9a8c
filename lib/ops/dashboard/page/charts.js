/** Two charts over one axis of time. Their colours are those of the legend, which the style sheet knows for light and dark. */

import { element } from './dom.js'
import { count, minute } from './format.js'

const { uPlot } = window
const HEIGHT = 170
/** Of the span that is shown. */
export const PARTS = 120
/** Steps of the axes: minutes, and numbers of requests. */
const MINUTES = [60, 120, 300, 600, 900, 1_800]
const WHOLE = [0, 1, 2, 3, 4, 5, 6].flatMap(power => [1, 2, 5].map(step => step * 10 ** power))

const styleOf = node => window.getComputedStyle(node)
const colourOf = outcome => () =>
  styleOf(document.querySelector(`#legend [data-outcome=${outcome}] dt`)).borderLeftColor
const ofChart =
  property =>
  ({ root }) =>
    styleOf(root.parentElement)[property]

/** Calls `onPoint` with the place of the pointer in the data, or undefined. Returns what shows new data. */
export function makeCharts(onPoint) {
  const rate = makeChart('rate-chart', onPoint, {
    scales: { y: { range: [0, 1] } },
    axis: { splits: () => [0, 0.25, 0.5, 0.75, 1], values: (_, splits) => splits.map(at => `${at * 100} %`) },
    series: [{ stroke: colourOf('hit'), width: 2, points: { show: false } }],
  })
  const bars = uPlot.paths.bars({ size: [0.86], align: -1 })
  const bar = outcome => ({ fill: colourOf(outcome), width: 0, paths: bars, points: { show: false } })
  const outcomes = makeChart('outcome-chart', onPoint, {
    scales: { y: { range: (_, _least, most) => [0, Math.max(4, most * 1.08)] } },
    axis: { incrs: WHOLE, values: (_, splits) => splits.map(count) },
    // The tallest first: each stands on the one drawn after it.
    series: ['bypass', 'miss', 'stale', 'hit'].map(bar),
  })

  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const chart of [rate, outcomes]) chart.redraw(false)
  })

  return (parts, rates) => {
    const times = parts.map(({ until }) => until / 1_000)
    const stack = (...names) => parts.map(part => names.reduce((sum, name) => sum + part[name], 0))
    rate.setData([times, rates])
    outcomes.setData([
      times,
      stack('hit', 'stale', 'miss', 'bypass'),
      stack('hit', 'stale', 'miss'),
      stack('hit', 'stale'),
      stack('hit'),
    ])
  }
}

function makeChart(id, onPoint, { scales, axis, series }) {
  const place = element(id)
  const paper = { stroke: ofChart('color'), font: `12px ${styleOf(place).fontFamily}` }
  const lines = { stroke: ofChart('borderTopColor'), width: 1 }
  const options = {
    width: place.clientWidth,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false }, sync: { key: 'time' }, points: { show: false } },
    scales: { x: { range: (_, from, until) => [from - (until - from) / (PARTS - 1), until] }, ...scales },
    axes: [
      { ...paper, incrs: MINUTES, space: 56, size: 28, grid: { show: false }, ticks: lines, values: clock },
      { ...paper, size: 52, grid: lines, ticks: { show: false }, ...axis },
    ],
    series: [{}, ...series],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? undefined)] },
  }
  const chart = new uPlot(options, [[], ...series.map(() => [])], place)
  new window.ResizeObserver(() => chart.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place)
  return chart
}

const clock = (_, splits) => splits.map(at => minute(at * 1_000))
