/** Purging: asked for in words, confirmed, done, and told. */

import { element, say, setText } from './dom.js'
import { count } from './format.js'
import { purge } from './server.js'

/** What goes, in words. Names of strangers stand in quotes, so that none can pretend to be a sentence. */
function wordsOf(target) {
  if ('movie' in target) return `everything of the film “${target.movie}”`
  if ('profile' in target) return `everything in the profile ${target.profile}`
  if ('key' in target) return `the entry “${target.key}”`
  return 'everything there is, of all films and profiles'
}

/** Returns what purges a target if it is confirmed; `onPurged` hears when something may have gone. */
export function makePurge(onPurged) {
  return async target => {
    const words = wordsOf(target)
    if (!(await isConfirmed(words))) return tell(`Nothing was purged. Kept: ${words}.`)
    try {
      const number = await purge(target)
      tell(`Purged ${words}: ${number === 1 ? '1 entry' : `${count(number)} entries`}.`)
    } catch (problem) {
      tell(`Not purged: ${words}. ${problem.message}`)
    }
    onPurged(target)
  }
}

function tell(text) {
  setText(element('purged'), text)
  say(text)
}

function isConfirmed(words) {
  const dialog = element('confirm')
  setText(element('confirm-title'), 'Purge?')
  setText(element('confirm-text'), `This throws out ${words}, from memory and files. Next time, handlers run again.`)
  dialog.returnValue = ''
  dialog.showModal()
  return new Promise(resolve => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'purge'), { once: true })
  })
}

element('confirm-no').addEventListener('click', () => element('confirm').close())
element('confirm-yes').addEventListener('click', () => element('confirm').close('purge'))

/** The three forms of the page. */
export function connectForms(askToPurge) {
  const forms = {
    'purge-movie': () => ({ movie: element('purge-movie-id').value }),
    'purge-profile': () => ({ profile: element('purge-profile-name').value }),
    'purge-all': () => ({ all: true }),
  }
  for (const [id, targetOf] of Object.entries(forms)) {
    element(id).addEventListener('submit', event => {
      event.preventDefault()
      void askToPurge(targetOf())
    })
  }
}
