import type { CacheEvent } from './core/events.js'
import { printable, printableLine } from './core/printable.js'

/** What is named in it may be a client's or an upstream's: none of it breaks the line, or the log. */
const warn = (message: string, code?: string): void =>
  process.emitWarning(printableLine(message), { type: 'ReelcacheWarning', ...(code !== undefined && { code }) })

/** Different warnings shown by one cache; a handler that lists all headers could else be made to warn without end. */
const MOST = 32

/** Says once of each kind of event what somebody should do about it. */
export function warnOfEvents(): (event: CacheEvent) => void {
  const all = [warnOfUnkeyed(), warnOfLateUser(), warnOfUnsupported(), warnOfUnparsed(), warnOfUnasked()]
  return event => all.forEach(warnOf => warnOf(event))
}

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
    const factory = factoryOf(event.profile)
    if (isHeader) warn(ofHeader(factory, printable(event.name)), 'WRN_REELCACHE_UNKEYED_HEADER')
    else warn(ofProperty(factory, printable(event.name)), 'WRN_REELCACHE_UNKEYED_PROPERTY')
  }
}

/** Says once that authentication stands on the wrong side of the cache. */
export function warnOfLateUser(): (event: CacheEvent) => void {
  let isWarned = false
  return event => {
    if (isWarned || event.type !== 'refused' || event.reason !== 'user') return
    isWarned = true
    const [factory, name] = [factoryOf(event.profile), printable(event.name ?? 'user')]
    warn(
      `Authentication behind ${factory} has set req.${name}, so the answer was not stored. Put it in front of the cache: hits do not come to it. ` +
        `If req.${name} says nothing of who is asking, write ${factory}({ ignoreProperties: ['${name}'] }).`,
      'WRN_REELCACHE_LATE_USER',
    )
  }
}

/** Says once that the cache could not be put round a request. */
export function warnOfUnsupported(): (event: CacheEvent) => void {
  let isWarned = false
  return event => {
    if (isWarned || event.type !== 'bypass' || event.reason !== 'unsupported') return
    isWarned = true
    warn(
      `A request was answered as without the cache, because it or its response lacks or refuses what the cache asks of it: ${printable(event.error)}. ` +
        'Requests of this kind are not cached.',
      'WRN_REELCACHE_UNSUPPORTED',
    )
  }
}

/** Says that the store which machines share could not be used at start. */
export const warnOfStore = (error: unknown): void =>
  warn(
    `The store of createCache({ redis }) cannot be used: ${printable(error)}. The app runs as without it until it can.`,
    'WRN_REELCACHE_STORE_AWAY',
  )

/** Says that speech cannot be kept in files. */
export const warnOfFiles = (dir: string, error: unknown): void =>
  warn(
    `createCache({ tts: { cacheDir } }) cannot be used: ${printable(dir)}: ${printable(error)}. Speech is kept in memory alone until it can. ` +
      'Name a directory that this process may write into, or write fileCache: false.',
    'WRN_REELCACHE_FILES_AWAY',
  )

/** Says once that a POST was not looked up because nobody had read its body. */
export function warnOfUnparsed(): (event: CacheEvent) => void {
  let isWarned = false
  return event => {
    if (isWarned || event.type !== 'bypass' || event.reason !== 'body-unparsed') return
    isWarned = true
    warn(
      `A POST behind ${factoryOf(event.profile)} went past the cache, because no parser in front of it has read the body into req.body. ` +
        "Write app.use(express.json()) before the route, or the parser of what your clients send (express.text({ type: 'text/plain' })).",
      'WRN_REELCACHE_BODY_UNPARSED',
    )
  }
}

/** Says once of each profile made for POST that a POST was not looked up because no route asks for it. */
export function warnOfUnasked(): (event: CacheEvent) => void {
  const warned = new Set<string>()
  return event => {
    if (event.type !== 'bypass' || event.reason !== 'method' || event.method !== 'POST') return
    const { profile } = event
    if ((profile !== 'ai' && profile !== 'tts') || warned.has(profile)) return
    warned.add(profile)
    const factory = factoryOf(profile)
    warn(
      `A POST behind ${factory} went past the cache, because the middleware is not on a route for POST itself. ` +
        `Write app.post(path, ${factory}(), handler), or ${factory}({ methods: ['GET', 'POST'] }) where it is mounted otherwise.`,
      'WRN_REELCACHE_POST_BYPASSED',
    )
  }
}

