import { NO_MOVIE } from '../../core/tags.js'

/** What a key is made of, for people. */
export interface KeyParts {
  readonly profile: string
  readonly movie: string | undefined
  readonly method: string
  readonly origin: string
  readonly url: string
  /** Parts that only some routes have, by name: `header:accept-language`, `key`, `body`. */
  readonly others: Readonly<Record<string, string>>
}

/** Takes a key's text apart. Parts are separated by spaces and hold none themselves. */
export function partsOf(key: string): KeyParts {
  const [profile = '', movie = '', method = '', origin = '', url = '', ...others] = key.split(' ')
  return { profile, movie: movie === NO_MOVIE ? undefined : movie, method, origin, url, others: named(others) }
}

/** `header:accept=json`, `key:text=anna`, `body:none`, `rewritten:/x`: the name ends at the first sign that is no part of one. */
function named(parts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    parts.map(part => {
      const [, name = part, value = ''] = /^((?:header|vary):[^=]*|[a-z]+):?=?(.*)$/s.exec(part) ?? []
      return [name, value]
    }),
  )
}
