import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { parsed, type Exchange, type Response } from './responses.js'

const { bodyOf } = jest.requireActual<{ bodyOf: (path: string, length?: number) => string }>('./bodies.cjs')

export interface Question extends Exchange {
  /** What the URL may be in the answer: what the cache takes out of it stays where a request goes past the cache. */
  readonly paths: readonly [string, string]
  readonly way: string
  /** Middleware in front may write a blank before the answer, which is of no use then. */
  readonly isBeating: boolean
  readonly bytes: string
}

export interface Received {
  readonly bytes: Buffer
  /** It was waited for in vain. */
  readonly isLate: boolean
}

export interface Tally {
  connections: number
  whole: number
  hits: number
  collapsed: number
  personal: number
  parts: number
  notModified: number
  readonly wrong: string[]
}

export const newTally = (): Tally => ({
  ...{ connections: 0, whole: 0, hits: 0, collapsed: 0, personal: 0, parts: 0, notModified: 0 },
  wrong: [],
})

/** The ways whose answers are the same for everybody. */
const SHARED: Readonly<Record<string, (path: string) => string>> = {
  json: path => JSON.stringify({ of: bodyOf(path) }),
  text: path => bodyOf(path),
  pipe: path => bodyOf(path),
  slow: path => bodyOf(path),
  file: path => bodyOf(fileOf(path)),
  big: path => bodyOf(path, 100_000),
}
const fileOf = (path: string): string => `/file/${path.split('/')[4]![0]!}`

type Blame = (what: string) => void

/** Holds what a connection brought against what its user may get. */
export function judge({ bytes, isLate }: Received, questions: readonly Question[], user: string, tally: Tally): void {
  const blame: Blame = what => void tally.wrong.push(`${user}: ${what}`)
  if (isLate) blame(`waited in vain for ${questions.map(({ method, paths }) => `${method} ${paths[1]}`).join(', ')}`)
  const all = bytes.toString('latin1')
  for (const { 0: found, index } of all.matchAll(/<<u\d+>>/g)) {
    if (found === `<<${user}>>`) tally.personal++
    else blame(`got what is for ${found}: ${all.slice(Math.max(0, index - 400), index)}`)
  }
  const { responses, rest } = parsed(bytes, questions)
  for (const [at, response] of responses.entries()) judgeWhole(response, questions[at]!, tally, blame)
  const asked = new Set(questions.flatMap(({ paths }) => [...paths, fileOf(paths[0])]))
  for (const [, path] of unframed(rest).matchAll(/\[(\/[^\]]{1,80})\]/g)) {
    if (!asked.has(path!)) blame(`got a part of ${path!}, which was not asked for`)
  }
}

function judgeWhole({ status, head, body }: Response, question: Question, tally: Tally, blame: Blame): void {
  if (/^cache-status:.*; hit/im.test(head)) tally.hits++
  if (/^cache-status:.*; collapsed/im.test(head)) tally.collapsed++
  if (status === 304) tally.notModified++
  const { method, paths, way, isBeating } = question
  const make = SHARED[way]
  if (method === 'HEAD' || isBeating || make === undefined) return
  const expected = paths.map(make)
  const text = decoded(body, head)
  const part = /^content-range: bytes (\d+)-(\d+)\//im.exec(head)
  if (status === 206 && part !== null) {
    if (expected.some(whole => text === whole.slice(Number(part[1]), Number(part[2]) + 1))) tally.parts++
    else blame(`got another part of ${paths[1]}`)
  }
  if (status !== 200) return
  if (expected.includes(text)) tally.whole++
  else blame(`got ${text.length} bytes for ${paths[1]}: ${text.slice(0, 80)}`)
}

function decoded(body: Buffer, head: string): string {
  const coding = /^content-encoding: (\w+)/im.exec(head)?.[1]
  const plain = coding === 'gzip' ? gunzipSync(body) : coding === 'br' ? brotliDecompressSync(body) : body
  return plain.toString()
}

/** The text without the lines that say how long a chunk is. */
const unframed = (bytes: Buffer): string => bytes.toString('latin1').replaceAll(/\r\n[\da-f]+\r\n/g, '')
