/** Texts that stand for a user who is missing: `${req.user?.id}`, `String(null)`, `${{}}`. */
const NOBODY = /(?:^|\W)(?:undefined|null|NaN)(?:\W|$)|\[object \w+\]/

/**
 * Whether what `key(req)` returned can tell one user from another. An empty value cannot: it is what is left of a user who is missing, and
 * would be the same for everybody. A list or an object can where one of its members can.
 */
export function namesSomebody(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return value.trim() !== '' && !NOBODY.test(value)
    case 'number':
      return value !== 0 && !Number.isNaN(value)
    case 'bigint':
      return value !== 0n
    case 'object':
      return value !== null && (Buffer.isBuffer(value) ? value.length > 0 : hasMember(value))
    default:
      return false
  }
}

/** The value has been hashed, so that it is neither deep nor wide. */
const hasMember = (value: object): boolean => Object.values(value).some(namesSomebody)
