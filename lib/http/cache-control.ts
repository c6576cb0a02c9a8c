/** Directives of a Cache-Control field, names in lower case; a directive given twice keeps every value. */
export type Directives = ReadonlyMap<string, readonly (string | undefined)[]>

// RFC 9111 section 5.2: #( token [ "=" ( token / quoted-string ) ] ), RFC 9110 section 5.6.1: empty list members are allowed.
const MEMBER =
  /[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\.)*)"))?[ \t]*)?(?:,|$)/gy

/** Parses a Cache-Control field. Undefined: it cannot be parsed, which the caller takes for a no. */
export function parseCacheControl(value: string): Directives | undefined {
  if (value === '') return new Map()
  const directives = new Map<string, (string | undefined)[]>()
  let parsed = 0
  for (const [member, name, token, quoted] of value.matchAll(MEMBER)) {
    parsed += member.length
    if (name === undefined) continue
    const argument = token ?? quoted?.replace(/\\(.)/g, '$1')
    directives.set(name.toLowerCase(), [...(directives.get(name.toLowerCase()) ?? []), argument])
  }
  return parsed === value.length ? directives : undefined
}

/**
 * The seconds a directive such as max-age gives. Undefined: it is absent. NaN: it is there and makes no sense, so that the answer counts as
 * stale. Of several values the smallest holds (RFC 9111 section 4.2.1 leaves the choice; this one never serves too long).
 */
export function deltaSeconds(directives: Directives, name: string): number | undefined {
  const values = directives.get(name)
  if (values === undefined) return undefined
  return Math.min(...values.map(value => (value !== undefined && /^\d+$/.test(value) ? clampSeconds(value) : NaN)))
}

/** RFC 9111 section 1.2.2: a number of seconds too large to hold counts as 2147483648. */
export const clampSeconds = (digits: string): number => Math.min(Number(digits), 2_147_483_648)
