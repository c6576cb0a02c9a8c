import type { IncomingHttpHeaders } from 'node:http'
import type { Response } from 'express'
import { ageOf } from '../core/entry.js'
import { essence } from '../core/media-type.js'
import { FREE } from '../core/room.js'
import type { CacheEntry } from '../core/types.js'
import type { Status } from './cache-status.js'
import type { Engine, Located } from './engine.js'
import { conditionsOf, formOf, WHOLE, type Conditions, type Form } from './conditional.js'
import { isAccumulating, mergedValue } from './handler-fields.js'
import { lineOf, type Fields } from './headers.js'
import { isAudio } from './media.js'
import { readerOf } from './reader.js'
import { attempt } from './step-aside.js'
import { breakOff, unsentOf } from './unsent.js'
import type { Visit } from './visit.js'
import { hasOwnSetHeader, keepAsStored } from './wrapped.js'

/**
 * Sends a stored answer: whole, a part of it, or the news that nothing has changed. Node writes the head when `end` or `write` asks for it, as it
 * does for `res.json`: a head that has left already is one to which an `end` that middleware in front has wrapped can add nothing.
 */
export function replay(
  { engine, method, headers }: Pick<Visit, 'engine' | 'method' | 'headers'>,
  res: Response,
  entry: CacheEntry,
  status: Status,
  now: number,
  pace = 0,
): void {
  const isTransformed = mayBeTransformed(headers, res, entry)
  const isWhole = entry.status !== 200 || method === 'POST'
  const form: Form = isWhole ? WHOLE : choose(method, entry, conditionsOf(headers), isTransformed)
  writeHeader(engine, res, entry, entry.etag, status, now, form)
  if (isTransformed) weakenEtag(res)
  else offerRanges(method, res, entry)
  if (form.is === 'whole' && entry.chunkEnds !== undefined && method !== 'HEAD') sendStream(res, entry, pace)
  else send(method, res, entry, form)
  if (entry.body.length > FREE) pin(engine, res, entry)
}

/** What its client has not taken lives on, also when memory has dropped it. Behind `compression` nobody sees how much that is. */
function pin({ pins }: Engine, res: Response, entry: CacheEntry): void {
  if (res.writableEnded && res.writableLength === 0 && !('flush' in res)) return
  const unpin = pins.pin(entry, { progress: () => unsentOf(res), giveUp: () => breakOff(res) })
  res.once('finish', unpin).once('close', unpin)
}

/** RFC 9110 section 15.4.5: what describes a body that is not sent stays away. */
const OF_THE_BODY: ReadonlySet<string> = new Set([
  ...['content-type', 'content-length', 'content-encoding', 'content-language'],
])

/** A failure is this client's alone: with these a cache in front of us could keep it for others (RFC 9111 section 3). */
const NOT_OF_A_FAILURE: ReadonlySet<string> = new Set([
  ...OF_THE_BODY,
  ...['cache-control', 'cdn-cache-control', 'surrogate-control', 'expires'],
])

/**
 * The stored header, over what middleware in front has set. Names are in lower case here and below: Node keeps fields by that, and would make
 * it of any other spelling again and again, which costs a hit 3 % for two fields.
 */
export function writeHeader(
  { dates }: Engine,
  res: Response,
  entry: Pick<CacheEntry, 'headers' | 'removed' | 'storedAt' | 'initialAge'>,
  etag: string | undefined,
  status: Status,
  now: number,
  form: Form = WHOLE,
): void {
  const { headers, removed, storedAt, initialAge } = entry
  const left = leftOut(form)
  for (const name of removed) res.removeHeader(name)
  // To take away what is not there takes longer than to look.
  if (left !== undefined) for (const name of OF_THE_BODY) if (res.hasHeader(name)) res.removeHeader(name)
  const isWatched = hasOwnSetHeader(res)
  for (const name in headers) {
    if (left?.has(name) === true) continue
    const current = isAccumulating(name) ? res.getHeader(name) : undefined
    const value = mergedValue(name, current, headers[name]!)
    res.setHeader(name, value)
    if (isWatched) keepAsStored(res, name, value)
  }
  if (etag !== undefined) {
    res.setHeader('etag', etag)
    if (isWatched) keepAsStored(res, 'etag', etag)
  }
  // As it was made: beside a Date of now, the next cache would count its Age twice (RFC 9111 section 4.2.3).
  if (headers['date'] === undefined && res.sendDate) res.setHeader('date', dates.of(storedAt - initialAge))
  res.setHeader('age', ageOf(entry, now))
  writeStatus(res, status)
}

/** Stored fields that this form is sent without. */
function leftOut({ is }: Form): ReadonlySet<string> | undefined {
  if (is === 'not-modified') return OF_THE_BODY
  return is === 'failed' || is === 'unsatisfiable' ? NOT_OF_A_FAILURE : undefined
}

