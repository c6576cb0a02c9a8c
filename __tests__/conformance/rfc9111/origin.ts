import type { IncomingHttpHeaders } from 'node:http'
import express, { type Response } from 'express'
import { testCache, type RouteOptions } from '../../support/cache.js'
import { ask, type Answer, type Question } from '../../support/client.js'
import { fakeClock } from '../../support/clock.js'
import { serve } from '../../support/server.js'

export type Fields = Record<string, string | string[]>

/** An HTTP-date so many seconds from now. */
export type At = (seconds: number) => string

/** What one run of the handler sends. Without a body, one that names the run: a replay cannot be mistaken for a new answer. */
export interface Scripted {
  readonly status?: number
  readonly fields?: Fields | ((at: At) => Fields)
  readonly body?: string | null
  /** Runs before the head is sent. */
  readonly before?: (res: Response) => void
  /** Cuts the connection instead of answering. */
  readonly abort?: true
}

export interface Origin {
  /** The conditional and range fields each run of the handler saw: no others may be read behind a cache. */
  readonly runs: readonly IncomingHttpHeaders[]
  readonly at: At
  readonly after: (seconds: number) => void
  readonly get: (headers?: Fields, path?: string) => Promise<Answer>
  readonly send: (path: string, question: Question) => Promise<Answer>
}

const readable = ['if-none-match', 'if-modified-since', 'if-range', 'range'] as const

/**
 * An origin behind a cache that stores nothing but what the handler makes fresh itself. The nth run of the handler sends the nth answer,
 * the last one from then on.
 */
export async function origin(script: readonly Scripted[], options: RouteOptions = {}): Promise<Origin> {
  const clock = fakeClock()
  const at: At = seconds => new Date(clock.now() + seconds * 1000).toUTCString()
  const runs: IncomingHttpHeaders[] = []

  const app = express()
  app.use(testCache({ clock }).cacheApi({ ttl: 0, ...options }))
  app.use((req, res) => {
    runs.push(Object.fromEntries(readable.flatMap(name => (req.headers[name] ? [[name, req.headers[name]]] : []))))
    play(script[Math.min(runs.length, script.length) - 1]!, runs.length, at, res)
  })
  const served = await serve(app)

  const send = (path: string, question: Question): Promise<Answer> => ask(served, path, question)
  return {
    runs,
    at,
    after: seconds => clock.advance(seconds * 1000),
    get: (headers = {}, path = '/') => send(path, { headers }),
    send,
  }
}

function play({ status = 200, fields = {}, body, before, abort }: Scripted, run: number, at: At, res: Response): void {
  if (abort) return void res.destroy()
  res.statusCode = status
  for (const [name, value] of Object.entries(typeof fields === 'function' ? fields(at) : fields)) {
    res.setHeader(name, value)
  }
  before?.(res)
  res.end(body === null ? undefined : (body ?? `run ${run}`))
}

export const isHit = (answer: Answer): boolean => answer.headers['x-cache'] === 'HIT'
