import type { Request } from 'express'

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
