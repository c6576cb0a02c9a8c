import { startLocalDemo, type Demo } from './support/demo.js'

const movie = '/api/movies/the-dark-knight-2008'
const longest = 'a'.repeat(4096)

let demo: Demo
beforeAll(async () => {
  demo = await startLocalDemo()
})
afterAll(() => demo.close())

const errorOf = (body: Buffer) => (JSON.parse(body.toString()) as { error: string }).error

describe('a search', () => {
  it.each([
    ['two queries', '?q=a&q=b', /^q must be/],
    ['a query that is too long', `?q=${'a'.repeat(201)}`, /^q must be/],
    ['no results wanted', '?limit=0', /^limit must be/],
    ['too many results wanted', '?limit=51', /^limit must be/],
    ['a limit in words', '?limit=ten', /^limit must be/],
  ])('is refused with %s', async (_name, query, error) => {
    const { status, body } = await demo.get(`/api/movies${query}`)
    expect(status).toBe(400)
    expect(errorOf(body)).toMatch(error)
  })

  it.each([
    ['no query', '', 20],
    ['the longest query', `?q=${'a'.repeat(200)}`, 0],
    ['the most results', '?limit=50', 50],
  ])('is answered with %s', async (_name, query, count) => {
    const { status, body } = await demo.get(`/api/movies${query}`)
    expect(status).toBe(200)
    expect(JSON.parse(body.toString()).movies).toHaveLength(count)
  })
})

describe('a question', () => {
  it.each([
    ['no question', {}, /^question must be/],
    ['a blank question', { question: ' \n' }, /^question must be/],
    ['a question that is no text', { question: 7 }, /^question must be/],
    ['a question that is too long', { question: `${longest}a` }, /^question must be/],
    ['a stream that is neither on nor off', { question: 'Who?', stream: 'yes' }, /^stream must be/],
    ['a body that is a list', ['Who?'], /^the body must be/],
    ['a body that is no JSON', '{"question"', /JSON/],
  ])('is refused with %s', async (_name, body, error) => {
    const answer = await demo.post(`${movie}/ai`, body)
    expect(answer.status).toBe(400)
    expect(errorOf(answer.body)).toMatch(error)
  })

  it('is answered at the greatest length', async () => {
    expect((await demo.post(`${movie}/ai`, { question: longest })).status).toBe(200)
  })
})

describe('speech', () => {
  it.each([
    ['a voice nobody has', { voice: 'en-us' }, /^voice must be one of alloy, /],
    ['a voice from the prototype', { voice: 'constructor' }, /^voice must be/],
    ['a speed that is too low', { speed: 0.49 }, /^speed must be/],
    ['a speed that is too high', { speed: 2.01 }, /^speed must be/],
    ['a speed that is no number', { speed: '1' }, /^speed must be/],
    ['an empty text', { text: '' }, /^text must be/],
    ['a text that is too long', { text: `${longest}a` }, /^text must be/],
  ])('is refused with %s', async (_name, body, error) => {
    const answer = await demo.post(`${movie}/tts`, body)
    expect(answer.status).toBe(400)
    expect(errorOf(answer.body)).toMatch(error)
  })

  it.each([
    ['the lowest speed', { text: 'Hello.', speed: 0.5 }],
    ['the highest speed', { text: 'Hello.', speed: 2 }],
    ['another voice', { text: 'Hello.', voice: 'shimmer' }],
    ['the longest text', { text: longest, speed: 2 }],
  ])('is spoken with %s', async (_name, body) => {
    expect((await demo.post(`${movie}/tts`, body)).status).toBe(200)
  })
})

describe('a movie that does not exist', () => {
  it.each([
    ['facts', () => demo.get('/api/movies/no-such-movie')],
    ['enhanced', () => demo.get('/api/movies/no-such-movie/enhanced')],
    ['an answer', () => demo.post('/api/movies/no-such-movie/ai', { question: 'Who?' })],
    ['speech', () => demo.post('/api/movies/no-such-movie/tts', {})],
  ])('is a 404 for %s, each time anew', async (_name, ask) => {
    await ask()
    const { status, headers, body } = await ask()
    expect(status).toBe(404)
    expect(headers.get('x-cache')).not.toBe('HIT')
    expect(errorOf(body)).toBe('There is no such movie')
  })
})

it('answers an unknown address in JSON, too', async () => {
  const { status, body } = await demo.get('/api/nothing')
  expect(status).toBe(404)
  expect(errorOf(body)).toBe('There is nothing at this address')
})

it('refuses a body larger than any text may be', async () => {
  expect((await demo.post(`${movie}/tts`, { text: 'a'.repeat(70_000) })).status).toBe(413)
})
