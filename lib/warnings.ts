import type { CacheEvent } from './core/events.js'

const WARNING = 'ReelcacheWarning'

/** Different warnings shown by one cache; a handler that lists all headers could else be made to warn without end. */
const MOST = 32

/** Says once for each name what to write when a handler reads something that the key does not cover. */
export function warnOfUnkeyed(): (event: CacheEvent) => void {
  const warned = new Set<string>()
  return event => {
    if (event.type !== 'refused' || event.name === undefined) return
    const isHeader = event.reason === 'unkeyed-header'
    if (!isHeader && event.reason !== 'unkeyed-property') return
    const subject = `${event.profile} ${event.reason} ${event.name}`
    if (warned.has(subject) || warned.size >= MOST) return
    warned.add(subject)
    const factory = `cache${event.profile[0]!.toUpperCase()}${event.profile.slice(1)}`
    process.emitWarning(isHeader ? ofHeader(factory, event.name) : ofProperty(factory, event.name), {
      type: WARNING,
      code: isHeader ? 'WRN_REELCACHE_UNKEYED_HEADER' : 'WRN_REELCACHE_UNKEYED_PROPERTY',
    })
  }
}

/** Says that the store which machines share could not be used at start. */
export const warnOfStore = (error: unknown): void =>
  process.emitWarning(
    `The store of createCache({ redis }) cannot be used: ${String(error)}. The app runs as without it until it can.`,
    { type: WARNING, code: 'WRN_REELCACHE_STORE_AWAY' },
  )

/** Says once for each profile that more was warmed than it holds. */
export function warnOfOverflowWhenWarming(): (profile: string, dropped: number, maxEntries: number) => void {
  const warned = new Set<string>()
  return (profile, dropped, maxEntries) => {
    if (warned.has(profile)) return
    warned.add(profile)
    const option = profile === 'tts' ? 'maxMemorySize' : 'maxSize'
    process.emitWarning(
      `warm() stored more for the profile ${profile} than memory holds: ${dropped} of its entries were evicted before the end. ` +
        `Raise createCache({ ${profile}: { ${option} } }), which is ${maxEntries}, or memory.maxBytes, or warm fewer.`,
      { type: WARNING, code: 'WRN_REELCACHE_WARM_OVERFLOW' },
    )
  }
}

/** Says once that nobody knows where the audio router is mounted. */
export function warnOfAudioPath(): () => void {
  let isWarned = false
  return () => {
    if (isWarned) return
    isWarned = true
    process.emitWarning(
      'The answer to a POST cannot say where its audio is played: audioRouter() is in an express.Router, which does not tell it the path, ' +
        "or not mounted at one path. Write audioRouter({ path: '/api/audio' }), the whole path that clients ask for.",
      { type: WARNING, code: 'WRN_REELCACHE_AUDIO_PATH' },
    )
  }
}

/** Says that somebody's listener threw. */
export const warnOfListener = (error: unknown): void =>
  process.emitWarning(`An event listener threw: ${String(error)}`, WARNING)

function ofHeader(factory: string, name: string): string {
  if (name === '*') {
    return (
      `A handler behind ${factory} listed all request headers; its answer may depend on any of them and was not stored. ` +
      `Read the headers you need by name. If the answer depends on none of them, write ${factory}({ ignoreHeaders: true }).`
    )
  }
  return (
    `A handler behind ${factory} read the request header "${name}", which is not in the key; its answer was not stored. ` +
    `If the answer depends on it, write ${factory}({ vary: ['${name}'] }); if not, ${factory}({ ignoreHeaders: ['${name}'] }).`
  )
}

const ofProperty = (factory: string, name: string): string =>
  `A handler behind ${factory} read "req.${name}", which is not in the key; its answer was not stored. ` +
  `If the answer depends on it, write ${factory}({ key: req => req.${name} }), and return all that it depends on; ` +
  `if not, ${factory}({ ignoreProperties: ['${name}'] }).`
