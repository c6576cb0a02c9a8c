import { createHash, randomUUID } from 'node:crypto'
import express from 'express'
import { cacheStatus, onlyIfCached, testCache, type Cache, type CacheOptions } from '../../support/cache.js'
import { ask, postJson, type Answer } from '../../support/client.js'
import { serve } from '../../support/server.js'
import { until } from '../../support/until.js'

/** What is true, for all machines: which version each film is in, and who made which answer. */
export class World {
  readonly #versions = new Map<string, number>()
  /** `a movie 603`, in the order in which handlers began. */
  readonly runs: string[] = []

  version(movie: string): number {
    return this.#versions.get(movie) ?? 1
  }

  edit(movie: string): void {
    this.#versions.set(movie, this.version(movie) + 1)
  }

  /** How often this was made, by one machine or by all. */
  made(what: string, machine = ''): number {
    return this.runs.filter(run => run.endsWith(` ${what}`) && run.startsWith(machine)).length
  }
}

/** The bytes of a film in a version. */
export const movieBody = (movie: string, version: number): Buffer =>
  Buffer.from(JSON.stringify({ movie, version, plot: 'A film. '.repeat(200) }))

/** Speech of every byte value, so that nothing may take it for text. */
export const speechBody = (movie: string, text: string, version: number): Buffer =>
  Buffer.concat([
    Buffer.from('RIFF\0\0\0\0WAVEfmt '),
    createHash('shake256', { outputLength: 20_000 }).update(`${movie} ${text} ${version}`).digest(),
  ])

/** One process with a cache of its own, as far as the cache can tell. */
export interface Machine {
  readonly name: string
  readonly cache: Cache
  movie(movie: string): Promise<Answer>
  speak(movie: string, text?: string): Promise<Answer>
  /** An unsafe method on the film's URL. */
  put(movie: string): Promise<Answer>
  /** Which version it would serve without asking a handler; undefined: none. */
  holds(movie: string): Promise<number | undefined>
  holdsSpeech(movie: string, text?: string): Promise<boolean>
}

export interface MachineOptions {
  readonly name: string
  readonly world: World
  readonly client: NonNullable<CacheOptions['redis']>['client']
  readonly redis?: Omit<NonNullable<CacheOptions['redis']>, 'client'>
  readonly tts?: CacheOptions['tts']
  /** Passed by each handler after it has learned the version and before it answers. */
  readonly pause?: (what: string) => Promise<void> | undefined
}

export async function startMachine(options: MachineOptions): Promise<Machine> {
  const { name, world, client, redis, tts = {}, pause } = options
  const cache = testCache({ redis: { client, ...redis }, api: { maxSize: 2_000 }, tts })
  const begin = async (what: string, movie: string): Promise<number> => {
    world.runs.push(`${name} ${what}`)
    const version = world.version(movie)
    await pause?.(what)
    return version
  }
  const app = express().use(express.json())
  app.all('/movies/:movieId', cache.cacheApi(), async ({ method, params: { movieId } }, res) => {
    if (method === 'PUT') return void res.json({ done: true })
    const version = await begin(`movie ${movieId}`, movieId)
    res.type('json').set('X-Version', String(version)).send(movieBody(movieId, version))
  })
  app.post('/movies/:movieId/tts', cache.cacheTts(), async ({ body: { text }, params: { movieId } }, res) => {
    const version = await begin(`speech ${movieId}`, movieId)
    res
      .type('audio/wav')
      .set('X-Version', String(version))
      .send(speechBody(movieId, text, version))
  })
  const served = await serve(app)
  const held = (answer: Answer): number | undefined =>
    cacheStatus(answer)['hit'] ? Number(answer.headers['x-version']) : undefined
  return {
    name,
    cache,
    movie: movie => ask(served, `/movies/${movie}`),
    speak: (movie, text = 'hello') => postJson(served, `/movies/${movie}/tts`, { text }),
    put: movie => ask(served, `/movies/${movie}`, { method: 'PUT' }),
    holds: async movie => held(await ask(served, `/movies/${movie}`, { headers: onlyIfCached })),
    holdsSpeech: async (movie, text = 'hello') =>
      held(await postJson(served, `/movies/${movie}/tts`, { text }, onlyIfCached)) !== undefined,
  }
}

/** A right answer: head and body made together, whichever version, and no other than this film's. */
export function versionIn(answer: Answer, movie: string, text?: string): number {
  const version = Number(answer.headers['x-version'])
  const body = text === undefined ? movieBody(movie, version) : speechBody(movie, text, version)
  const type = text === undefined ? 'application/json; charset=utf-8' : 'audio/wav'
  const { status, headers } = answer
  const isRight = answer.body.equals(body)
  expect({ movie, status, type: headers['content-type'], isRight }).toEqual({ movie, status: 200, type, isRight: true })
  return version
}

/** Waits until both machines are connected to the store: what the one makes, the other has from there. */
export async function share(one: Machine, other: Machine, world: World): Promise<void> {
  await until(`${other.name} has from the store what ${one.name} made`, async () => {
    const movie = `shared-${randomUUID()}`
    versionIn(await one.movie(movie), movie)
    versionIn(await other.movie(movie), movie)
    return world.made(`movie ${movie}`) === 1
  })
}
