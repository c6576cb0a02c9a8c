import { accessSync, constants } from 'node:fs'
import path from 'node:path'

/** Where the first of these programs lies that is installed. */
export function findProgram(...names: readonly string[]): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(path.delimiter)
  return names.flatMap(name => directories.map(directory => path.join(directory, name))).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
