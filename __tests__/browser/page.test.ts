import helmet from 'helmet'
import type { Page } from 'playwright-core'
import { startLocalDemo, type Demo } from '../demo/support/demo.js'
import { fakeClock } from '../support/clock.js'
import { inChromium, seriousViolations, ticket, visit, type Player } from './support/chromium.js'

const phone = { viewport: { width: 360, height: 740 } }

/** Asks and listens, so that everything the page can show is there. */
async function useAll(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Ask', exact: true }).click()
  await ticket(page, 'Answer', /./)
  await page.getByRole('button', { name: 'Hear the film described' }).click()
  await ticket(page, 'Speech', /./)
  await page.locator('#player').evaluate((audio: Player) => audio.play())
}

inChromium('the page', () => {
  let demo: Demo
  beforeAll(async () => {
    demo = await startLocalDemo()
  })
  afterAll(() => demo.close())

  it.each([
    ['in light', { colorScheme: 'light' }],
    ['in dark', { colorScheme: 'dark' }],
    ['on a phone', phone],
  ] as const)('has no serious fault in the eyes of axe %s', async (_name, options) => {
    const page = await visit(demo.url, options)
    await useAll(page)
    expect(await seriousViolations(page)).toEqual([])
  })

  it('shows an old answer as STALE while a new one is made, and then that', async () => {
    const clock = fakeClock()
    const old = await startLocalDemo({ clock })
    const page = await visit(old.url)
    expect(await ticket(page, 'Standing', /./)).toBe('MISS')
    clock.advance(600_000)
    await page.reload()
    expect(await ticket(page, 'Standing', /./)).toBe('STALE')
    expect(await ticket(page, 'Facts', /./)).toBe('MISS')
    await page.reload()
    expect(await ticket(page, 'Standing', /./)).toBe('HIT')
    await old.close()
  })

  it('is as narrow as a phone', async () => {
    const page = await visit(demo.url, phone)
    await useAll(page)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(phone.viewport.width)
  })

  it('finds a film and picks it by keyboard alone', async () => {
    const page = await visit(demo.url)
    await page.getByLabel('Title or director').focus()
    await page.keyboard.type('toy story 2')
    await page.locator('#results a', { hasText: /^Toy Story 2/ }).waitFor()
    await page.locator('#found', { hasText: /^1 film$/ }).waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 2, name: 'Toy Story 2' }).waitFor()
    expect(await page.evaluate('document.activeElement.id')).toBe('title')
    expect(page.url()).toBe(`${demo.url}/#toy-story-2-1999`)
    await page.goBack()
    await page.getByRole('heading', { level: 2, name: 'The Shawshank Redemption' }).waitFor()
  })

  it('shows the key of an answer to keyboard and mouse, until Escape', async () => {
    const page = await visit(`${demo.url}/#the-dark-knight-2008`)
    const key = page.locator('.ticket[data-of="Facts"] [role=tooltip]')
    const button = page
      .getByRole('button', { name: /^(MISS|HIT)/ })
      .and(page.locator('[aria-describedby=key-of-facts]'))
    const text = 'api the-dark-knight-2008 GET http://127.0.0.1 /api/movies/the-dark-knight-2008'
    expect(await key.isVisible()).toBe(false)
    await button.hover()
    expect(await key.innerText()).toBe(text)
    expect(await key.isVisible()).toBe(true)
    await page.mouse.move(0, 0)
    expect(await key.isVisible()).toBe(false)
    await page.locator('#question').focus()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    expect(await key.isVisible()).toBe(true)
    await page.keyboard.press('Escape')
    expect(await key.isVisible()).toBe(false)
  })

  it('tells those who listen to it how an answer came', async () => {
    const page = await visit(demo.url)
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await page
      .getByRole('status')
      .getByText(/^Answer: (MISS|HIT), [\d.]+ ms$/)
      .waitFor()
  })
})

inChromium('the page behind helmet() with its defaults', () => {
  it('works', async () => {
    const demo = await startLocalDemo({ front: helmet() })
    const page = await visit(demo.url)
    await useAll(page)
    const { headers } = await demo.get('/')
    expect(headers.get('content-security-policy')).toContain('script-src-attr')
    await demo.close()
  })
})
