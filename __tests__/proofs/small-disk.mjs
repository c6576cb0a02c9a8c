// Preloaded where no small file system may be mounted: writes below a directory end half-way once it holds so many bytes.
import { readdirSync, statSync } from 'node:fs'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'

const { searchParams } = new URL(import.meta.url)
const directory = searchParams.get('directory')
const size = Number(searchParams.get('bytes'))

const sizeOf = entry => statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0
const taken = () =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, entry) => sum + sizeOf(entry), 0)

const open = fs.open
fs.open = async (path, ...others) => {
  const file = await open(path, ...others)
  const write = file.writeFile.bind(file)
  file.writeFile = async data => {
    const room = size - taken()
    if (data.length <= room) return write(data)
    await write(data.subarray(0, Math.max(0, room)))
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  }
  return file
}
syncBuiltinESMExports()
