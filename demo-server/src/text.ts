/** What the data, the search box and the ids need to know about text. */

/** Letters of the file's titles and what stood there before Windows-1252 was read as Mac Roman. */
const MISREAD = 'ÈËÍÎ‡·‰ÙÛ˘ÖΩ'
const MEANT = 'éèêëàáäôóù…½'

/** `AstÈrix` becomes `Astérix`. */
export function repairAccents(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, letter => MEANT[MISREAD.indexOf(letter)] ?? letter)
}

/** Lower-case words without accents: `Ocean's d'Amélie` gives `oceans`, `d`, `amelie`. */
export function words(text: string): string[] {
  const plain = text.normalize('NFKD').replace(/[\u0300-\u036f]|['’](?=[st]\b)/g, '')
  return plain.toLowerCase().match(/[a-z0-9]+/g) ?? []
}

/** `The Dark Knight` gives `the-dark-knight`. */
export function slug(text: string): string {
  return words(text).join('-')
}