/** Where the answer to a POST can be had by GET (RFC 9110 section 8.7), unless its handler has said so. */
export function writeLocation(engine: Engine, res: Response, answer: Located): void {
  const url = answer.headers['content-location'] === undefined ? engine.locate(answer) : undefined
  if (url !== undefined) res.setHeader('content-location', url)
}

/** Players only seek where they are told that they may. Range is defined for GET alone (RFC 9110 section 14.2). */
export function offerRanges(method: string, res: Response, { profile, status, headers }: Audible): void {
  const isOffered =
    status === 200 && method !== 'POST' && (profile === 'tts' || isAudio(lineOf(headers, 'content-type')))
  if (isOffered && !res.hasHeader('accept-ranges')) res.setHeader('accept-ranges', 'bytes')
}

type Audible = Pick<CacheEntry, 'profile' | 'status' | 'headers'>

/** What this answer was, after what caches behind this one have said (RFC 9211 section 2: each adds itself at the end). */
export const writeStatus = (res: Response, status: Status): void =>
  setStatus(res, status, res.getHeader('cache-status'))

/** Takes back what `writeStatus` said: `others` is what stood there before. */
export function unsay(res: Response, others: Fields[string]): void {
  if (others === undefined) res.removeHeader('cache-status')
  else res.setHeader('cache-status', others)
  res.removeHeader('x-cache')
}

export function setStatus(res: Response, { cacheStatus, xCache }: Status, others: Fields[string]): void {
  const said = typeof others === 'object' ? others.join(', ') : others
  res.setHeader('cache-status', said === undefined ? cacheStatus : `${said}, ${cacheStatus}`)
  res.setHeader('x-cache', xCache)
}

function choose(method: string, entry: CacheEntry, conditions: Conditions, isTransformed: boolean): Form {
  // A range of bytes that are compressed on their way out would be a range of something else.
  if (isTransformed || method !== 'GET') return formOf({ ...conditions, range: undefined }, entry)
  return formOf(conditions, entry)
}

function send(method: string, res: Response, entry: CacheEntry, form: Form): void {
  const { body } = entry
  switch (form.is) {
    case 'not-modified':
      res.statusCode = 304
      res.end()
      return
    case 'failed':
      res.setHeader('content-length', 0)
      res.statusCode = 412
      res.end()
      return
    case 'unsatisfiable':
      res.setHeader('content-range', `bytes */${body.length}`)
      res.setHeader('content-length', 0)
      res.statusCode = 416
      res.end()
      return
    case 'part':
      res.setHeader('content-range', `bytes ${form.start}-${form.end}/${body.length}`)
      res.setHeader('content-length', form.end - form.start + 1)
      res.statusCode = 206
      res.end(body.subarray(form.start, form.end + 1))
      return
    case 'whole':
      if (entry.status !== 204) res.setHeader('content-length', body.length)
      res.statusCode = entry.status
      if (method === 'HEAD') res.end()
      else res.end(body)
  }
}

/** An event stream comes in the chunks it was made in, as fast as its client takes them or at the route's pace. */
function sendStream(res: Response, entry: CacheEntry, pace: number): void {
  const reader = readerOf(res)
  const ends = entry.chunkEnds!
  let next = 0
  let isEnded = false
  // The connection or a timer calls: nobody is above it to catch what a `write` of somebody's own throws.
  const sendOn = (): void => {
    if (!attempt(sendNext)) attempt(() => reader.cut())
  }
  const sendNext = (): void => {
    let isWritable = true
    while (isWritable && next < ends.length && !reader.isGone) {
      isWritable = reader.write(entry.body.subarray(next === 0 ? 0 : ends[next - 1], ends[next]))
      next++
      if (pace > 0) return void setTimeout(sendOn, next < ends.length ? pace : 0).unref()
    }
    if (next < ends.length || isEnded) return
    isEnded = true
    reader.end()
  }
  res.statusCode = entry.status
  if (pace === 0) reader.onDrain(sendOn)
  sendNext()
}

/** `compression` stands in front of the cache and may encode what is sent: it marks the response with `flush`. */
export function mayBeTransformed(
  requested: IncomingHttpHeaders,
  res: Response,
  { headers }: Pick<CacheEntry, 'headers'>,
): boolean {
  if (!('flush' in res) || headers['content-encoding'] !== undefined) return false
  const type = headers['content-type']
  if (typeof type === 'string' && /^(audio|image|video)\//.test(essence(type))) return false
  return /gzip|deflate|br|\*/i.test(requested['accept-encoding'] ?? '')
}

/** One validator for two encodings of the same answer can only be a weak one (RFC 9110 section 8.8.1). */
function weakenEtag(res: Response): void {
  const etag = res.getHeader('etag')
  if (typeof etag === 'string' && !etag.startsWith('W/')) res.setHeader('etag', `W/${etag}`)
}
