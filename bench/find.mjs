import { pathToFileURL } from 'node:url'
import { variants } from './variants.mjs'

/** The variants of the bench, and those of a module that was given with `--add`. */
export async function findVariants(add) {
  return add === undefined ? variants : { ...variants, ...(await import(pathToFileURL(add).href)).default }
}

/** The variant of this name. Throws where there is none. */
export async function findVariant(name, add) {
  const variant = (await findVariants(add))[name]
  if (variant === undefined) throw new Error(`there is no variant ${name}`)
  return variant
}
