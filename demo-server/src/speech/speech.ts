/** Speech from a worker thread, as a synthesis blocks its thread from beginning to end; one at a time, in order. */
import { Worker } from 'node:worker_threads'

export interface Utterance {
  readonly text: string
  readonly voice: string
  readonly wordsPerMinute: number
}

export class QueueFull extends Error {}

type Reply = { audio: Uint8Array } | { error: string }

export class Speech {
  readonly #workerFile: string
  readonly #maxWaiting: number
  #worker: Worker | undefined
  #last: Promise<unknown> = Promise.resolve()
  #pending = 0

  constructor(workerFile: string, { maxWaiting = 16 } = {}) {
    this.#workerFile = workerFile
    this.#maxWaiting = maxWaiting
  }

  /** The bytes of a WAV file. */
  async say(utterance: Utterance): Promise<Buffer> {
    if (this.#pending > this.#maxWaiting) throw new QueueFull('Too many texts are waiting to be spoken')
    this.#pending += 1
    const turn = this.#last.then(() => this.#speak(utterance))
    this.#last = turn.catch(() => undefined)
    return turn.finally(() => (this.#pending -= 1))
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #speak(utterance: Utterance): Promise<Buffer> {
    const worker = (this.#worker ??= this.#start())
    return new Promise((resolve, reject) => {
      const settle = () => worker.off('message', onMessage).off('error', onError).off('exit', onExit)
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
    const forget = () => {
      if (this.#worker === worker) this.#worker = undefined
    }
    return worker.once('error', forget).once('exit', forget)
  }
}
