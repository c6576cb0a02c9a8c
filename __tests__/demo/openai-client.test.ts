import express from 'express'
import OpenAI from 'openai'
import { makeCatalogue } from '../../demo-server/src/catalogue.js'
import { Speech } from '../../demo-server/src/speech/speech.js'
import { LOCAL_MODELS, makeStandIn } from '../../demo-server/src/upstream/local.js'
import { arrivals, gate } from '../support/gate.js'
import { movies, workerFile } from './support/data.js'
import { listen, startDemo } from './support/demo.js'

/** What the client made of an answer, and what the cache said of it. */
interface Got {
  readonly made: unknown
  readonly status: string
}

type Ask = (client: OpenAI, change?: { temperature: number }) => Promise<Got>

const statusOf = ({ headers }: Response): string => headers.get('cache-status')!

const chat: Ask = async (client, change) => {
  const { data: stream, response } = await client.chat.completions
    .create({
      model: 'gpt-4o-mini',
      messages: [{ role: 'user', content: 'Who directed Pulp Fiction?' }],
      stream: true,
      stream_options: { include_usage: true },
      ...change,
    })
    .withResponse()
  const made: OpenAI.ChatCompletionChunk[] = []
  for await (const chunk of stream) made.push(chunk)
  return { made, status: statusOf(response) }
}

const speech: Ask = async client => {
  const answer = await client.audio.speech.create({ model: 'tts-1', voice: 'nova', input: 'Hello, film.' })
  const made = { type: answer.headers.get('content-type'), audio: Buffer.from(await answer.arrayBuffer()) }
  return { made, status: statusOf(answer) }
}

/** The demo, and a model server behind it that holds its answers back until it is told to give them. */
async function startHeldDemo() {
  const [inside, go] = [arrivals(), gate()]
  let calls = 0
  const voice = new Speech(workerFile)
  const held = express()
    .use((_req, _res, next) => {
      calls++
      void go.opened.then(() => next())
    })
    .use(makeStandIn({ speech: voice, catalogue: makeCatalogue(movies) }))
  const upstream = await listen(held)
  // The body is read in front, so that whoever has arrived has come to the cache as well.
  const front = express.Router().use(express.json(), inside.middleware)
  const demo = await startDemo({ baseUrl: `${upstream.url}/v1`, ...LOCAL_MODELS }, { front })
  return {
    client: new OpenAI({ apiKey: 'sk-anything', baseURL: `${demo.url}/v1`, maxRetries: 0 }),
    inside,
    go,
    calls: () => calls,
    close: async () => {
      await demo.close()
      await upstream.close()
      await voice.close()
    },
  }
}

describe('the client of OpenAI', () => {
  let demo: Awaited<ReturnType<typeof startHeldDemo>>
  beforeEach(async () => {
    demo = await startHeldDemo()
  })
  afterEach(() => demo.close())

  it.each([
    ['chunks of a chat', chat],
    ['speech', speech],
  ])('makes the same %s of an answer that is made for it, that it joins and that is stored', async (_name, ask) => {
    const both = [ask(demo.client), ask(demo.client)]
    await demo.inside.reached(2)
    demo.go.open()
    const [first, second] = await Promise.all(both)
    const made = [first!, second!].find(({ status }) => !status.includes('collapsed'))!
    const joined = [first!, second!].find(({ status }) => status.includes('collapsed'))!
    const hit = await ask(demo.client)
    expect([made.status, joined.status, hit.status]).toEqual([
      expect.stringMatching(/^reelcache; fwd=miss/),
      expect.stringMatching(/^reelcache; fwd=miss; collapsed/),
      expect.stringMatching(/^reelcache; hit/),
    ])
    expect(joined.made).toEqual(made.made)
    expect(hit.made).toEqual(made.made)
    expect(demo.calls()).toBe(1)
  })

  it('makes the words of a chat of its chunks', async () => {
    demo.go.open()
    const chunks = (await chat(demo.client)).made as OpenAI.ChatCompletionChunk[]
    const words = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
    expect(words).toContain('directed by Quentin Tarantino')
    expect(chunks.at(-1)!.usage).toMatchObject({ completion_tokens: expect.any(Number) })
  })

  it('makes other objects of an answer that is made anew', async () => {
    demo.go.open()
    const [one, other] = [await chat(demo.client), await chat(demo.client, { temperature: 0.5 })]
    expect(other.status).toMatch(/^reelcache; fwd=miss/)
    expect(other.made).not.toEqual(one.made)
  })
})
