import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Where the files of the page lie: beside this file, or, once for both builds, in `dist/page`. In a file of its own and as CommonJS, where a
 * file knows its place. A function, because a bundler may have left the files behind, and `__dirname` with them.
 */
export const pageDirectory = (): string => {
  const beside = join(__dirname, 'page')
  return existsSync(beside) ? beside : join(__dirname, '../../../page')
}
