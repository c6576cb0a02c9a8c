import type { Request } from 'express'
import type { Fields } from './headers.js'

/** What the session holds, beside its own cookie: a handler that changes it answers one visitor. Undefined: there is no session. */
export function sessionText(req: Request): string | undefined {
  const { session } = req as { session?: unknown }
  if (typeof session !== 'object' || session === null) return undefined
  try {
    return JSON.stringify(session, (name, value: unknown) => (name === 'cookie' ? undefined : value))
  } catch {
    return undefined
  }
}

/** Whether a line of Set-Cookie is the session's own: its middleware writes each request one, on hits too. */
export type IsSessionCookie = (line: string) => boolean

/** By the session that middleware in front has made: one that the handler begins anew is not it. */
export function sessionCookieOf(req: Request): IsSessionCookie {
  const { sessionID, sessionOptions } = req as { sessionID?: unknown; sessionOptions?: { readonly name?: unknown } }
  if (typeof sessionOptions === 'object') {
    // cookie-session: by its name, and its signature beside it.
    const name = typeof sessionOptions.name === 'string' ? sessionOptions.name : 'session'
    return line => line.startsWith(`${name}=`) || line.startsWith(`${name}.sig=`)
  }
  if (typeof sessionID !== 'string' || sessionID === '') return () => false
  // express-session keeps its name to itself, and writes `s:ID.SIGNATURE`.
  return line => line.includes(`=${encodeURIComponent(`s:${sessionID}.`)}`)
}

/** The fields without the session's own cookie. */
export function withoutSessionCookie(fields: Fields, isOwn: IsSessionCookie): Fields {
  const cookies = fields['set-cookie']
  if (cookies === undefined) return fields
  const foreign = (typeof cookies === 'object' ? cookies : [String(cookies)]).filter(line => !isOwn(line))
  return { ...fields, 'set-cookie': foreign.length === 0 ? undefined : foreign }
}
