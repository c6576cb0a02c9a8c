import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cache, CacheOptions } from '../support/cache.js'
import { startChild } from '../support/child.js'
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

export async function startSpeaker({ execArgv, voice = 'alloy', ...options }: SpeakerOptions): Promise<Speaker> {
  const script = join(__dirname, 'speech-server.mjs')
  const child = await startChild(script, [JSON.stringify({ voice, ...options })], execArgv)
  return {
    speak: ({ movie, text }) => postJson(child, `/movies/${movie}/tts`, { text }),
    tell: order => child.tell(order) as never,
    kill: () => child.kill(),
    stop: async () => {
      await child.tell('close')
      await child.leave()
    },
    ended: child.ended,
  }
}

const undo: (() => void)[] = []
/** What is to be taken back when all tests of the file are over, the latest first. */
export const inTheEnd = (work: () => void): number => undo.unshift(work)

export function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'reelcache-proof-'))
  inTheEnd(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

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
