import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cache, CacheOptions } from '../support/cache.js'
import { postJson, type Answer } from '../support/client.js'

/** The long runs are what is promised; the short ones, which every `npm test` makes, keep them from rotting. */
export const isLong = process.env['REELCACHE_LONG'] !== undefined
export const MB = 1024 * 1024

export interface Line {
  readonly movie: number
  readonly text: string
}

/** What the handler in speech-server.mjs makes, told once more: a test must know what is right without asking. */
export function speech({ movie, text }: Line, voice: string): Buffer {
  const digest = createHash('sha256').update(`${movie} ${text}`).digest()
  const outputLength = 1_000 + (digest.readUInt32BE() % 300_000)
  const sound = createHash('shake256', { outputLength }).update(`${movie} ${text} ${voice}`).digest()
  return Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVEfmt '), sound])
}

/** Body and head of an answer were made together, by the handler, for this line. */
export const isRight = (answer: Answer, line: Line): boolean =>
  answer.status === 200 &&
  answer.headers['content-type'] === 'audio/wav' &&
  answer.body.equals(speech(line, String(answer.headers['x-voice'])))

/** Says the lines that are whole in a file; fails for what is neither that nor made anew. */
export async function heardFromFiles(mute: Speaker, lines: readonly Line[]): Promise<Line[]> {
  const heard: Line[] = []
  for (const line of lines) {
    const answer = await mute.speak(line)
    const state = answer.headers['x-cache'] === 'HIT' ? isRight(answer, line) : answer.status
    expect({ ...line, state }).toEqual({ ...line, state: state === 599 ? 599 : true })
    if (state === true) heard.push(line)
  }
  return heard
}

type Orders = Pick<Cache, 'verify' | 'stats' | 'close'> & {
  /** What went wrong in the file tier. */
  errors(): string[]
  makeSpeech(): void
}

export interface Speaker {
  speak(line: Line): Promise<Answer>
  tell<Name extends keyof Orders>(order: Name): Promise<Awaited<ReturnType<Orders[Name]>>>
  kill(): void
  /** Lets what is being written come to its end. */
  stop(): Promise<void>
  /** By which signal it ended. */
  readonly ended: Promise<NodeJS.Signals | null>
}

export interface SpeakerOptions {
  readonly tts: NonNullable<CacheOptions['tts']>
  readonly voice?: string
  /** What is served can then only come from files, until it is told to make speech. */
  readonly isMute?: boolean
  readonly execArgv?: string[]
}

const running = new Set<Speaker>()

export async function startSpeaker({ execArgv = [], voice = 'alloy', ...options }: SpeakerOptions): Promise<Speaker> {
  const child = fork(join(__dirname, 'speech-server.mjs'), [JSON.stringify({ voice, ...options })], { execArgv })
  const waiting = new Map<number, (result: unknown) => void>()
  const agent = new Agent({ keepAlive: true })
  const ended = once(child, 'exit').then(([, signal]) => {
    agent.destroy()
    running.delete(speaker)
    return signal as NodeJS.Signals | null
  })
  let orders = 0
  child.on('message', ({ id, result }: { id: number; result: unknown }) => waiting.get(id)?.(result))
  const answerTo = (id: number): Promise<unknown> =>
    Promise.race([
      new Promise(resolve => waiting.set(id, resolve)),
      ended.then(signal => Promise.reject(new Error(`the process ended, ${signal ?? 'without a signal'}`))),
    ])
  const served = { port: 0, url: '', agent, close: () => Promise.resolve() }
  const speaker: Speaker = {
    speak: ({ movie, text }) => postJson(served, `/movies/${movie}/tts`, { text }),
    tell: async order => {
      const answer = answerTo(++orders)
      child.send({ id: orders, order })
      return (await answer) as never
    },
    kill: () => child.kill('SIGKILL'),
    stop: async () => {
      await speaker.tell('close')
      child.disconnect()
      await ended
    },
    ended,
  }
  running.add(speaker)
  served.port = (await answerTo(0)) as number
  return speaker
}

const undo: (() => void)[] = []
/** What is to be taken back when all tests of the file are over, the latest first. */
export const inTheEnd = (work: () => void): number => undo.unshift(work)

export function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'reelcache-proof-'))
  inTheEnd(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

afterEach(async () => {
  const left = [...running]
  for (const speaker of left) speaker.kill()
  await Promise.all(left.map(({ ended }) => ended))
})
afterAll(() => {
  for (const work of undo) work()
})

/** The files below a directory that others may be writing to; what goes meanwhile has no bytes. */
export function filesBelow(directory: string): { name: string; bytes: number }[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => {
      const stat = statSync(join(parentPath, name), { throwIfNoEntry: false })
      return { name, bytes: stat?.size ?? 0 }
    })
}

export const temporariesBelow = (directory: string): string[] =>
  filesBelow(directory)
    .map(({ name }) => name)
    .filter(name => name.endsWith('.tmp'))
