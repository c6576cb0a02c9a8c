import type { ServerResponse } from 'node:http'
import type { Page } from 'playwright-core'
import { listen, startDemo, type Demo, type Listening } from '../demo/support/demo.js'
import { inChromium, ticket, visit } from './support/chromium.js'

const event = (content: string) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`

inChromium('a question', () => {
  /** A model that says its first words, and the rest when the test says so. */
  let model: Listening
  let answers: ServerResponse[]
  let demo: Demo

  beforeEach(async () => {
    answers = []
    model = await listen((_req, res) => {
      answers.push(res)
      res.writeHead(200, { 'Content-Type': 'text/event-stream' })
      res.write(event('It was a'))
    })
    demo = await startDemo({ baseUrl: `${model.url}/v1`, chatModel: 'slow', speechModel: 'none' })
  })
  afterEach(async () => {
    await demo.close()
    await model.close()
  })

  const finish = () => answers.at(-1)!.end(`${event(' success.')}data: [DONE]\n\n`)
  const ask = (page: Page) => page.getByRole('button', { name: 'Ask', exact: true }).click()
  const shown = (page: Page, text: string) => page.locator('#answer').getByText(text, { exact: true }).waitFor()

  it('is answered word by word on a miss, and whole on a hit', async () => {
    const page = await visit(demo.url)
    await ask(page)
    await shown(page, 'It was a')
    expect(await page.locator('.ticket[data-of="Answer"]').getAttribute('data-state')).toBe('waiting')
    finish()
    await shown(page, 'It was a success.')
    expect(await ticket(page, 'Answer', /./)).toBe('MISS')

    await ask(page)
    expect(await ticket(page, 'Answer', /HIT/)).toBe('HIT')
    await shown(page, 'It was a success.')
    expect(answers).toHaveLength(1)
  })

  it('that two windows ask at once reaches the model once', async () => {
    const [first, second] = [await visit(demo.url), await visit(demo.url)]
    await ask(first)
    await shown(first, 'It was a')
    const asked = second.waitForRequest(request => request.url().endsWith('/ai'))
    await ask(second)
    await asked
    // What the second sends next arrives after its question: the server has seen both.
    await second.evaluate(async () => (await fetch('api/about')).json())
    finish()
    await shown(second, 'It was a success.')
    await shown(first, 'It was a success.')
    expect([await ticket(first, 'Answer', /./), await ticket(second, 'Answer', /./)]).toEqual(['MISS', 'JOINED'])
    expect(answers).toHaveLength(1)
  })

  it('whose answer breaks off says so, and is asked anew', async () => {
    const page = await visit(demo.url)
    await ask(page)
    await shown(page, 'It was a')
    answers[0]!.end()
    await page.locator('.ticket[data-of="Answer"] .error', { hasText: 'The answer broke off' }).waitFor()
    await ask(page)
    await shown(page, 'It was a')
    finish()
    expect(await ticket(page, 'Answer', /./)).toBe('MISS')
    expect(answers).toHaveLength(2)
  })
})
