import type { ServerResponse } from 'node:http'

/** Header fields as `getHeaders()` gives them: lower-case names; a name with several lines holds an array. */
export type Fields = Readonly<Record<string, number | string | readonly string[] | undefined>>

/** All lines of each field, by its name in lower case. */
export type Lines = Record<string, string[]>

/** Of lines as they came: name, value, name, value. */
export function linesByName(rawHeaders: readonly string[]): Lines {
  const lines = Object.create(null) as Lines
  for (let at = 0; at < rawHeaders.length; at += 2)
    (lines[rawHeaders[at]!.toLowerCase()] ??= []).push(rawHeaders[at + 1]!)
  return lines
}

/** The one line of a field, or undefined when it is absent or has several. */
export function lineOf(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return value
  return value?.length === 1 ? value[0] : undefined
}

/** A list-valued field with all its lines joined (RFC 9110 section 5.3), empty when it is absent. */
export function joined(fields: Fields, name: string): string {
  const value = fields[name]
  if (value === undefined) return ''
  return typeof value === 'object' ? value.join(', ') : String(value)
}

/**
 * The members of a list field, trimmed; empty members are no members. A comma in quotes, or in the URL of a Link, separates nothing. A
 * quote or bracket that is never closed is a character like any other: it is looked for once, so that the time stays linear.
 */
export function members(list: string): string[] {
  const found: string[] = []
  const closed = { quotes: true, brackets: true }
  let start = 0
  const take = (end: number): void => {
    const member = list.slice(start, end).trim()
    if (member !== '') found.push(member)
  }
  for (let at = 0; at < list.length; at++) {
    const char = list[at]
    if (char === ',') {
      take(at)
      start = at + 1
    } else if (char === '"' && closed.quotes) {
      const end = endOfQuoted(list, at)
      closed.quotes = end !== undefined
      at = (end ?? at + 1) - 1
    } else if (char === '<' && closed.brackets) {
      const end = list.indexOf('>', at)
      closed.brackets = end >= 0
      at = Math.max(at, end)
    }
  }
  take(list.length)
  return found
}

/** Where a quoted string ends, behind its closing quote; undefined where that is missing. */
export function endOfQuoted(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at + 1
  }
  return undefined
}

/** The URLs an answer names beside its own. */
export const locationsOf = (fields: Fields): string[] =>
  ['location', 'content-location'].map(name => lineOf(fields, name)).filter(location => location !== undefined)

/** Puts back what stood on the response, so that another answer can be written; `sendDate` says whether Node was to write its Date. */
export function resetHead(res: ServerResponse, before: Fields, sendDate: boolean): void {
  res.statusMessage = ''
  for (const name of res.getHeaderNames()) if (before[name] === undefined) res.removeHeader(name)
  for (const [name, value] of Object.entries(before)) if (value !== undefined) res.setHeader(name, value)
  // Node takes the removal of a Date for a wish to have none.
  res.sendDate = sendDate
}
