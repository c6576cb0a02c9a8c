import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { LOCAL_MODELS } from '../../demo-server/src/upstream/local.js'
import { readWav } from './support/data.js'
import { listen, startDemo, startLocalDemo, type Answer, type Demo } from './support/demo.js'

const user = (content: unknown) => [{ role: 'user', content }]
const chat = { model: 'gpt-4o-mini', messages: user('Who directed Pulp Fiction?') }
const speech = { model: 'tts-1', voice: 'nova', input: 'Hello, film.' }
const key = { Authorization: 'Bearer sk-anything' }

interface Chunk {
  object: string
  choices: { delta: { content?: string }; finish_reason: string | null }[]
}
interface Completion {
  choices: { message: { content: string } }[]
}

const json = ({ body }: Answer): unknown => JSON.parse(body.toString())
const events = ({ body }: Answer) => body.toString().trim().split('\n\n')
const chunks = (answer: Answer) =>
  events(answer)
    .slice(0, -1)
    .map(event => JSON.parse(event.replace('data: ', '')) as Chunk)
const contentOf = (answer: Answer) => (json(answer) as Completion).choices[0]!.message.content
const outcome = ({ headers }: Answer) => headers.get('x-cache')

describe('a client of OpenAI that is pointed at the demo', () => {
  let demo: Demo
  beforeEach(async () => {
    demo = await startLocalDemo()
  })
  afterEach(() => demo.close())

  const complete = (change: object = {}, headers = key) =>
    demo.post('/v1/chat/completions', { ...chat, ...change }, headers)
  const speak = (change: object = {}) => demo.post('/v1/audio/speech', { ...speech, ...change }, key)

  it('gets a completion in one piece', async () => {
    const answer = await complete()
    expect(answer.status).toBe(200)
    expect(json(answer)).toMatchObject({
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          message: { role: 'assistant', content: expect.stringContaining('directed by Quentin Tarantino') },
        },
      ],
      usage: { prompt_tokens: 4, total_tokens: expect.any(Number) },
    })
  })

  it('gets the same words as a stream of chunks, which ends with its mark', async () => {
    const whole = contentOf(await complete())
    const answer = await complete({ stream: true })
    const words = chunks(answer).map(chunk => chunk.choices[0]!.delta.content ?? '')
    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(words.join('')).toBe(whole)
    expect(words.filter(word => word !== '')).toHaveLength(whole.split(' ').length)
    expect(new Set(chunks(answer).map(({ object }) => object))).toEqual(new Set(['chat.completion.chunk']))
    expect(chunks(answer).at(-1)!.choices[0]!.finish_reason).toBe('stop')
    expect(events(answer).at(-1)).toBe('data: [DONE]')
  })

  it('gets the usage in a chunk of its own when it asks for it', async () => {
    const answer = await complete({ stream: true, stream_options: { include_usage: true } })
    expect(chunks(answer).at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 4 } })
  })

  it('gets speech', async () => {
    const answer = await speak()
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'audio/wav'])
    expect(readWav(answer.body).isWhole).toBe(true)
  })

  it.each([
    ['a completion', () => complete()],
    ['a stream', () => complete({ stream: true })],
    ['speech', () => speak()],
  ])('is answered from the cache the second time, although it sends a key: %s', async (_name, ask) => {
    const miss = await ask()
    const work = demo.work()
    const hit = await ask()
    expect([outcome(miss), outcome(hit)]).toEqual(['MISS', 'HIT'])
    expect(hit.body.equals(miss.body)).toBe(true)
    expect(demo.work()).toBe(work)
  })

  it.each([
    ['user', { user: 'somebody' }, 'HIT'],
    ['metadata', { metadata: { trace: '1' } }, 'HIT'],
    ['safety_identifier', { safety_identifier: 'somebody' }, 'HIT'],
    ['prompt_cache_key', { prompt_cache_key: 'a' }, 'HIT'],
    ['store', { store: true }, 'HIT'],
    ['temperature', { temperature: 0.5 }, 'MISS'],
    ['a default that is written', { temperature: 1 }, 'HIT'],
    ['model', { model: 'another' }, 'MISS'],
    ['messages', { messages: user('Who directed Alien?') }, 'MISS'],
  ])('that differs in %s only shares the answer if that field cannot change it', async (_name, change, expected) => {
    await complete()
    expect(outcome(await complete(change))).toBe(expected)
  })

  it('is told about the film it named last, also in parts of text, and asked to name one otherwise', async () => {
    const about = async (messages: unknown) => contentOf(await complete({ messages }))
    expect(await about(user([{ type: 'text', text: 'Tell me of "Toy Story 2"!' }]))).toMatch(/^Toy Story 2 \(1999\)\./)
    expect(await about([...user('What about Casablanca?'), ...user('And how long is it?')])).toMatch(/^Casablanca \(/)
    expect(await about(user('How are you?'))).toMatch(/^Name a film/)
  })
})

