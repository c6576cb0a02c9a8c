import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Alert, CacheStats } from '../../lib/index.js'
import {
  filesBelow,
  heardFromFiles,
  inTheEnd,
  isLong,
  isRight,
  makeDirectory,
  MB,
  startSpeaker,
  temporariesBelow,
  type Line,
  type Speaker,
} from './speaker.js'

const SIZE = 4 * MB
/** Speech asked for while the disk is full: about 150 KB each. */
const LINES_WHEN_FULL = isLong ? 1_000 : 40
/** The tier rests a second after a failure; whoever speaks on sees it come back long before this many. */
const MOST_LINES = 10_000

const mount = (directory: string, options: string): boolean =>
  spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]).status === 0
const unmount = (directory: string): boolean => spawnSync('umount', [directory]).status === 0

interface Disk {
  readonly directory: string
  /** For a child that has to take a larger disk for this one. */
  readonly execArgv: string[]
}

function tmpfs(options: string): Disk {
  const directory = makeDirectory()
  if (!mount(directory, options)) throw new Error(`cannot mount a tmpfs, ${options}`)
  inTheEnd(() => expect(unmount(directory)).toBe(true))
  return { directory, execArgv: [] }
}

function pretended(): Disk {
  const directory = makeDirectory()
  const preload = new URL(`file://${join(__dirname, 'small-disk.mjs')}`)
  preload.searchParams.set('directory', directory)
  preload.searchParams.set('bytes', String(SIZE))
  return { directory, execArgv: ['--import', preload.href] }
}

const fillBytes = (folder: string): void => writeFileSync(join(folder, 'film'), Buffer.alloc(SIZE / 2))
const fillNodes = (folder: string): void => {
  for (let i = 0; i < 40; i++) writeFileSync(join(folder, String(i)), '')
}

function mayMount(): boolean {
  const directory = makeDirectory()
  return mount(directory, `size=${SIZE}`) && unmount(directory)
}

const disks: [name: string, make: () => Disk, fill: (folder: string) => void][] = mayMount()
  ? [
      ['a tmpfs of 4 MB', () => tmpfs(`size=${SIZE}`), fillBytes],
      ['a tmpfs of 80 files', () => tmpfs('size=64m,nr_inodes=80'), fillNodes],
    ]
  : [['a pretended disk of 4 MB, because no tmpfs may be mounted here', pretended, fillBytes]]

let count = 0
async function speakNext(speaker: Speaker): Promise<Line> {
  const line = { movie: 600 + (count % 3), text: `line ${count++}` }
  const answer = await speaker.speak(line)
  expect({ ...line, isRight: isRight(answer, line) }).toEqual({ ...line, isRight: true })
  return line
}

/** Speaks new lines until the condition holds, and answers them. */
async function speakUntil(speaker: Speaker, condition: () => Promise<boolean>): Promise<Line[]> {
  const lines: Line[] = []
  while (!(await condition())) {
    if (lines.length === MOST_LINES) throw new Error('it did not come to pass')
    lines.push(await speakNext(speaker))
  }
  return lines
}

/** Other alerts may be right on so small a disk. */
const failing = ({ alerts }: CacheStats): Alert | undefined => alerts.find(({ code }) => code === 'files-failing')

test.each(disks)(
  'a full disk costs nobody an answer, and files come back with the room: %s',
  async (name, make, fill) => {
    const { directory, execArgv } = make()
    const filler = join(directory, 'filler')
    const tts = { cacheDir: join(directory, 'tts'), fileMinFreeBytes: 0 }
    mkdirSync(filler)
    fill(filler)
    const speaker = await startSpeaker({ tts, execArgv })
    const stats = () => speaker.tell('stats')

    let full = await stats()
    const before = await speakUntil(speaker, async () => failing((full = await stats())) !== undefined)
    expect(failing(full)?.message).toContain('ENOSPC')
    for (let i = 0; i < LINES_WHEN_FULL; i++) await speakNext(speaker)
    const onFullDisk = await startSpeaker({ tts, execArgv, isMute: true })
    const kept = await heardFromFiles(onFullDisk, before)
    expect(kept.length).toBeGreaterThanOrEqual(full.files!.entries)
    await onFullDisk.stop()

    rmSync(filler, { recursive: true })
    const { entries } = (await stats()).files!
    const resumed = await speakUntil(speaker, async () => {
      const now = await stats()
      return failing(now) === undefined && now.files!.entries >= entries + 5
    })
    await speaker.stop()
    expect(temporariesBelow(directory)).toEqual([])
    const after = await startSpeaker({ tts, execArgv, isMute: true })
    const heard = await heardFromFiles(after, resumed)
    expect(heard.length).toBeGreaterThan(0)
    expect(await heardFromFiles(after, kept)).toEqual(kept)
    expect((await after.tell('stats')).alerts).toEqual([])
    console.log(
      `${name}: full after ${before.length} lines, of which ${kept.length} are whole on the full disk; of ${resumed.length} ` +
        `lines after there was room ${heard.length} are in files, ${filesBelow(tts.cacheDir).length} altogether`,
    )
  },
  120_000,
)
