import { seeded } from '../support/random.js'
import {
  filesBelow,
  heardFromFiles,
  isLong,
  isRight,
  makeDirectory,
  MB,
  startSpeaker,
  temporariesBelow,
  type Line,
  type Speaker,
} from './speaker.js'

const VOICES = ['alloy', 'echo', 'fable', 'onyx']
const BUDGET = (isLong ? 50 : 10) * MB
const SPOKEN = (isLong ? 500 : 60) * MB
const CLIENTS = 8
const MOVIES = 20
/** How far back the lines lie that clients ask another process for: most are still there, some are just being evicted. */
const REACH = isLong ? 400 : 100

const bytesBelow = (directory: string): number => filesBelow(directory).reduce((sum, { bytes }) => sum + bytes, 0)

test(
  `four processes that make ${SPOKEN / MB} MB of speech share a directory of ${BUDGET / MB} MB`,
  async () => {
    const directory = makeDirectory()
    const random = seeded(50)
    const tts = { cacheDir: directory, fileMinFreeBytes: 0, fileMaxBytes: BUDGET, maxMemorySize: 1 }
    const speakers = await Promise.all(VOICES.map(voice => startSpeaker({ tts, voice })))
    const lines: Line[] = []
    let spoken = 0
    let hits = 0
    let most = 0

    const speak = async (speaker: Speaker, line: Line): Promise<void> => {
      const answer = await speaker.speak(line)
      expect({ ...line, isRight: isRight(answer, line) }).toEqual({ ...line, isRight: true })
      if (answer.headers['x-cache'] === 'HIT') hits++
      else spoken += answer.body.length
    }
    /** New lines, now and then of all processes in the same moment, and between them lines that any of them has made. */
    const client = async (): Promise<void> => {
      while (spoken < SPOKEN) {
        const line = { movie: 600 + (lines.length % MOVIES), text: `line ${lines.length}` }
        lines.push(line)
        await Promise.all((random.chance(0.1) ? speakers : [random.pick(speakers)]).map(each => speak(each, line)))
        await speak(random.pick(speakers), random.pick(lines.slice(-REACH)))
        if (random.chance(0.02)) most = Math.max(most, bytesBelow(directory))
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, client))
    const reports = await Promise.all(speakers.map(speaker => speaker.tell('verify')))
    const after = bytesBelow(directory)
    const errors = await Promise.all(speakers.map(speaker => speaker.tell('errors')))
    const files = (await Promise.all(speakers.map(speaker => speaker.tell('stats')))).map(stats => stats.files!)
    await Promise.all(speakers.map(speaker => speaker.stop()))
    const mute = await startSpeaker({ tts, isMute: true })
    const heard = await heardFromFiles(mute, lines)
    console.log(
      `${(spoken / MB).toFixed(0)} MB made, ${hits} hits; ${(after / MB).toFixed(1)} MB after the sweep, up to ` +
        `${(most / MB).toFixed(1)} MB before it; ${heard.length} of ${lines.length} lines heard after a restart; ` +
        `evicted by each: ${files.map(({ evicted }) => evicted).join(', ')}`,
    )
    expect(after).toBeLessThanOrEqual(1.1 * BUDGET)
    expect(after).toBeGreaterThan(0.5 * BUDGET)
    expect(reports.every(report => report?.complete)).toBe(true)
    // Nobody took for damage, or stumbled over, what another was just writing.
    expect(errors).toEqual(VOICES.map(() => []))
    expect(temporariesBelow(directory)).toEqual([])
    expect(hits).toBeGreaterThan(lines.length / 10)
    expect(heard.length).toBeGreaterThan(0)
  },
  isLong ? 600_000 : 120_000,
)
