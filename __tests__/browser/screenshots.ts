// Takes the pictures of the README: npx jest --testMatch '**/browser/screenshots.ts'. No test by its name, as it writes.
import path from 'node:path'
import type { BrowserContextOptions } from 'playwright-core'
import { demoDir } from '../demo/support/data.js'
import { startLocalDemo } from '../demo/support/demo.js'
import { seeded } from '../support/random.js'
import { inChromium, ticket, visit, type Player } from './support/chromium.js'
import { openHouse, visitBooth, type House } from './support/house.js'

const dir = path.join(demoDir, 'screenshots')

inChromium('a picture', () => {
  it.each<[string, BrowserContextOptions]>([
    ['desktop-light', { viewport: { width: 1000, height: 700 }, colorScheme: 'light' }],
    ['phone-dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }],
  ])('%s is taken', async (name, options) => {
    const demo = await startLocalDemo()
    const movie = '/api/movies/the-dark-knight-2008'
    await demo.get('/api/movies?limit=12&q=')
    await demo.get(movie)
    await demo.post(`${movie}/tts`, { voice: 'alloy' })
    const page = await visit(`${demo.url}/#the-dark-knight-2008`, { ...options, reducedMotion: 'reduce' })
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await ticket(page, 'Answer', /./)
    await page.getByRole('button', { name: 'Hear the film described' }).click()
    await ticket(page, 'Speech', /./)
    await page.locator('#player').evaluate((audio: Player) => audio.play())
    await ticket(page, 'Search', /./)
    if (name.startsWith('phone'))
      await page.locator('#film').evaluate((film: { scrollIntoView(): void }) => film.scrollIntoView())
    await page.screenshot({ path: path.join(dir, `${name}.png`) })
    await demo.close()
  })

  it('of the dashboard is taken', async () => {
    const house = await openHouse({ options: { api: { maxSize: 30 } } })
    await anEvening(house)
    const page = await visitBooth(house, { viewport: { width: 1000, height: 910 }, reducedMotion: 'reduce' })
    await page.getByLabel('an hour').check()
    await page.screenshot({ path: path.join(dir, 'dashboard-light.png') })
    await house.close()
  })
})

const FILMS = ['the-dark-knight-2008', 'toy-story-2-1999', 'amelie-2001', 'up-2009', 'the-matrix-1999', 'fargo-1996']

/** An hour of guests: more and more of them, and most ask for the same few films. */
async function anEvening(house: House): Promise<void> {
  const { get, post, clock } = house
  const random = seeded(1_895)
  const anyOf = (list: readonly string[]) => random.below(list.length)
  const films = [...FILMS, ...Array.from({ length: 60 }, (_, index) => `film-${index + 1}`)]
  const ask = () => {
    const address = `/api/movies/${films[Math.min(anyOf(films), anyOf(films), anyOf(films))]!}`
    if (random.chance(0.04)) return get(address, { Cookie: 'session=1' })
    if (random.chance(0.3)) return get(`${address}/enhanced`)
    if (random.chance(0.25)) return post(`${address}/ai`, { question: 'Was it a success?' })
    return random.chance(0.15) ? post(`${address}/tts`, { voice: 'alloy' }) : get(address)
  }
  for (let step = 0; step < 240; step++) {
    clock.advance(15_000)
    const guests = 4 + Math.round(6 * Math.sin(step / 80) + 2 * Math.sin(step / 9)) + random.below(3)
    await Promise.all(Array.from({ length: guests }, ask))
  }
}
