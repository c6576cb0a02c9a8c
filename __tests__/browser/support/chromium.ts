import { AxeBuilder } from '@axe-core/playwright'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { findProgram } from '../../support/programs.js'

const executable = findChromium()

/** `describe` where there is a Chromium; elsewhere the suite is skipped and says what to do. */
export const inChromium = executable ? describe : describe.skip

if (!executable) {
  process.emitWarning('Browser tests are skipped: apt-get install chromium, or name one in CHROME_PATH')
}

jest.setTimeout(60_000)

let browser: Browser | undefined
const visits: Visit[] = []

/** A page with what it has done wrong: every test must leave both lists empty. */
interface Visit {
  readonly page: Page
  readonly errors: string[]
  readonly outside: string[]
}

beforeAll(async () => {
  if (executable) browser = await chromium.launch({ executablePath: executable, args: ['--mute-audio'] })
})
afterAll(() => browser?.close())

afterEach(async () => {
  await leave()
  const done = visits.splice(0)
  expect(done.flatMap(({ errors }) => errors)).toEqual([])
  expect(done.flatMap(({ outside }) => outside)).toEqual([])
})

/** What the tests need of an `<audio>`; the types of a whole browser would be everywhere. */
export interface Player {
  currentTime: number
  readonly duration: number
  readonly paused: boolean
  readonly error: { readonly message: string } | null
  play(): Promise<void>
  pause(): void
  addEventListener(type: string, listener: () => void, options?: { once: boolean }): void
  removeEventListener(type: string, listener: () => void): void
}

/** Opens the demo and waits until it shows a film. */
export async function visit(url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await open(url, options)
  await ticket(page, 'Standing', /./)
  return page
}

/** Opens a page in a window of its own, with an empty browser cache. */
export async function open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser!.newContext(options)
  const page = await context.newPage()
  const seen: Visit = { page, errors: [], outside: [] }
  visits.push(seen)
  const { origin } = new URL(url)
  page.on('request', request => {
    if (new URL(request.url()).origin !== origin) seen.outside.push(request.url())
  })
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) seen.errors.push(message.text())
  })
  page.on('pageerror', error => seen.errors.push(String(error)))
  await page.goto(url)
  return page
}

/** Closes all pages, before a server that they listen to is closed. */
export async function leave(): Promise<void> {
  await Promise.all(visits.map(({ page }) => page.context().close()))
}

/** What the browser itself says of a server that the test has stopped is no fault of the page. */
export function forgive(page: Page, said: RegExp): void {
  const { errors } = visits.find(seen => seen.page === page)!
  errors.splice(0, errors.length, ...errors.filter(error => !said.test(error)))
}

/** Waits until an answer has come, and tells how: `HIT`. */
export async function ticket(page: Page, subject: string, expected: RegExp): Promise<string> {
  const outcome = page.locator(`.ticket[data-of="${subject}"][data-state="done"] strong`, { hasText: expected })
  await outcome.waitFor()
  return outcome.innerText()
}

/** What axe finds to be serious or worse, by rule and element. */
export async function seriousViolations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.target.join(' ')}`))
}

function findChromium(): string | undefined {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  return process.env['CHROME_PATH'] || findProgram(...names)
}
