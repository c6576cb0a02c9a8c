/** The cache in a few figures. */

import { element, setBar, setData } from './dom.js'
import { bytes, count, money, percent, span } from './format.js'

const show = (id, value, format) => setData(element(id), value, format(value))

export function showFigures({ stats, heap }) {
  const { hitRate, hitRates, saved, files, flights } = stats
  show('rate-minute', hitRates.lastMinute, percent)
  show('rate-5-minutes', hitRates.last5Minutes, percent)
  show('rate-hour', hitRates.lastHour, percent)
  show('rate-all', hitRate, percent)
  show('saved-time', saved.time, span)
  show('saved-runs', saved.runs, count)
  element('money').hidden = saved.cost === 0
  show('saved-cost', saved.cost, money)
  show('bytes', stats.bytes, bytes)
  setBar(element('bytes-bar'), stats.bytes / stats.maxBytes)
  show('max-bytes', stats.maxBytes, bytes)
  show('entries', stats.entries, count)
  show('evictions', stats.evictions, count)
  showFiles(files)
  show('heap', heap.used, bytes)
  setBar(element('heap-bar'), heap.used / heap.total)
  show('heap-total', heap.total, bytes)
  show('rss', heap.rss, bytes)
  show('running', flights.running, count)
  show('waiting', flights.waiting, count)
}

function showFiles(files) {
  element('disk').hidden = files === undefined
  if (files === undefined) return
  show('file-bytes', files.bytes, bytes)
  setBar(element('file-bar'), files.bytes / files.maxBytes)
  show('file-max-bytes', files.maxBytes, bytes)
  show('file-entries', files.entries, count)
  show('file-evicted', files.evicted, count)
  show('file-damaged', files.damaged, count)
}
