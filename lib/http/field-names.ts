/** A name as fields have it once Node has read them (RFC 9110 section 5.1). */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/

/** What code looks for that takes both Node's fields and the `Headers` of fetch, or any object. */
const METHODS: ReadonlySet<string> = new Set([
  ...['get', 'set', 'has', 'append', 'delete', 'keys', 'values', 'entries', 'size', 'raw'],
  ...['constructor', 'then', 'length'],
])

/** Whoever reads this asks what kind of object the fields are: only a client that sends a field of this name is told from others by it. */
export const isNoField = (name: string): boolean => METHODS.has(name) || !FIELD_NAME.test(name)
