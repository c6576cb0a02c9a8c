/** Tells whether a cookie of this name is ignored. */
export type CookieFilter = (name: string) => boolean

export function cookieFilter(patterns: readonly string[] | true): CookieFilter {
  if (patterns === true) return () => true
  const exact = new Set(patterns.filter(pattern => !pattern.endsWith('*')))
  const prefixes = patterns.filter(pattern => pattern.endsWith('*')).map(pattern => pattern.slice(0, -1))
  return name => exact.has(name) || prefixes.some(prefix => name.startsWith(prefix))
}

/** The names in a Cookie field. What has no `=` counts as a name: it may mean something to the handler. */
export const cookieNames = (field: string): string[] =>
  field
    .split(';')
    .map(pair => pair.split('=', 1)[0]!.trim())
    .filter(name => name !== '')
