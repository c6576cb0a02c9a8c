import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { cacheStatus, onlyIfCached, type Cache, type CacheOptions } from '../support/cache.js'
import { startChild, type Child } from '../support/child.js'
import { postJson, type Answer } from '../support/client.js'

export const profiles = ['tts', 'ai'] as const
export type Profile = (typeof profiles)[number]

export interface Line {
  readonly profile: Profile
  readonly movie: string
  readonly text: string
}

export interface SharedSettings {
  readonly library: string
  /** The port of the store. */
  readonly store: number
  /** An address below which a film's version is read. */
  readonly truth?: string
  /** Milliseconds that a handler takes. */
  readonly takes: { readonly least: number; readonly more: number }
  readonly redis?: Omit<NonNullable<CacheOptions['redis']>, 'client'>
  readonly tts?: CacheOptions['tts']
}

/** The process in shared-server.mjs. */
export interface SharedServer {
  readonly child: Child
  ask(line: Line): Promise<Answer>
  /** Whether it would answer this without asking anybody. */
  holds(line: Line): Promise<boolean>
  runs(): Promise<number>
  /** From now on its handlers take at least so many milliseconds. */
  slow(least: number): Promise<unknown>
  stats(): Promise<ReturnType<Cache['stats']>>
  purge(target: Parameters<Cache['purge']>[0]): Promise<number>
}

export async function startShared(settings: SharedSettings): Promise<SharedServer> {
  const child = await startChild(join(__dirname, 'shared-server.mjs'), [JSON.stringify(settings)])
  const post = ({ profile, movie, text }: Line, headers = {}): Promise<Answer> =>
    postJson(child, `/movies/${movie}/${profile}`, { text }, headers)
  return {
    child,
    ask: line => post(line),
    holds: async line => cacheStatus(await post(line, onlyIfCached))['hit'] === true,
    runs: () => child.tell('runs') as Promise<number>,
    slow: least => child.tell('slow', least),
    stats: () => child.tell('stats') as never,
    purge: target => child.tell('purge', target) as Promise<number>,
  }
}

/** The version in an answer, whose head and body were made together, for this line. */
export function versionOf({ status, headers, body }: Answer, line: Line): number {
  const version = String(headers['x-version'])
  const isRight = body.equals(line.profile === 'tts' ? soundOf(line, version) : textOf(line, version))
  expect({ ...line, status, isRight }).toEqual({ ...line, status: 200, isRight: true })
  return Number(version)
}

/** What the handlers in shared-server.mjs make, told once more. */
const textOf = ({ movie, text }: Line, version: string): Buffer =>
  Buffer.from(`${movie} ${text} ${version}. `.repeat(100))
const soundOf = ({ movie, text }: Line, version: string): Buffer =>
  Buffer.concat([
    Buffer.from('RIFF\0\0\0\0WAVEfmt '),
    createHash('shake256', { outputLength: 8_000 }).update(`${movie} ${text} ${version}`).digest(),
  ])
