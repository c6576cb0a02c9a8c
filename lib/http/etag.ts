import { hash } from 'node:crypto'

/** A strong validator of these bytes, in the form Express gives its own. */
export const strongEtag = (body: Buffer): string =>
  `"${body.length.toString(16)}-${hash('sha1', body, 'base64').slice(0, 27)}"`

/**
 * The validator of a stored answer: the handler's own, or one of ours. The weak one that Express's `res.send` adds is a digest of the very
 * bytes, so it may be said without the `W/`: players only resume with a strong one.
 */
export function etagFor(body: Buffer, own: string | undefined): string {
  if (own !== undefined && !own.startsWith('W/')) return own
  const strong = strongEtag(body)
  return own === undefined || own === `W/${strong}` ? strong : own
}
