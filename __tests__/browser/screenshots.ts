// Takes the pictures of the README: npx jest --testMatch '**/browser/screenshots.ts'. No test by its name, as it writes.
import path from 'node:path'
import type { BrowserContextOptions } from 'playwright-core'
import { demoDir } from '../demo/support/data.js'
import { startLocalDemo } from '../demo/support/demo.js'
import { inChromium, ticket, visit, type Player } from './support/chromium.js'

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
})
