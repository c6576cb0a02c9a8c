import { readFileSync } from 'node:fs'
import path from 'node:path'
import { QueueFull, Speech } from '../../demo-server/src/speech/speech.js'
import { VOICES } from '../../demo-server/src/speech/voices.js'
import { demoDir, readWav, workerFile } from './support/data.js'

const hello = { text: 'Hello, film.', voice: 'en-us', wordsPerMinute: 175 }

describe('the speech thread', () => {
  const speech = new Speech(workerFile)
  afterAll(() => speech.close())

  it('speaks a whole WAV file, the same bytes each time', async () => {
    const first = await speech.say(hello)
    expect(readWav(first)).toMatchObject({ isWhole: true, sampleRate: 22050 })
    expect((await speech.say(hello)).equals(first)).toBe(true)
  })

  it('lets text, voice and speed be heard', async () => {
    const spoken = await Promise.all([
      speech.say(hello),
      speech.say({ ...hello, text: 'Goodbye, film.' }),
      speech.say({ ...hello, voice: 'en-gb' }),
      speech.say({ ...hello, wordsPerMinute: 120 }),
    ])
    expect(new Set(spoken.map(audio => audio.toString('latin1'))).size).toBe(spoken.length)
  })

  it('speaks a text that looks like an option', async () => {
    const { isWhole, seconds } = readWav(await speech.say({ ...hello, text: '--version' }))
    expect(isWhole).toBe(true)
    expect(seconds).toBeGreaterThan(0.5)
  })

  it('says that a voice does not exist, and goes on to speak', async () => {
    await expect(speech.say({ ...hello, voice: 'nobody' })).rejects.toThrow()
    expect(readWav(await speech.say(hello)).isWhole).toBe(true)
  })
})

describe('the queue in front of it', () => {
  it('refuses what is more than may wait, and speaks the rest in order', async () => {
    const speech = new Speech(workerFile, { maxWaiting: 1 })
    const order: string[] = []
    const say = (text: string) => speech.say({ ...hello, text }).then(() => order.push(text))
    const first = say('A long sentence, that takes a while to be spoken.')
    const second = say('Short.')
    await expect(say('One too many.')).rejects.toThrow(QueueFull)
    await Promise.all([first, second])
    expect(order).toEqual(['A long sentence, that takes a while to be spoken.', 'Short.'])
    await expect(say('Room again.')).resolves.toBe(3)
    await speech.close()
  })

  it('fails the text whose thread ends, and starts a new thread for the next', async () => {
    const speech = new Speech(workerFile)
    const lost = expect(speech.say(hello)).rejects.toThrow('The speech thread has ended')
    await Promise.resolve()
    await speech.close()
    await lost
    expect(readWav(await speech.say(hello)).isWhole).toBe(true)
    await speech.close()
  })
})

it('offers the same voices on the page', () => {
  const page = readFileSync(path.join(demoDir, 'public/index.html'), 'utf8')
  const offered = [...page.matchAll(/<option>(\w+)<\/option>/g)].map(([, voice]) => voice)
  expect(offered).toEqual(VOICES)
})
