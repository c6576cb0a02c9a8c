/** The page: what the cache tells is shown as it comes, and what it holds can be looked at and purged. */

import { element, say, setText } from './dom.js'
import { makeEntries } from './entries.js'
import { makeEntry } from './entry.js'
import { showFigures } from './figures.js'
import { makeFilms } from './films.js'
import { second } from './format.js'
import { makeHistory } from './history.js'
import { listen } from './live.js'
import { Past } from './past.js'
import { showProfiles } from './profiles.js'
import { connectForms, makePurge } from './purge.js'
import { showReasons } from './reasons.js'
import { showStanding } from './standing.js'

const purge = makePurge(() => void entries.again())
const entries = makeEntries(makeEntry(purge))
const showFilms = makeFilms({ choose: entries.ofFilm, purge })
const past = new Past()
const showHistory = makeHistory(past)
connectForms(purge)

const connection = element('connection')
let isLost = false

function show(snapshot) {
  setText(connection, `Live: ${second(snapshot.now)}`)
  if (isLost) say('The connection is back')
  isLost = false
  document.body.classList.remove('lost')
  past.take(snapshot.history)
  showStanding(snapshot)
  showFigures(snapshot, past)
  showHistory()
  showProfiles(snapshot)
  showFilms(snapshot)
  showReasons(snapshot)
}

function showLoss() {
  if (isLost) return
  isLost = true
  document.body.classList.add('lost')
  setText(connection, `${connection.textContent.replace('Live: ', 'Connection lost. This is from ')}. Trying again.`)
  say('The connection is lost')
}

listen(show, showLoss)
