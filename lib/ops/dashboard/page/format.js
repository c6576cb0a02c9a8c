/** Numbers, sizes, spans and instants as people read them. */

export const count = value => value.toLocaleString('en-US')

export const percent = share => `${(share * 100).toFixed(1)} %`

/** Null where there is nothing to have a share of. */
export const shareOf = share => (share === null ? '–' : percent(share))

export const money = value => value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function bytes(value) {
  const power = value < 1 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), UNITS.length - 1)
  const size = value / 1024 ** power
  return `${power === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${UNITS[power]}`
}

const SPANS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
]

/** The two largest units of a span in milliseconds: `3 h 12 min`. */
export function span(milliseconds) {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`
  if (milliseconds < 10_000) return `${Math.round(milliseconds / 100) / 10} s`
  const seconds = Math.floor(milliseconds / 1_000)
  const at = SPANS.findIndex(([, size]) => seconds >= size)
  const [unit, size] = SPANS[at]
  const whole = `${count(Math.floor(seconds / size))} ${unit}`
  const next = SPANS[at + 1]
  const rest = next === undefined ? 0 : Math.floor((seconds % size) / next[1])
  return rest === 0 ? whole : `${whole} ${rest} ${next[0]}`
}

const inZone = options => value => new Date(value).toLocaleString('en-GB', options)

export const minute = inZone({ hour: '2-digit', minute: '2-digit' })
export const second = inZone({ hour: '2-digit', minute: '2-digit', second: '2-digit' })
export const instant = inZone({ dateStyle: 'medium', timeStyle: 'medium' })

/**
 * A movie as the app names it: keys write it percent-encoded. Undefined where the key holds a digest, for nobody knows what it was. A name with
 * signs that cannot be seen stays encoded in `shown`: it could look like another.
 */
export function film(written) {
  const id = written.startsWith('~') ? undefined : decodeURIComponent(written)
  return { id, shown: id === undefined || /[\p{C}\p{Zl}\p{Zp}]/u.test(id) ? written : id }
}
