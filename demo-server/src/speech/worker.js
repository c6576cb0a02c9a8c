/**
 * The thread that speaks: one utterance in, one WAV out. It is JavaScript because a thread is started from a file that
 * Node can run as it stands, in the tests as well.
 */
import { parentPort } from 'node:worker_threads'
import ESpeakNg from 'espeak-ng'

/**
 * The text goes in as a file: as an argument, one that begins with `-` would be taken for an option.
 *
 * @param {import('./speech.js').Utterance} utterance
 */
async function speak({ text, voice, wordsPerMinute }) {
  const { FS } = await ESpeakNg({
    arguments: ['-v', voice, '-s', String(wordsPerMinute), '-w', '/speech.wav', '-f', '/text.txt'],
    preRun: [module => module.FS.writeFile('/text.txt', text)],
    printErr: () => undefined,
  })
  return FS.readFile('/speech.wav')
}

parentPort?.on('message', async utterance => {
  try {
    const audio = await speak(utterance)
    parentPort?.postMessage({ audio }, [audio.buffer])
  } catch (error) {
    parentPort?.postMessage({ error: String(error) })
  }
})
