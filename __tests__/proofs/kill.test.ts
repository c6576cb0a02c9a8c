import { seeded, type Random } from '../support/random.js'
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

const KILLS = isLong ? 200 : 8
const CLIENTS = 3
const MOVIES = 5
/** Small enough that files are evicted at the moment of many a kill as well. */
const BUDGET = isLong ? 24 * MB : 8 * MB
const LONGEST_DELAY = 300

/** Has clients ask for new speech without a break, kills the server among it, and says what they asked for. */
async function killedWhileWriting(speaker: Speaker, round: number, random: Random): Promise<Line[]> {
  const lines: Line[] = []
  const delay = random.below(LONGEST_DELAY)
  let answers = 0
  const client = async (): Promise<void> => {
    for (;;) {
      const line = { movie: 600 + (lines.length % MOVIES), text: `round ${round}, line ${lines.length}` }
      lines.push(line)
      const answer = await speaker.speak(line).catch(() => undefined)
      if (answer === undefined) return
      expect(isRight(answer, line)).toBe(true)
      if (++answers === CLIENTS) setTimeout(() => speaker.kill(), delay)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  expect(await speaker.ended).toBe('SIGKILL')
  return lines
}

test(
  `speech is whole, and nothing half written is left, after each of ${KILLS} kills at random moments`,
  async () => {
    const directory = makeDirectory()
    const random = seeded(20_260_303)
    const tts = { cacheDir: directory, fileMinFreeBytes: 0, fileMaxBytes: BUDGET }
    const all: Line[] = []
    let latest: Line[] = []
    let heard = 0
    let leftOver = 0
    for (let round = 0; round < KILLS; round++) {
      leftOver += temporariesBelow(directory).length
      const speaker = await startSpeaker({ tts, isMute: true })
      heard += (await heardFromFiles(speaker, latest)).length
      expect(await speaker.tell('verify')).toMatchObject({ complete: true, damaged: 0 })
      expect(temporariesBelow(directory)).toEqual([])
      expect((await speaker.tell('stats')).files).toMatchObject({ damaged: 0, failures: 0 })
      await speaker.tell('makeSpeech')
      latest = await killedWhileWriting(speaker, round, random)
      all.push(...latest)
    }
    leftOver += temporariesBelow(directory).length
    const last = await startSpeaker({ tts, isMute: true })
    // A kill may have left more than the budget: what is evicted for that must not be heard just before.
    await last.tell('verify')
    const stillThere = await heardFromFiles(last, all)
    expect(await last.tell('verify')).toMatchObject({ complete: true, damaged: 0, entries: stillThere.length })
    expect(temporariesBelow(directory)).toEqual([])
    console.log(
      `${KILLS} kills: ${all.length} lines asked for, ${heard} of the last lines before a kill heard whole after it, ` +
        `${stillThere.length} at the end (${filesBelow(directory).length} files); ${leftOver} temporary files left by kills, 0 by sweeps`,
    )
    // Without these the kills would have come too early or too late to show anything.
    expect(heard).toBeGreaterThan(KILLS)
    expect(leftOver).toBeGreaterThan(0)
  },
  KILLS * 10_000,
)
