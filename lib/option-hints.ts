import type { Milliseconds } from './core/types.js'

/** What other caches call an option, and what it is called here. A name that a section lacks is never proposed there. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  maxSize: ['maxMemorySize'],
  maxMemorySize: ['maxSize'],
  max: ['maxSize', 'maxMemorySize', 'maxBytes'],
  maxEntries: ['maxSize', 'maxMemorySize'],
  maxAge: ['ttl'],
  sMaxAge: ['ttl'],
  defaultTtl: ['ttl'],
  stdTTL: ['ttl'],
  duration: ['ttl'],
  expire: ['ttl'],
  expires: ['ttl'],
  swr: ['staleWhileRevalidate'],
  stale: ['staleWhileRevalidate'],
  skip: ['bypass'],
  shouldCache: ['bypass'],
  getKey: ['key'],
  cacheKey: ['key'],
  keyGenerator: ['key'],
  headers: ['vary'],
  varyBy: ['vary'],
  cookies: ['ignoreCookies'],
  checkperiod: ['cleanupInterval'],
  directory: ['cacheDir'],
  dir: ['cacheDir'],
  timeout: ['handlerTimeout', 'lockTimeout'],
}

/** The name that was probably meant; undefined where none is near. */
export function meantName(given: string, names: readonly string[]): string | undefined {
  const elsewhere = Object.hasOwn(ELSEWHERE, given) ? ELSEWHERE[given]! : []
  const renamed = elsewhere.find(name => names.includes(name))
  if (renamed !== undefined) return renamed
  // A third of a name may be wrong: more of it is another word.
  const nearest = names
    .map(name => ({ name, distance: editDistance(plain(given), plain(name)) }))
    .sort((one, other) => one.distance - other.distance)[0]
  return nearest !== undefined && nearest.distance <= Math.min(3, Math.floor(nearest.name.length / 3))
    ? nearest.name
    : undefined
}

/** Neither case nor dashes tell two names apart. */
const plain = (name: string): string =>
  name
    .slice(0, 64)
    .toLowerCase()
    .replaceAll(/[-_\s]/g, '')

/** Letters that are wrong, missing, too many or changed with their neighbour. */
function editDistance(one: string, other: string): number {
  let [before, last] = [[] as number[], Array.from({ length: other.length + 1 }, (_, at) => at)]
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1]
      const isSwapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      const swapped = isSwapped ? before[j - 2]! + 1 : Infinity
      row.push(Math.min(last[j - 1]! + Number(!isSame), last[j]! + 1, row[j - 1]! + 1, swapped))
    }
    ;[before, last] = [last, row]
  }
  return last[other.length]!
}

const UNITS: readonly (readonly [unit: RegExp, span: Milliseconds])[] = [
  [/^(ms|msecs?|milliseconds?)$/, 1],
  [/^(|s|secs?|seconds?)$/, 1_000],
  [/^(m|mins?|minutes?)$/, 60_000],
  [/^(h|hrs?|hours?)$/, 3_600_000],
  [/^(d|days?)$/, 86_400_000],
  [/^(w|weeks?)$/, 604_800_000],
]

/** The milliseconds that a text such as `5 minutes` speaks of; undefined where it speaks of none. A bare number is taken for seconds. */
export function spanIn(text: string): Milliseconds | undefined {
  const [, count, unit] = /^(\d{1,9}(?:\.\d{1,3})?) ?([a-z]{0,12})$/.exec(text.trim().toLowerCase()) ?? []
  const span = UNITS.find(([name]) => unit !== undefined && name.test(unit))?.[1]
  return span === undefined ? undefined : Math.round(Number(count) * span)
}

/** As it stands in source text: `300_000`. */
export const written = (value: number): string => value.toLocaleString('en-US').replaceAll(',', '_')

/** What to write in place of something that is no object of options; `factory` is how the route's middleware is made. */
export function hintFor(value: unknown, factory: string): string | undefined {
  if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) {
    return `write ${factory}({ ttl: ${written(value)} }) for milliseconds, or ${factory}({ ttl: ${written(value * 1_000)} }) for seconds`
  }
  if (typeof value === 'string') return `write ${factory}({ ttl: ${written(spanIn(value) ?? 300_000)} })`
  if (typeof value === 'function') return `write app.get(path, ${factory}(), handler)`
  return undefined
}

/** What Express passes to a factory that was given to it in place of what the factory makes. */
export const isRequest = (value: object): boolean => 'headers' in value && 'method' in value && 'url' in value
