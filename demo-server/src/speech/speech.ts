/** Speech from a worker thread, as a synthesis blocks its thread from beginning to end; one at a time, in order. */
import { Worker } from 'node:worker_threads'

export interface Utterance {
  readonly text: string
  readonly voice: string
  readonly wordsPerMinute: number
}

/** Somebody else's texts come first. */
export class QueueFull extends Error {}

/** A text that would keep all others waiting. */
export class TooLong extends Error {}

export interface SpeechLimits {
  /** Texts that may wait. */
  readonly maxWaiting?: number
  /** Characters of the text that is spoken and of those that wait. One text alone may have more. */
  readonly maxCharacters?: number
  /** Milliseconds one text may take. */
  readonly maxTime?: number
}

type Reply = { audio: Uint8Array } | { error: string }

export class Speech {
  readonly #workerFile: string
  readonly #limits: Required<SpeechLimits>
  #worker: Worker | undefined
  #last: Promise<unknown> = Promise.resolve()
  #pending = 0
  #characters = 0

  constructor(workerFile: string, limits: SpeechLimits = {}) {
    this.#workerFile = workerFile
    this.#limits = { maxWaiting: 16, maxCharacters: 8192, maxTime: 20_000, ...limits }
  }

  /** The bytes of a WAV file. */
  async say(utterance: Utterance): Promise<Buffer> {
    const { maxWaiting, maxCharacters } = this.#limits
    const { length } = utterance.text
    const isFull = this.#pending > 0 && this.#characters + length > maxCharacters
    if (isFull || this.#pending > maxWaiting) throw new QueueFull('Too many texts are waiting to be spoken')
    this.#pending += 1
    this.#characters += length
    const turn = this.#last.then(() => this.#speak(utterance))
    this.#last = turn.catch(() => undefined)
    return turn.finally(() => {
      this.#pending -= 1
      this.#characters -= length
    })
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #speak(utterance: Utterance): Promise<Buffer> {
    const worker = (this.#worker ??= this.#start())
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        worker.off('message', onMessage).off('error', onError).off('exit', onExit)
      }
      // A synthesis cannot be asked to stop: its thread ends, and the next text gets another.
      const timer = setTimeout(() => {
        settle()
        this.#forget(worker)
        void worker.terminate()
        reject(new TooLong('The text takes too long to be spoken'))
      }, this.#limits.maxTime)
      const fail = (reason: string, cause?: unknown) => {
        settle()
        reject(new Error(reason, { cause }))
      }
      const onMessage = (reply: Reply) => {
        if ('error' in reply) return fail(reply.error)
        settle()
        resolve(Buffer.from(reply.audio.buffer))
      }
      const onError = (error: unknown) => fail('The speech thread failed', error)
      const onExit = () => fail('The speech thread has ended')
      worker.on('message', onMessage).on('error', onError).on('exit', onExit)
      worker.postMessage(utterance)
    })
  }

  /** A thread that has ended is replaced when the next text comes. */
  #start(): Worker {
    const worker = new Worker(this.#workerFile)
    return worker.once('error', () => this.#forget(worker)).once('exit', () => this.#forget(worker))
  }

  #forget(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined
  }
}
