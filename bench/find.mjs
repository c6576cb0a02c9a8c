import { pathToFileURL } from 'node:url'
import { variants } from './variants.mjs'

/** The variants of the bench, and those of a module that was given with `--add`. */
export async function findVariants(add) {
  return add === undefined ? variants : { ...variants, ...(await import(pathToFileURL(add).href)).default }
}
