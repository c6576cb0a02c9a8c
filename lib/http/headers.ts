import type { ServerResponse } from 'node:http'

/** Header fields as `getHeaders()` gives them: lower-case names; a name with several lines holds an array. */
export type Fields = Readonly<Record<string, number | string | readonly string[] | undefined>>

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

/** The members of a list field, trimmed; empty members are no members. A comma in quotes, or in the URL of a Link, separates nothing. */
export const members = (list: string): string[] =>
  (list.match(/(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,])+/g) ?? [])
    .map(member => member.trim())
    .filter(member => member !== '')

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
