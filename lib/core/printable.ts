/** Longest text of a client or an upstream in a line of ours. */
const LONGEST = 200

/** Longest line. */
const LONGEST_LINE = 2_000

/** Control characters, among them those that terminals obey; line and paragraph ends; what turns or hides text; halves of a pair. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu

/** What a cut leaves of a character that takes two. */
const HALF = /[\uD800-\uDBFF]$/

/**
 * A text that a client, an upstream or a file may have made up, as it can stand in a warning, a log or on a terminal: one line, nothing that a
 * terminal obeys, and no longer than `longest` characters. Errors and other values are shown as `String` shows them.
 */
export function printable(value: unknown, longest: number = LONGEST): string {
  const text = textOf(value)
  const shown = text.slice(0, longest).replace(UNPRINTABLE, escaped)
  if (text.length <= longest && shown.length <= longest) return shown
  return `${shown.slice(0, longest - 1).replace(HALF, '')}…`
}

/** A whole line, of whose parts some may be anybody's. */
export const printableLine = (line: unknown): string => printable(line, LONGEST_LINE)

/** JSON whose texts no terminal obeys either: `JSON.stringify` leaves most of these characters as they are. */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value, undefined, 2)
    .split('\n')
    .map(line => line.replace(UNPRINTABLE, unit => unit.split('').map(jsonEscape).join('')))
    .join('\n')

const jsonEscape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

/** What somebody threw need not be an error, and may not even have a text. */
function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return 'something that has no text'
  }
}

const escaped = (character: string): string => `\\u{${character.codePointAt(0)!.toString(16).toUpperCase()}}`
