import { QueueFull, Speech, TooLong } from '../../demo-server/src/speech/speech.js'
import { makeCatalogue } from '../../demo-server/src/catalogue.js'
import { makeStandIn } from '../../demo-server/src/upstream/local.js'
import { conversation } from '../../demo-server/src/prompt.js'
import { movies, workerFile } from '../demo/support/data.js'
import { listen, startLocalDemo, type Answer, type Demo, type DemoOptions } from '../demo/support/demo.js'

const movie = '/api/movies/the-dark-knight-2008'
const user = (content: unknown): object => ({ role: 'user', content })
const chat = (...messages: unknown[]): object => ({ model: 'any', messages })
const errorOf = ({ body }: Answer): unknown => (JSON.parse(body.toString()) as { error: unknown }).error
const messageOf = (answer: Answer): unknown => (errorOf(answer) as { message: unknown }).message
const contentOf = ({ body }: Answer): string =>
  (JSON.parse(body.toString()) as { choices: { message: { content: string } }[] }).choices[0]!.message.content

const facts = conversation(makeCatalogue(movies).enhance(movies[0]!), 'Who?')[0]!.content as string
const opening = facts.slice(0, facts.indexOf('\n') + 1)
/** A message that says it brings the facts of a film. */
const withFacts = (text: string): object => chat({ role: 'system', content: opening + text }, user('Who made Heat?'))

