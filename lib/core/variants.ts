/** Stands in a variant's key between its request's and each field that chose it (RFC 9111 section 4.1). */
export const VARIANT = ' vary:'

export const isVariantOf = (text: string, key: string): boolean => text.startsWith(key + VARIANT)

/** Whether a text is this key, or that of one of its variants. */
export const isOfKey = (text: string, key: string): boolean => text === key || isVariantOf(text, key)
