import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { upstreamFromEnv } from '../../demo-server/src/upstream/openai.js'
import { listen, startDemo, startLocalDemo, type Demo, type Listening } from './support/demo.js'

const movie = '/api/movies/the-dark-knight-2008'
const wav = Buffer.concat([Buffer.from('RIFF\x0c\0\0\0WAVEfmt ', 'latin1'), Buffer.alloc(16, 1)])
const stream = 'data: {"choices":[{"index":0,"delta":{"content":"Yes."}}]}\n\ndata: [DONE]\n\n'

type Reply = (res: ServerResponse) => void

/** A model server of somebody else's, that notes what it is asked and answers as the test says. */
let reply: Reply
let asked: { path: string | undefined; authorization: string | undefined; body: Record<string, unknown> }[]
let server: Listening
let demo: Demo

const answerWith = (status: number, type: string, body: string | Buffer): Reply => {
  return res => res.writeHead(status, { 'Content-Type': type }).end(body)
}

beforeEach(async () => {
  asked = []
  server = await listen((req: IncomingMessage, res: ServerResponse) => {
    void text(req).then(body => {
      asked.push({ path: req.url, authorization: req.headers.authorization, body: JSON.parse(body) })
      reply(res)
    })
  })
  const upstream = upstreamFromEnv({ OPENAI_BASE_URL: `${server.url}/v1/`, OPENAI_API_KEY: 'sk-test' })
  demo = await startDemo(upstream!)
})
afterEach(async () => {
  await demo.close()
  await server.close()
})

describe('the environment', () => {
  it('names a server with its models', () => {
    expect(
      upstreamFromEnv({
        OPENAI_BASE_URL: 'http://localhost:1/v1',
        OPENAI_CHAT_MODEL: 'tiny',
        OPENAI_SPEECH_MODEL: 'loud',
      }),
    ).toEqual({ baseUrl: 'http://localhost:1/v1', apiKey: undefined, chatModel: 'tiny', speechModel: 'loud' })
  })

  it('names none when there is only a key, so that no money is spent by accident', () => {
    expect(upstreamFromEnv({ OPENAI_API_KEY: 'sk-test' })).toBeUndefined()
  })
})

describe('a server named in the environment', () => {
  it('is sent the facts and the question, and its stream reaches the client byte for byte', async () => {
    reply = answerWith(200, 'text/event-stream', stream)
    const { status, body } = await demo.post(`${movie}/ai`, { question: 'Was it good?' })
    expect([status, body.toString()]).toEqual([200, stream])
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatchObject({
      path: '/v1/chat/completions',
      authorization: 'Bearer sk-test',
      body: {
        model: 'gpt-4o-mini',
        stream: true,
        messages: [
          { role: 'system', content: expect.stringContaining('"director":"Christopher Nolan"') },
          { role: 'user', content: 'Was it good?' },
        ],
      },
    })
  })

  it('is sent the text and the voice, and its audio reaches the client byte for byte', async () => {
    reply = answerWith(200, 'audio/wav', wav)
    const { status, body } = await demo.post(`${movie}/tts`, { text: 'Hello.', voice: 'nova', speed: 1.5 })
    expect(status).toBe(200)
    expect(body.equals(wav)).toBe(true)
    expect(asked).toEqual([
      {
        path: '/v1/audio/speech',
        authorization: 'Bearer sk-test',
        body: { model: 'tts-1', response_format: 'wav', input: 'Hello.', voice: 'nova', speed: 1.5 },
      },
    ])
  })

  it.each([
    ['an answer', 'ai', { question: 'Who?' }, () => answerWith(200, 'text/event-stream', stream)],
    ['speech', 'tts', { text: 'Hello.' }, () => answerWith(200, 'audio/wav', wav)],
  ])('is asked once for %s', async (_name, route, body, good) => {
    reply = good()
    const miss = await demo.post(`${movie}/${route}`, body)
    const hit = await demo.post(`${movie}/${route}`, body)
    expect([miss, hit].map(({ headers }) => headers.get('x-cache'))).toEqual(['MISS', 'HIT'])
    expect(hit.body.equals(miss.body)).toBe(true)
    expect(asked).toHaveLength(1)
  })
})

describe('a server in trouble', () => {
  const ask = () => demo.post(`${movie}/ai`, { question: 'Who?' })

  it.each([
    ['an error', answerWith(500, 'application/json', '{}'), 502, 'The model server answered 500'],
    ['a page', answerWith(200, 'text/html', '<p>'), 502, 'The model server did not answer with text/event-stream'],
    ['no answer', (res: ServerResponse) => res.destroy(), 502, 'The model server could not be reached (TypeError)'],
  ])('that gives %s is a JSON error, and is asked anew', async (_name, bad, status, error) => {
    reply = bad
    const answer = await ask()
    expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([status, { error }])
    reply = answerWith(200, 'text/event-stream', stream)
    expect((await ask()).body.toString()).toBe(stream)
  })

  it('that is busy says when to come back', async () => {
    reply = res => res.writeHead(429, { 'Retry-After': '7' }).end()
    const { status, headers } = await ask()
    expect([status, headers.get('retry-after')]).toEqual([503, '7'])
  })

  it('that breaks off breaks the answer off, which is not kept', async () => {
    reply = res => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' })
      res.write(stream.slice(0, 20), () => res.destroy())
    }
    await expect(ask()).rejects.toThrow()
    reply = answerWith(200, 'text/event-stream', stream)
    expect((await ask()).body.toString()).toBe(stream)
  })

  it('that ends without the mark of completeness is passed on, but not kept', async () => {
    const half = stream.slice(0, stream.indexOf('data: [DONE]'))
    reply = answerWith(200, 'text/event-stream', half)
    expect((await ask()).body.toString()).toBe(half)
    reply = answerWith(200, 'text/event-stream', stream)
    expect((await ask()).body.toString()).toBe(stream)
  })
})

it('lets the client come back when too many texts are waiting to be spoken', async () => {
  const local = await startLocalDemo({ speech: { maxWaiting: 0 } })
  const say = (words: string) => local.post(`${movie}/tts`, { text: words })
  const answers = await Promise.all([say('One.'), say('Two.'), say('Three.')])
  const refused = answers.filter(({ status }) => status === 503)
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 503, 503])
  expect(refused.map(({ headers }) => headers.get('retry-after'))).toEqual(['2', '2'])
  await local.close()
})