describe('a request that is wrong', () => {
  let demo: Demo
  beforeAll(async () => {
    demo = await startLocalDemo()
  })
  afterAll(() => demo.close())

  it.each([
    ['no messages', '/v1/chat/completions', { model: 'any' }, /^messages must/],
    ['no message of the user', '/v1/chat/completions', { ...chat, messages: [] }, /^messages must/],
    ['no input', '/v1/audio/speech', { ...speech, input: ' ' }, /^input must/],
    ['an input that is too long', '/v1/audio/speech', { ...speech, input: 'a'.repeat(4097) }, /^input must/],
    ['an unknown voice', '/v1/audio/speech', { ...speech, voice: 'en-us' }, /^voice must be one of alloy, /],
    ['a speed out of range', '/v1/audio/speech', { ...speech, speed: 5 }, /^speed must/],
    ['a format the voice lacks', '/v1/audio/speech', { ...speech, response_format: 'mp3' }, /^response_format must/],
    ['no JSON', '/v1/chat/completions', '{"messages"', /JSON/],
  ])('with %s is refused in the shape of OpenAI, and not kept', async (_name, address, body, message) => {
    await demo.post(address, body, key)
    const answer = await demo.post(address, body, key)
    expect(answer.status).toBe(400)
    expect(answer.headers.get('x-cache')).not.toBe('HIT')
    expect(json(answer)).toEqual({
      error: { message: expect.stringMatching(message), type: 'invalid_request_error', param: null, code: null },
    })
  })

  it('in its address is a 404 in the same shape', async () => {
    const answer = await demo.post('/v1/embeddings', {}, key)
    expect([answer.status, json(answer)]).toMatchObject([404, { error: { type: 'invalid_request_error' } }])
  })
})

describe('a demo with a key of its own', () => {
  let demo: Demo
  let standIn: Demo
  beforeAll(async () => {
    standIn = await startLocalDemo()
    demo = await startDemo({ baseUrl: `${standIn.url}/v1`, ...LOCAL_MODELS }, { apiKey: 'open sesame' })
  })
  afterAll(async () => {
    await demo.close()
    await standIn.close()
  })

  it.each([
    ['the right one', { Authorization: 'Bearer open sesame' }, 200],
    ['another one', { Authorization: 'Bearer open' }, 401],
    ['none', {}, 401],
  ])('answers a client that sends %s accordingly', async (_name, headers, status) => {
    const answer = await demo.post('/v1/chat/completions', chat, headers)
    expect(answer.status).toBe(status)
  })

  it('asks before it looks into the cache', async () => {
    const right = { Authorization: 'Bearer open sesame' }
    await demo.post('/v1/chat/completions', chat, right)
    expect(outcome(await demo.post('/v1/chat/completions', chat, right))).toBe('HIT')
    expect((await demo.post('/v1/chat/completions', chat, key)).status).toBe(401)
  })
})

describe('what a model server of somebody else says', () => {
  it('reaches the client as it is, its errors too, without the client’s key', async () => {
    const asked: { authorization: string | undefined; body: unknown }[] = []
    const error = '{"error":{"message":"slow down","type":"requests"}}'
    const server = await listen((req: IncomingMessage, res: ServerResponse) => {
      void text(req).then(body => {
        asked.push({ authorization: req.headers.authorization, body: JSON.parse(body) })
        res.writeHead(429, { 'Content-Type': 'application/json', 'Retry-After': '7' }).end(error)
      })
    })
    const demo = await startDemo({ baseUrl: `${server.url}/v1`, apiKey: 'sk-ours', chatModel: 'a', speechModel: 'b' })
    const answer = await demo.post('/v1/chat/completions', { ...chat, user: 'somebody' }, key)
    expect([answer.status, answer.headers.get('retry-after'), answer.body.toString()]).toEqual([429, '7', error])
    expect(asked).toEqual([{ authorization: 'Bearer sk-ours', body: { ...chat, user: 'somebody' } }])
    await demo.close()
    await server.close()
  })
})
