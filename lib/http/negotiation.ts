import { endOfQuoted } from './headers.js'

/** Optional white space (RFC 9110 section 5.6.3). Other blanks may mean something to a handler. */
const isBlank = (char: string | undefined): boolean => char === ' ' || char === '\t'

/**
 * A list such as Accept-Language without the differences that mean nothing: white space around separators, and the case of names. Quoted
 * text stays as it is. So do parameter values of media types, which may be case-sensitive (RFC 9110 section 8.3.1), with `keepsValues`.
 *
 * It goes over the text once, because a regular expression that looks for blanks in front of separators takes quadratic time.
 */
export function normalizedList(text: string, keepsValues: boolean): string {
  let list = ''
  let isValue = false
  let at = 0
  const skipBlanks = (): void => {
    while (isBlank(text[at])) at++
  }
  skipBlanks()
  while (at < text.length) {
    const start = at
    const char = text[at]!
    if (char === '"') {
      at = endOfQuoted(text, at) ?? text.length
      list += text.slice(start, at)
    } else if (isBlank(char)) {
      skipBlanks()
      // Blanks in front of a separator, or of the end, mean nothing.
      if (at < text.length && !isSeparator(text[at]!)) list += text.slice(start, at)
    } else if (isSeparator(char)) {
      isValue = char === '='
      list += char
      at++
      skipBlanks()
    } else {
      while (at < text.length && !isSpecial(text[at]!)) at++
      const word = text.slice(start, at)
      list += isValue && keepsValues ? word : word.toLowerCase()
    }
  }
  return list
}

const isSeparator = (char: string): boolean => char === ',' || char === ';' || char === '='

const isSpecial = (char: string): boolean => char === '"' || isBlank(char) || isSeparator(char)
