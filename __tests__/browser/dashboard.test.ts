import helmet from 'helmet'
import type { Page } from 'playwright-core'
import { forgive, inChromium, seriousViolations } from './support/chromium.js'
import { openHouse, visitBooth, type House } from './support/house.js'

const phone = { viewport: { width: 360, height: 740 } }
const film = (id: string, rest = '') => `/api/movies/${encodeURIComponent(id)}${rest}`

/** Some of everything: hits, misses, stale answers, bypasses, refusals, in memory and in files. */
async function runScript({ get, post, cache, clock }: House): Promise<void> {
  for (const id of ['603', '603', '603', '604']) await get(film(id))
  await get(film('603'), { Cookie: 'session=1' })
  await get(film('603'), { Authorization: 'Bearer x' })
  await get(film('605', '?secret'))
  for (let times = 0; times < 3; times++) await post(film('603', '/ai'), { question: 'Why?' })
  for (let times = 0; times < 2; times++) await post(film('603', '/tts'), { text: 'Hello.' })
  await get(film('603', '/enhanced'))
  clock.advance(11 * 60_000)
  const refreshed = new Promise<void>(resolve => {
    cache.on('event', ({ type }) => {
      if (type === 'stored') resolve()
    })
  })
  expect(await get(film('603', '/enhanced'))).toBe('STALE')
  await refreshed
}

/** What the page shows, by id and by profile and column: what programs read. */
const shown = (page: Page): Promise<Record<string, string>> =>
  page.evaluate(`Object.fromEntries([...document.querySelectorAll('main data')].map(node => {
    const name = node.id || node.closest('tr').dataset.key + ' ' + node.parentElement.dataset.column
    return [name, node.value]
  }))`)

const total = (reasons: Record<string, number>) => Object.values(reasons).reduce((sum, count) => sum + count, 0)

function expectedOf({ cache }: House): Record<string, string> {
  const { hitRate, hitRates, saved, files, profiles, entries, bytes, maxBytes, evictions } = cache.stats()
  const figures = {
    ...{ 'rate-all': hitRate, 'rate-hour': hitRates.lastHour, 'rate-minute': hitRates.lastMinute },
    ...{ 'rate-5-minutes': hitRates.last5Minutes, 'saved-time': saved.time, 'saved-runs': saved.runs },
    ...{ 'saved-cost': saved.cost, entries, bytes, 'max-bytes': maxBytes, evictions },
    ...{ 'file-bytes': files!.bytes, 'file-max-bytes': files!.maxBytes, 'file-entries': files!.entries },
    ...{ 'file-evicted': files!.evicted, 'file-damaged': files!.damaged },
  }
  const cells = Object.entries(profiles).flatMap(([name, profile]) => {
    const { hits, stale, misses, stored, evictions: evicted, expired } = profile
    const columns = {
      ...{ hits, stale, misses, stored, evictions: evicted, expired, hitRate: profile.hitRate },
      ...{ bypasses: total(profile.bypasses), refusals: total(profile.refusals), saved: profile.saved.time },
      ...{ entries: profile.entries, bytes: profile.bytes },
    }
    return Object.entries(columns).map(([column, value]) => [`${name} ${column}`, value] as const)
  })
  return Object.fromEntries([...Object.entries(figures), ...cells].map(([name, value]) => [name, String(value)]))
}

const cell = (page: Page, profile: string, column: string) =>
  page.locator(`#profiles tr[data-key=${profile}] [data-column=${column}]`)
const cells = (page: Page, profile: string, columns: readonly string[]) =>
  Promise.all(columns.map(column => cell(page, profile, column).innerText()))
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const requests = (page: Page) => page.locator('#outcome-chart').getAttribute('aria-label')

/** Speech is in memory at once, and in its file a little later. */
const fileWritten = (page: Page) => page.locator('#file-entries', { hasText: /^1$/ }).waitFor()

/** Opens all that can be opened, but for dialogs. */
async function useAll(page: Page): Promise<void> {
  await button(page, 'Show').click()
  await page.locator('#list').waitFor()
  await page.getByText('The same in numbers').click()
  await page.getByLabel('an hour').check()
}

