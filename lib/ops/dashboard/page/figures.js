/** The cache in a few figures. */

import { element, setBar, setData } from './dom.js'
import { bytes, count, money, shareOf, span } from './format.js'

const show = (id, value, format) => setData(element(id), value, format(value))

export function showFigures({ stats, heap }, past) {
  const { hitRate, hitRates, saved, files, flights } = stats
  const showRate = (id, value, hasAny) => show(id, value, share => shareOf(hasAny ? share : null))
  showRate('rate-minute', hitRates.lastMinute, past.hasLookUps(60_000))
  showRate('rate-5-minutes', hitRates.last5Minutes, past.hasLookUps(300_000))
  showRate('rate-hour', hitRates.lastHour, past.hasLookUps(3_600_000))
  showRate('rate-all', hitRate, hasLookUps(stats.profiles))
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

const hasLookUps = profiles => Object.values(profiles).some(({ hits, stale, misses }) => hits + stale + misses > 0)

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
