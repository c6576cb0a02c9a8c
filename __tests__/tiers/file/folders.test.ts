import { lstatSync, mkdtempSync, rmdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Folders } from '../../../lib/tiers/file/folders.js'
import { nodeFileSystem, type FileSystem } from '../../../lib/tiers/file/fs.js'

let dir: string
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'reelcache-folders-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** Takes the folder of a film away as soon as it has been made, so many times. */
function sweeping(times: number): FileSystem {
  let left = times
  const mkdir: FileSystem['mkdir'] = async (path, options) => {
    await nodeFileSystem.mkdir(path, options)
    if (path.endsWith('603') && left-- > 0) rmdirSync(path)
  }
  return { ...nodeFileSystem, mkdir }
}

describe('a folder', () => {
  it.each([0, 1, 2, 15])('is there once it is made, though it was taken away %i times', async times => {
    const folders = new Folders(dir, sweeping(times))
    await folders.make(folders.path('603'))
    expect(lstatSync(folders.path('603')).isDirectory()).toBe(true)
  })

  it('is given up where it never stays, which is not called a link', async () => {
    const folders = new Folders(dir, sweeping(Infinity))
    await expect(folders.make(folders.path('603'))).rejects.toThrow('is taken away as often as it is made')
  })

  it('is not made where a link stands, which is said', async () => {
    const folders = new Folders(dir, nodeFileSystem)
    await folders.make(folders.path('602'))
    symlinkSync(dir, folders.path('603'))
    await expect(folders.make(folders.path('603'))).rejects.toThrow('is not a directory: reelcache follows no links')
  })
})