inChromium('the dashboard', () => {
  let house: House
  beforeEach(async () => {
    house = await openHouse()
  })
  afterEach(() => house.close())

  it('shows the numbers of stats()', async () => {
    await runScript(house)
    const page = await visitBooth(house)
    await fileWritten(page)
    expect(await shown(page)).toMatchObject(expectedOf(house))
  })

  it('shows them as people read them', async () => {
    await runScript(house)
    const page = await visitBooth(house)
    const columns = ['hits', 'stale', 'misses', 'hitRate', 'bypasses', 'stored', 'refusals']
    expect(await cells(page, 'api', columns)).toEqual(['2', '0', '3', '40.0 %', '2', '2', '1'])
    expect(await cells(page, 'enhanced', columns)).toEqual(['0', '1', '1', '50.0 %', '0', '2', '0'])
    expect(await cells(page, 'ai', columns)).toEqual(['2', '0', '1', '66.7 %', '0', '1', '0'])
    expect(await cells(page, 'tts', columns)).toEqual(['1', '0', '1', '50.0 %', '0', '1', '0'])
    expect(await cells(page, 'all', columns)).toEqual(['5', '1', '6', '50.0 %', '2', '6', '1'])
    expect(await page.locator('#saved-cost').innerText()).toBe('0.50')
    expect(await page.locator('#max-bytes').innerText()).toBe('64.0 MiB')
    expect(await page.locator('#reasons tbody tr').allInnerTexts()).toEqual([
      'no-store\tapi\tnot stored\t1',
      'authorization\tapi\twent past\t1',
      'cookie\tapi\twent past\t1',
    ])
  })

  it('shows nothing where nothing has happened', async () => {
    const page = await visitBooth(house)
    expect(await page.locator('#rate-minute').innerText()).toBe('–')
    expect(await page.locator('.empty:visible').allInnerTexts()).toEqual([
      'Memory holds nothing of any film.',
      'Nothing went past the cache, and every answer was stored.',
    ])
    await button(page, 'Show').click()
    await page.getByText('Nothing in memory.').waitFor()
  })

  it('follows what happens without a reload', async () => {
    const page = await visitBooth(house)
    await page.evaluate('window.isTheSame = true')
    expect(await cells(page, 'api', ['hits', 'misses'])).toEqual(['0', '0'])
    for (let times = 0; times < 3; times++) await house.get(film('603'))
    await cell(page, 'api', 'hits').getByText('2', { exact: true }).waitFor()
    expect(await requests(page)).toBe('Requests, all profiles, the last 10 min: hit 2, stale 0, miss 1, bypass 0')
    expect(await page.evaluate('window.isTheSame')).toBe(true)
  })

  it('shows the past after a reload', async () => {
    const page = await visitBooth(house)
    for (let times = 0; times < 3; times++) await house.get(film('603'))
    house.clock.advance(5 * 60_000)
    await page.reload()
    await page.locator('#status[data-status]').waitFor()
    expect(await requests(page)).toBe('Requests, all profiles, the last 10 min: hit 2, stale 0, miss 1, bypass 0')
    await page.getByText('The same in numbers').click()
    const rows = await page.locator('#past-table tbody tr').allInnerTexts()
    expect(rows.map(row => row.split('\t').slice(1).join(' ')).filter(row => !row.startsWith('0 0 0 0'))).toEqual([
      '2 0 1 0 0 66.7 %',
    ])
    house.clock.advance(10 * 60_000)
    await page.reload()
    await page.locator('#outcome-chart[aria-label*="hit 0"]').waitFor()
    await page.getByLabel('an hour').check()
    expect(await requests(page)).toBe('Requests, all profiles, the last 1 h: hit 2, stale 0, miss 1, bypass 0')
    await page.getByLabel('Profile').first().selectOption('ai')
    expect(await requests(page)).toBe('Requests, ai, the last 1 h: hit 0, stale 0, miss 0, bypass 0')
  })

  it.each([
    ['in light', { colorScheme: 'light' }],
    ['in dark', { colorScheme: 'dark' }],
    ['on a phone', phone],
  ] as const)('has no serious fault in the eyes of axe %s', async (_name, options) => {
    await runScript(house)
    const page = await visitBooth(house, options)
    await useAll(page)
    expect(await seriousViolations(page)).toEqual([])
    await page.locator('#list tbody button').first().click()
    await page.locator('#entry-details dl').first().waitFor()
    expect(await seriousViolations(page)).toEqual([])
    await button(page, 'Purge entry…').click()
    await page.locator('#confirm[open]').waitFor()
    expect(await seriousViolations(page)).toEqual([])
  })

  it('is as narrow as a phone', async () => {
    await runScript(house)
    const page = await visitBooth(house, phone)
    await useAll(page)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(phone.viewport.width)
  })

  it.each(['<img src=x onerror="window.isHurt = true">', '"><script>window.isHurt = true</script>', '\u202Egnp.exe'])(
    'shows the movie id %j as text',
    async id => {
      await house.get(film(id))
      const page = await visitBooth(house)
      // A sign that turns the direction of what follows is shown as the key writes it.
      const text = id.startsWith('\u202E') ? encodeURIComponent(id) : id
      expect(await page.locator('#films tbody th').innerText()).toBe(text)
      await page.locator('#films tbody th button').click()
      const found = page.locator('#list tbody tr')
      expect(await found.locator('td').first().innerText()).toBe(text)
      await found.getByRole('button').click()
      await page.locator('#entry-details dd', { hasText: `x-title: <b>${encodeURI(id)}</b>` }).waitFor()
      await page.locator('#entry-purge-movie').click()
      expect(await page.locator('#confirm-text').innerText()).toContain(`“${id}”`)
      expect(await page.locator('img, b, script:not([src])').count()).toBe(0)
      expect(await page.evaluate('window.isHurt')).toBeUndefined()
      await button(page, 'Purge').click()
      await page.locator('#purged', { hasText: `“${id}”: 1 entry.` }).waitFor()
      expect(await house.get(film(id))).toBe('MISS')
    },
  )

  it('says what is off and what to do', async () => {
    const ill = await openHouse({ options: { alerts: { heapCritical: 0.000_1 } } })
    const page = await visitBooth(ill)
    expect(await page.locator('#status').innerText()).toMatch(/^FAILING/)
    const alert = page.locator('#alerts li', { hasText: 'heap-critical' })
    expect(await alert.innerText()).toMatch(/The heap is filled to \d+ % of its limit\.\s+Take this process out/)
    expect(await page.title()).toBe('failing – reelcache')
    const well = await visitBooth(house)
    expect(await well.locator('#status').innerText()).toBe('OK All is well.')
    expect(await well.locator('#alerts').isVisible()).toBe(false)
    await ill.close()
  })
})