let demo: Demo
let logged: jest.SpiedFunction<typeof console.error>
beforeAll(async () => {
  demo = await startLocalDemo()
})
afterAll(() => demo.close())
beforeEach(() => {
  logged = jest.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterEach(() => logged.mockRestore())

const complete = (body: unknown): Promise<Answer> => demo.post('/v1/chat/completions', body)

describe('a stranger cannot hold the demo up', () => {
  it.each([
    ['one message', chat(user('the matrix '.repeat(90_000)))],
    ['many messages', chat(...Array.from({ length: 20_000 }, () => user('hello')))],
    ['many parts', chat(user(Array.from({ length: 40_000 }, () => ({ type: 'text', text: 'a ' }))))],
  ])('with a megabyte in %s: it is too much, said in OpenAI’s words', async (_name, body) => {
    const answer = await complete(body)
    expect([answer.status, messageOf(answer)]).toEqual([413, expect.stringMatching(/too large/)])
  })

  it('with a long conversation: a few of the last messages are read, and of each its beginning', async () => {
    const catalogue = makeCatalogue(movies)
    const named = jest.fn(catalogue.named)
    const speech = new Speech(workerFile)
    const standIn = await listen(makeStandIn({ speech, catalogue: { ...catalogue, named } }))
    const messages = [user('Heat'), ...Array.from({ length: 30 }, () => user('x '.repeat(3_000)))]
    const { status } = await fetch(`${standIn.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ messages }),
    })
    await standIn.close()
    await speech.close()
    expect(status).toBe(200)
    expect(named).toHaveBeenCalledTimes(8)
    expect(Math.max(...named.mock.calls.map(([text]) => text.length))).toBe(4_096)
  })

  it('and whoever asks in earnest is answered', async () => {
    const question = `${'well, '.repeat(500)}who directed Pulp Fiction?`
    expect(contentOf(await complete(chat(user('Toy Story 2'), user(question))))).toMatch(/^Pulp Fiction \(1994\)/)
  })
})

describe('a stranger cannot write a stack into the log of the demo', () => {
  it.each([
    ['no facts', ''],
    ['broken JSON', '{"movie":'],
    ['null', 'null'],
    ['a number', '7'],
    ['a list', '[]'],
    ['a film that is null', '{"movie":null}'],
    ['a film that is a text', '{"movie":"heat"}'],
    ['an id that is a number', '{"movie":{"id":603}}'],
    ['an id that is an object', '{"movie":{"id":{"toString":1}}}'],
    ['an id of the prototype', '{"movie":{"id":"__proto__"}}'],
    ['another id of the prototype', '{"movie":{"id":"constructor"}}'],
    ['a film without standing', '{"movie":{"id":"x","title":"x"}}'],
    [
      'odd figures',
      '{"movie":{"id":"x","title":1,"released":"never"},"standing":{"budget":{"value":1e999}},"similar":7}',
    ],
    ['a prototype', '{"__proto__":{"movie":{}},"movie":{"__proto__":{"id":"x"}}}'],
  ])('with facts that are %s', async (_name, text) => {
    const answer = await complete(withFacts(text))
    expect([answer.status, logged.mock.calls]).toEqual([200, []])
    expect(contentOf(answer)).not.toMatch(/undefined|NaN|object/)
  })

  it.each([
    ['a message that is null', chat(null, user('Heat'))],
    ['a message that is a text', chat('Heat')],
    ['a message without a role', chat({ content: 'Heat' })],
    ['a role that is an object', chat({ role: {}, content: 'Heat' })],
    ['content that is a number', chat(user(7))],
    ['content that is an object', chat(user({ length: 1 }))],
    ['a part that is null', chat(user([null]))],
    ['a part whose text is an object', chat(user([{ text: {} }]))],
    ['messages that are an object', { messages: { length: 1 } }],
    ['no messages', {}],
    ['a stream that is a text', { ...chat(user('Heat')), stream: 'yes' }],
  ])('with %s: it is a 400', async (_name, body) => {
    const answer = await complete(body)
    expect([answer.status, logged.mock.calls]).toEqual([400, []])
  })

  it.each([5, 'yes', null, [], { include_usage: {} }])('with stream_options %j', async stream_options => {
    const answer = await complete({ ...chat(user('Heat')), stream: true, stream_options })
    expect([answer.status, logged.mock.calls]).toEqual([200, []])
  })

  it.each([
    ['a body that is a list', []],
    ['an input that is a number', { input: 7, voice: 'nova' }],
    ['a voice that is an object', { input: 'Hello.', voice: {} }],
    ['a speed that is a huge number', { input: 'Hello.', voice: 'nova', speed: 1e300 }],
    ['a format that is a list', { input: 'Hello.', voice: 'nova', response_format: ['wav'] }],
  ])('with speech asked for by %s: it is a 400', async (_name, body) => {
    const answer = await demo.post('/v1/audio/speech', body)
    expect([answer.status, logged.mock.calls]).toEqual([400, []])
  })

  it('and facts that the app sends are used', async () => {
    const { body } = await demo.post(`${movie}/ai`, { question: 'Who directed it?', stream: false })
    expect(body.toString()).toContain('Christopher Nolan')
  })
})

describe('a stranger cannot see the statistics of the demo', () => {
  const from = (address: string): DemoOptions['front'] => {
    return ({ socket }, _res, next) => {
      Object.defineProperty(socket, 'remoteAddress', { value: address, configurable: true })
      next()
    }
  }
  const stats = async (address: string, headers: Record<string, string> = {}): Promise<number[]> => {
    const started = await startLocalDemo({
      front: (req, res, next) => {
        Object.assign(req.headers, headers)
        from(address)!(req, res, next)
      },
    })
    const statuses = [(await started.get('/api/stats')).status, (await started.get('/cache/stats')).status]
    await started.close()
    return statuses
  }

  it.each<[string, string, Record<string, string>]>([
    ['from another machine', '192.168.1.20', {}],
    ['from another machine, over IPv6', '2001:db8::1', {}],
    ['from another machine that says it is this one', '192.168.1.20', { 'x-forwarded-for': '127.0.0.1' }],
    ['through a proxy on this machine', '127.0.0.1', { 'x-forwarded-for': '192.168.1.20' }],
    ['through a proxy that says so in another way', '127.0.0.1', { forwarded: 'for=192.168.1.20' }],
    ['through a proxy that says only that it is one', '127.0.0.1', { via: '1.1 proxy' }],
    ['under a name of its own', '127.0.0.1', { host: 'evil.example' }],
  ])('%s', async (_name, address, headers) => {
    expect(await stats(address, headers)).toEqual([403, 403])
  })

  it('and whoever sits at the machine can', async () => {
    expect(await stats('127.0.0.1')).toEqual([200, 200])
    expect(await stats('::1', { host: 'localhost:3000' })).toEqual([200, 200])
  })
})

describe('a stranger cannot fill the speech queue', () => {
  const say = (speech: Speech, text: string): Promise<Buffer> =>
    speech.say({ text, voice: 'en-us', wordsPerMinute: 450 })

  it('with long texts: characters are counted, not only texts', async () => {
    const speech = new Speech(workerFile, { maxCharacters: 60 })
    const first = say(speech, 'This text has more characters than the whole queue, and is alone.')
    await expect(say(speech, 'Hello.')).rejects.toThrow(QueueFull)
    await first
    const [short, other] = [say(speech, 'Hello.'), say(speech, 'Film.')]
    await expect(say(speech, 'a '.repeat(30))).rejects.toThrow(QueueFull)
    expect((await Promise.all([short, other])).every(audio => audio.length > 44)).toBe(true)
    await speech.close()
  })

  it('with a text that takes for ever: it is cut off, and the next one is spoken', async () => {
    const speech = new Speech(workerFile, { maxTime: 1 })
    const late = expect(say(speech, '9'.repeat(4_000))).rejects.toThrow(TooLong)
    await late
    await speech.close()
    const patient = new Speech(workerFile)
    expect((await say(patient, 'Hello.')).length).toBeGreaterThan(44)
    await patient.close()
  })

  it('and is told so: 413 for what takes too long, 503 with a time to come back for what must wait', async () => {
    const slow = await startLocalDemo({ speech: { maxTime: 1 } })
    const long = await slow.post(`${movie}/tts`, { text: '9'.repeat(4_000) })
    const openAi = await slow.post('/v1/audio/speech', { input: '8'.repeat(4_000), voice: 'nova' })
    await slow.close()
    expect([long.status, errorOf(long)]).toEqual([413, 'This is more than the model server takes'])
    expect([openAi.status, messageOf(openAi)]).toEqual([413, 'The text takes too long to be spoken'])
    const full = await startLocalDemo({ speech: { maxCharacters: 10 } })
    const answers = await Promise.all(
      ['One, two, three.', 'Four, five, six.', 'Seven, eight.'].map(text => full.post(`${movie}/tts`, { text })),
    )
    await full.close()
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 503, 503])
    const refused = answers.find(({ status }) => status === 503)!
    expect([refused.headers.get('retry-after'), errorOf(refused)]).toEqual([
      '2',
      'The model server is busy, try again soon',
    ])
  })
})
