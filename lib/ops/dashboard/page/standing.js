/** Whether all is well, and if not, what is off and what to do. */

import { element, make, reconcile, say, setText } from './dom.js'
import { instant } from './format.js'

const WORDS = {
  ok: 'All is well.',
  degraded: 'Something costs speed or money.',
  failing: 'Something is about to cost answers.',
}

export function showStanding({ status, stats: { alerts } }) {
  const place = element('status')
  const words = alerts.length > 0 && status === 'ok' ? 'All is well, and something is worth knowing.' : WORDS[status]
  // Told once when it changes, not each second.
  if (place.dataset.status !== status) {
    if (place.dataset.status !== undefined) say(`${status}: ${words}`)
    place.dataset.status = status
    document.title = status === 'ok' ? 'reelcache' : `${status} – reelcache`
  }
  setText(place.firstElementChild, status)
  setText(place.lastElementChild, words)
  element('alerts').hidden = alerts.length === 0
  reconcile(element('alerts').lastElementChild, alerts, ({ code, since }) => `${code} ${since}`, makeAlert, updateAlert)
}

function makeAlert({ code, severity, advice, since }) {
  return make(
    'li',
    { 'data-severity': severity },
    make('p', {}, make('strong', { class: 'stamp' }, severity), ' ', make('code', {}, code)),
    make('p'),
    make('p', { class: 'advice' }, advice),
    make('p', { class: 'note' }, `since ${instant(since)}`),
  )
}

function updateAlert(node, { message }) {
  setText(node.children[1], message)
}