inChromium('the connection of the dashboard', () => {
  let house: House
  beforeEach(async () => {
    house = await openHouse()
  })
  afterEach(() => house.close())

  it('is said to be lost, and to be back', async () => {
    const page = await visitBooth(house)
    await house.stop()
    await page.locator('#connection', { hasText: /^Connection lost\. This is from [\d:]+\. Trying again\.$/ }).waitFor()
    expect(await page.locator('#said').innerText()).toBe('The connection is lost')
    await house.start()
    await page.locator('#connection', { hasText: /^Live: / }).waitFor()
    expect(await page.locator('#said').innerText()).toBe('The connection is back')
    forgive(page, /net::ERR_/)
  })

  it('is made anew in silence when the server ends it after its time', async () => {
    const page = await visitBooth(house)
    const again = page.waitForRequest(request => request.url().endsWith('/events'))
    house.clock.advance(601_000)
    await again
    await house.get(film('603'))
    await cell(page, 'api', 'misses').getByText('1', { exact: true }).waitFor()
    // A busy machine may have said that its event loop is late, and that all is well again.
    expect(await page.locator('#said').innerText()).not.toContain('connection')
  })

  it('is there only while the page is seen', async () => {
    const page = await visitBooth(house)
    const turn = (isHidden: boolean) =>
      page.evaluate(`
        Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))`)
    await house.listeners(1)
    await turn(true)
    await house.listeners(0)
    await house.get(film('603'))
    await turn(false)
    await cell(page, 'api', 'misses').getByText('1', { exact: true }).waitFor()
  })
})