/** Spans that a whole answer is good for: less than a second of them is meant to be seconds, or minutes. */
const SPANS = ['ttl', 'negativeTtl', 'staleWhileRevalidate', 'staleIfError', 'fileTtl'] as const
const SECOND = 1_000

/** Says once that a span looks like one in seconds. */
export function warnOfShortSpans(): (where: string, options: object | undefined) => void {
  let isWarned = false
  return (where, options = {}) => {
    const spans = options as Readonly<Record<string, unknown>>
    const short = SPANS.find(name => typeof spans[name] === 'number' && spans[name] > 0 && spans[name] < SECOND)
    if (isWarned || short === undefined) return
    isWarned = true
    const value = Number(spans[short])
    warn(
      `${short}: ${value} in ${where} is ${value} milliseconds. If you mean seconds, write ${short}: ${value}_000.`,
      'WRN_REELCACHE_SHORT_SPAN',
    )
  }
}

export const factoryOf = (profile: string): string => `cache${profile[0]!.toUpperCase()}${profile.slice(1)}`

/** Says once for each profile that more was warmed than it holds. */
export function warnOfOverflowWhenWarming(): (profile: string, dropped: number, maxEntries: number) => void {
  const warned = new Set<string>()
  return (profile, dropped, maxEntries) => {
    if (warned.has(profile)) return
    warned.add(profile)
    const option = profile === 'tts' ? 'maxMemorySize' : 'maxSize'
    warn(
      `warm() stored more for the profile ${profile} than memory holds: ${dropped} of its entries were evicted before the end. ` +
        `Raise createCache({ ${profile}: { ${option} } }), which is ${maxEntries}, or memory.maxBytes, or warm fewer.`,
      'WRN_REELCACHE_WARM_OVERFLOW',
    )
  }
}

/** Says once that nobody knows where the audio router is mounted. */
export function warnOfAudioPath(): () => void {
  let isWarned = false
  return () => {
    if (isWarned) return
    isWarned = true
    warn(
      'The answer to a POST cannot say where its audio is played: audioRouter() is in an express.Router, which does not tell it the path, ' +
        "or not mounted at one path. Write audioRouter({ path: '/api/audio' }), the whole path that clients ask for.",
      'WRN_REELCACHE_AUDIO_PATH',
    )
  }
}

/** Says that a function among the options answered with what cannot be used. */
export const warnOfAnswer = (name: string, kind: string, advice: string): void =>
  warn(`${name} answered with ${kind}, and the answer is not cached. It must ${advice}.`, 'WRN_REELCACHE_OPTION_ANSWER')

/** Says where a cache is made for a request. */
export const warnOfCachePerRequest = (place: string): void =>
  warn(
    `createCache() was called while a request is answered, at ${place}. A cache made for each request never answers from what it holds, and takes ` +
      'memory and timers of its own. Make it once, beside the app, and use its factories on the routes.',
    'WRN_REELCACHE_CACHE_PER_REQUEST',
  )

/** Says that somebody's listener threw. */
export const warnOfListener = (error: unknown): void => warn(`An event listener threw: ${printable(error)}`)

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

function ofProperty(factory: string, name: string): string {
  const read = name.startsWith('locals.') ? `res.${name}` : `req.${name}`
  const inKey = name.startsWith('locals.') ? `req.res.${name}` : `req.${name}`
  return (
    `A handler behind ${factory} read "${read}", which is not in the key; its answer was not stored. ` +
    `If the answer depends on it, write ${factory}({ key: req => ${inKey} }), and return all that it depends on; ` +
    `if not, or if what it comes from is in the key, ${factory}({ ignoreProperties: ['${name}'] }).`
  )
}
