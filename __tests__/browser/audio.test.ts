import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { readWav } from '../demo/support/data.js'
import { startDemo, startStandIn, type Demo, type StandIn } from '../demo/support/demo.js'
import { inChromium, ticket, visit, type Player } from './support/chromium.js'

const film = 'the-dark-knight-2008'
const address = `/api/movies/${film}/tts`
const wish = { voice: 'alloy' }

inChromium('the film described aloud', () => {
  let standIn: StandIn
  let cacheDir: string
  let demo: Demo

  beforeEach(async () => {
    standIn = await startStandIn()
    cacheDir = mkdtempSync(join(tmpdir(), 'reelcache-browser-'))
    demo = await startDemo(standIn.upstream, { tts: { cacheDir } })
  })
  afterEach(async () => {
    await demo.close()
    await standIn.close()
    rmSync(cacheDir, { recursive: true })
  })

  const ask = () => demo.post(address, wish)
  const restart = async () => {
    const port = Number(new URL(demo.url).port)
    await demo.close()
    demo = await startDemo(standIn.upstream, { tts: { cacheDir }, port })
  }

  describe.each([
    ['the handler', 'MISS', async () => undefined],
    ['memory', 'HIT', () => ask()],
    ['a file, after a restart', 'HIT', () => ask().then(restart)],
  ])('from %s', (_name, outcome, prepare) => {
    it('plays, and seeks to exact positions forward and back', async () => {
      await prepare()
      const page = await visit(`${demo.url}/#${film}`)
      expect(await listen(page)).toBe(outcome)
      const { seconds } = readWav((await ask()).body)
      expect(await duration(page)).toBeCloseTo(seconds, 3)
      for (const position of [seconds - 2.5, 1.25, seconds / 2, 0]) {
        expect(await seek(page, position)).toBeCloseTo(position, 5)
        await playOn(page, position)
      }
      expect(standIn.calls()).toBe(1)
    })

    it('plays again after a reload', async () => {
      await prepare()
      const page = await visit(`${demo.url}/#${film}`)
      await listen(page)
      await page.reload()
      await ticket(page, 'Standing', /./)
      expect(await listen(page)).toBe('HIT')
      expect(await seek(page, 7.5)).toBeCloseTo(7.5, 5)
      await playOn(page, 7.5)
      expect(standIn.calls()).toBe(1)
    })
  })

  it('plays on in an open page when the server restarts', async () => {
    const page = await visit(`${demo.url}/#${film}`)
    await listen(page)
    await restart()
    expect(await listen(page)).toBe('HIT')
    expect(await seek(page, 7.5)).toBeCloseTo(7.5, 5)
    await playOn(page, 7.5)
    expect(standIn.calls()).toBe(1)
  })
})

/** Presses the button and waits until sound comes; tells what the ticket says. */
async function listen(page: Page): Promise<string> {
  const answered = page.waitForResponse(response => response.url().endsWith(address))
  await page.getByRole('button', { name: 'Hear the film described' }).click()
  await answered
  const outcome = await ticket(page, 'Speech', /./)
  await playOn(page, 0)
  return outcome
}

const player = (page: Page) => page.locator('#player')

const duration = (page: Page): Promise<number> => player(page).evaluate((audio: Player) => audio.duration)

/** Stops, goes to a position, and tells where the player has arrived. */
function seek(page: Page, position: number): Promise<number> {
  return player(page).evaluate(
    (audio: Player, to) =>
      new Promise<number>((resolve, reject) => {
        audio.pause()
        audio.addEventListener('seeked', () => resolve(audio.currentTime), { once: true })
        audio.addEventListener('error', () => reject(new Error(audio.error?.message)), { once: true })
        audio.currentTime = to
      }),
    position,
  )
}

/** Plays until the position has moved on from where it was. */
function playOn(page: Page, from: number): Promise<void> {
  return player(page).evaluate(
    (audio: Player, start) =>
      new Promise<void>((resolve, reject) => {
        const look = () => {
          if (audio.paused || audio.currentTime <= start) return
          audio.removeEventListener('timeupdate', look)
          resolve()
        }
        audio.addEventListener('timeupdate', look)
        audio.addEventListener('error', () => reject(new Error(audio.error?.message)), { once: true })
        audio.play().catch(reject)
      }),
    from,
  )
}