inChromium('a purge on the dashboard', () => {
  let house: House
  beforeEach(async () => {
    house = await openHouse()
    await Promise.all(stored.map(address => house.get(address)))
    await house.post(film('603', '/tts'), { text: 'Hello.' })
  })
  afterEach(() => house.close())

  const stored = [film('603'), film('603', '/enhanced'), film('604'), film('604', '/enhanced')]

  async function openEntry(page: Page, address: string): Promise<void> {
    await button(page, 'Show').click()
    await button(page, `GET ${address}`).click()
    await page.locator('#entry-details dl').first().waitFor()
  }

  const ways: readonly (readonly [string, (page: Page) => Promise<void>, readonly string[], string])[] = [
    [
      'of a film asked for',
      page => button(page, 'Purge film 603').click(),
      ['MISS', 'MISS', 'HIT', 'HIT'],
      'film “603”',
    ],
    [
      'of a film by its id',
      async page => {
        await page.getByLabel('A film').fill('604')
        await button(page, 'Purge film…').click()
      },
      ['HIT', 'HIT', 'MISS', 'MISS'],
      'film “604”',
    ],
    [
      'of a profile',
      async page => {
        await page.getByLabel('A profile').selectOption('enhanced')
        await button(page, 'Purge profile…').click()
      },
      ['HIT', 'MISS', 'HIT', 'MISS'],
      'profile enhanced',
    ],
    [
      'of everything',
      page => button(page, 'Purge everything…').click(),
      ['MISS', 'MISS', 'MISS', 'MISS'],
      'everything',
    ],
    [
      'of an entry',
      async page => {
        await openEntry(page, film('603'))
        await button(page, 'Purge entry…').click()
      },
      ['MISS', 'HIT', 'HIT', 'HIT'],
      'the entry “api 603 GET',
    ],
  ]

  it.each(ways)('%s makes the next request a miss, and no other', async (_name, act, outcomes, said) => {
    const page = await visitBooth(house)
    await act(page)
    await button(page, 'Purge').click()
    await page.locator('#purged', { hasText: 'Purged' }).filter({ hasText: said }).waitFor()
    expect(await Promise.all(stored.map(address => house.get(address)))).toEqual(outcomes)
  })

  it.each(ways)('%s purges nothing where it is not confirmed', async (_name, act) => {
    const page = await visitBooth(house)
    await act(page)
    await button(page, 'Keep').click()
    await page.locator('#purged', { hasText: 'Nothing was purged' }).waitFor()
    expect(await Promise.all(stored.map(address => house.get(address)))).toEqual(['HIT', 'HIT', 'HIT', 'HIT'])
  })

  it('takes files too', async () => {
    const page = await visitBooth(house)
    await fileWritten(page)
    await page.getByLabel('In', { exact: true }).selectOption('file')
    await button(page, 'Show').click()
    await page.getByText('Nothing in files of no film; name a film to see its own.').waitFor()
    await page.getByLabel('Film', { exact: true }).fill('603')
    await button(page, 'Show').click()
    await page.getByText('Page 1: 1 entry in files of this film.').waitFor()
    await button(page, 'Purge film 603').click()
    await button(page, 'Purge').click()
    await page.getByText('Nothing in files of this film.').waitFor()
    expect(await house.post(film('603', '/tts'), { text: 'Hello.' })).toBe('MISS')
  })

  it('that fails is said to have failed', async () => {
    const page = await visitBooth(house)
    await house.stop()
    await button(page, 'Purge everything…').click()
    await button(page, 'Purge').click()
    await page.locator('#purged', { hasText: /^Not purged: .* The server cannot be reached$/ }).waitFor()
    forgive(page, /net::ERR_/)
    await house.start()
    expect(await house.get(film('603'))).toBe('HIT')
  })
})

inChromium('the dashboard behind helmet() with its defaults', () => {
  it('works', async () => {
    const house = await openHouse({ front: helmet() })
    await runScript(house)
    const page = await visitBooth(house)
    await useAll(page)
    await fileWritten(page)
    expect(await shown(page)).toMatchObject(expectedOf(house))
    const { headers } = await fetch(`${house.url}/admin/cache/`)
    expect(headers.get('content-security-policy')).toContain('script-src-attr')
    await button(page, 'Purge film 603').click()
    await button(page, 'Purge').click()
    await page.locator('#purged', { hasText: 'Purged' }).waitFor()
    expect(await house.get(film('603'))).toBe('MISS')
    await house.close()
  })
})
