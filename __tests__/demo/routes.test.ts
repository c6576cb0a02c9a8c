import { readWav } from './support/data.js'
import { startLocalDemo, type Answer, type Demo } from './support/demo.js'

const movie = '/api/movies/the-dark-knight-2008'

let demo: Demo
beforeEach(async () => {
  demo = await startLocalDemo()
})
afterEach(() => demo.close())

interface Chunk {
  choices: [{ delta: { content?: string } }]
}

const wordsOf = (stream: Buffer) =>
  [...stream.toString().matchAll(/^data: (\{.*\})$/gm)]
    .map(([, chunk]) => (JSON.parse(chunk!) as Chunk).choices[0].delta.content ?? '')
    .join('')

describe.each([
  ['search', '/api/movies?q=knight', undefined, 'application/json; charset=utf-8'],
  ['facts', movie, undefined, 'application/json; charset=utf-8'],
  ['enhanced', `${movie}/enhanced`, undefined, 'application/json; charset=utf-8'],
  ['a streamed answer', `${movie}/ai`, { question: 'Who?' }, 'text/event-stream; charset=utf-8'],
  ['a whole answer', `${movie}/ai`, { question: 'Who?', stream: false }, 'application/json; charset=utf-8'],
  ['speech', `${movie}/tts`, { text: 'Hello, film.' }, 'audio/wav'],
])('%s', (_name, address, body, type) => {
  const ask = (): Promise<Answer> => (body ? demo.post(address, body) : demo.get(address))

  it('is a MISS, then a HIT with the same bytes and no more work behind it', async () => {
    const miss = await ask()
    const work = demo.work()
    const hit = await ask()
    expect([miss.status, miss.headers.get('x-cache')]).toEqual([200, 'MISS'])
    expect([hit.status, hit.headers.get('x-cache')]).toEqual([200, 'HIT'])
    expect(miss.headers.get('content-type')).toBe(type)
    expect(hit.headers.get('content-type')).toBe(type)
    expect(miss.body.length).toBeGreaterThan(0)
    expect(hit.body.equals(miss.body)).toBe(true)
    expect(work).toBeGreaterThan(0)
    expect(demo.work()).toBe(work)
  })
})

it.each([
  ['search', () => demo.get('/api/movies?q=toy')],
  ['facts', () => demo.get('/api/movies/toy-story-1995')],
  ['enhanced', () => demo.get('/api/movies/toy-story-1995/enhanced')],
  ['an answer', () => demo.post(`${movie}/ai`, { question: 'When?' })],
  ['speech', () => demo.post(`${movie}/tts`, { text: 'Hello, film.', voice: 'onyx' })],
])('works again for another request for %s', async (_name, ask) => {
  await demo.get('/api/movies?q=knight')
  await demo.get(movie)
  await demo.get(`${movie}/enhanced`)
  await demo.post(`${movie}/ai`, { question: 'Who?' })
  await demo.post(`${movie}/tts`, { text: 'Hello, film.' })
  const work = demo.work()
  expect((await ask()).headers.get('x-cache')).toBe('MISS')
  expect(demo.work()).toBeGreaterThan(work)
})

describe('the answers themselves', () => {
  it('streams words that add up to the whole answer, and ends with the mark of completeness', async () => {
    const question = 'Was it a success?'
    const streamed = await demo.post(`${movie}/ai`, { question })
    const whole = await demo.post(`${movie}/ai`, { question, stream: false })
    expect(streamed.body.toString()).toMatch(/\n\ndata: \[DONE\]\n\n$/)
    expect(wordsOf(streamed.body)).toContain('5.53 times its budget')
    expect(JSON.parse(whole.body.toString())).toMatchObject({
      object: 'chat.completion',
      model: 'local-composer-1',
      choices: [{ message: { role: 'assistant', content: wordsOf(streamed.body) }, finish_reason: 'stop' }],
    })
  })

  it('describes the film aloud when no text is given', async () => {
    const { body } = await demo.post(`${movie}/tts`, {})
    expect(readWav(body).isWhole).toBe(true)
    expect(readWav(body).seconds).toBeGreaterThan(10)
  })

  it('lets voice and speed be heard', async () => {
    const wishes = [{}, { voice: 'fable' }, { speed: 1.5 }]
    const spoken = await Promise.all(wishes.map(wish => demo.post(`${movie}/tts`, { text: 'Hello, film.', ...wish })))
    expect(new Set(spoken.map(({ body }) => body.toString('latin1'))).size).toBe(3)
  })

  it('speaks a text that looks like an option', async () => {
    const { status, body } = await demo.post(`${movie}/tts`, { text: '-v fr' })
    expect(status).toBe(200)
    expect(readWav(body).isWhole).toBe(true)
  })
})

it('shows the page with a policy that allows nothing but its own files', async () => {
  const { status, headers, body } = await demo.get('/')
  expect(status).toBe(200)
  expect(headers.get('content-security-policy')).toContain("default-src 'self'")
  expect(body.toString()).not.toMatch(/(?:src|href|action)="(?:https?:)?\/\/|<script>|<style|\sstyle=|\son\w+=/)
})

it('says who answers and who speaks', async () => {
  const { body } = await demo.get('/api/about')
  expect(JSON.parse(body.toString())).toEqual({
    isLocal: true,
    server: 'this process',
    chatModel: 'local-composer-1',
    speechModel: 'espeak-ng',
  })
})

it('counts in the statistics, which are not cached', async () => {
  await demo.get(movie)
  await demo.get(movie)
  const { status, headers, body } = await demo.get('/api/stats')
  expect(status).toBe(200)
  expect(headers.get('x-cache')).toBeNull()
  expect(JSON.parse(body.toString())).toMatchObject({ hits: 1 })
})
