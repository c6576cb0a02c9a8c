import { makeEntry } from '../core/entry.js'
import { newHeaderMap } from '../core/header-map.js'
import { isStorableStatus } from '../core/storable-status.js'
import { PROFILES, type CacheEntry, type Milliseconds } from '../core/types.js'
import { sha256 } from './digest.js'

/** No head that Node lets through comes near it; a larger file is damaged. */
export const MAX_META_BYTES = 64 * 1024

/** What is kept with a body, one line of JSON. */
export interface Meta extends Omit<CacheEntry, 'body' | 'etag'> {
  readonly etag: string | null
  /** Of the body: bytes and SHA-256. */
  readonly size: number
  readonly sha256: string
  /** For people. */
  readonly created: string
  readonly expires: string | null
}

/** How long an entry is of each use. */
export type UseSpans = Pick<CacheEntry, 'freshSpan' | 'refreshSpan' | 'coverSpan'>

const VERSION = 1
const LAST_INSTANT = 8.64e15

const iso = (instant: Milliseconds): string => new Date(Math.min(instant, LAST_INSTANT)).toISOString()

/** The meta of an entry. Undefined: it holds something that would not be read again. */
export function metaOf(
  entry: CacheEntry,
  body: { size: number; sha256: string },
  expires: Milliseconds | undefined,
): Meta | undefined {
  const { body: _, etag = null, ...fields } = entry
  if (![entry.storedAt, expires ?? 0].every(Number.isFinite)) return undefined
  const meta: Meta = {
    ...fields,
    etag,
    ...body,
    created: iso(entry.storedAt),
    expires: expires === undefined ? null : iso(expires),
  }
  return isMeta(meta) && encodeMeta(meta).length <= MAX_META_BYTES ? meta : undefined
}

/** The entry that a meta and its body make; `spans` where they are other than what was written. */
export function entryOf(meta: Meta, body: Buffer, spans?: UseSpans): CacheEntry {
  return makeEntry({ ...meta, etag: meta.etag ?? undefined, body, ...spans })
}

/** The fields in one order, and last a digest of the text before it. */
export function encodeMeta(meta: Meta): Buffer {
  const { key, movie, profile, status, headers, removed, etag, handlerEtag, explicit, variants, size } = meta
  const { storedAt, initialAge, freshSpan, refreshSpan, coverSpan, created, expires } = meta
  const { handlerTime, chunkEnds, asOf, sha256: bodyDigest } = meta
  const text = JSON.stringify({
    version: VERSION,
    ...{ key, profile, status, headers, removed, etag, handlerEtag, variants, explicit, size, sha256: bodyDigest },
    ...{ storedAt, initialAge, freshSpan, refreshSpan, coverSpan, created, expires },
    ...{ handlerTime, chunkEnds, asOf, movie },
  })
  return Buffer.from(`${text.slice(0, -1)},"digest":"${sha256(text)}"}\n`)
}

/** Reads a meta again. Undefined: it is damaged. Nothing is taken that we would not write in the very same bytes. */
export function decodeMeta(bytes: Buffer): Meta | undefined {
  if (bytes.length > MAX_META_BYTES) return undefined
  try {
    const value: unknown = JSON.parse(bytes.toString())
    if (!isMeta(value)) return undefined
    const meta = { ...value, headers: Object.assign(newHeaderMap(), value.headers) }
    if (!encodeMeta(meta).equals(bytes)) return undefined
    const { version: _, digest: __, ...fields } = meta as Meta & { version: number; digest: string }
    return fields
  } catch {
    return undefined
  }
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** As the server numbers what is in a stream: milliseconds, and a count within them. */
const PURGE_IDS = /^\d{1,20}-\d{1,20} \d{1,20}-\d{1,20}$/
const SHA256 = /^[0-9a-f]{64}$/

/** RFC 9110 section 7.6.1 and what only the sender of an answer may say: never in an answer that others get. */
const FORBIDDEN = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authentication-info', 'proxy-authorization'],
  ...['proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'set-cookie', 'content-length'],
])

type Check = (value: unknown) => boolean

const isText: Check = value => typeof value === 'string'
const isTime: Check = value => typeof value === 'number' && Number.isFinite(value)
const isSpan: Check = value => isTime(value) && (value as number) >= 0
const isOffset: Check = value => Number.isSafeInteger(value) && (value as number) >= 0
const isName: Check = value => typeof value === 'string' && TOKEN.test(value)
const isFieldValue: Check = value => typeof value === 'string' && FIELD_VALUE.test(value)
const isListOf =
  (check: Check): Check =>
  value =>
    Array.isArray(value) && value.every(check)
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isHeaders: Check = value =>
  isRecord(value) &&
  Object.entries(value).every(
    ([name, lines]) =>
      TOKEN.test(name) && !FORBIDDEN.has(name) && (isFieldValue(lines) || isListOf(isFieldValue)(lines)),
  )
const isVariant: Check = value => isRecord(value) && isListOf(isName)(value['names']) && isText(value['key'])

const FIELDS: Readonly<Record<keyof Meta, Check>> = {
  key: isText,
  movie: value => value === undefined || isText(value),
  profile: value => PROFILES.some(profile => profile === value),
  status: value => typeof value === 'number' && isStorableStatus(value),
  headers: isHeaders,
  removed: isListOf(isName),
  etag: value => value === null || isFieldValue(value),
  handlerEtag: value => value === undefined || isFieldValue(value),
  variants: value => value === undefined || isListOf(isVariant)(value),
  explicit: value => typeof value === 'boolean',
  size: value => Number.isSafeInteger(value) && (value as number) >= 0,
  sha256: value => typeof value === 'string' && SHA256.test(value),
  storedAt: isSpan,
  initialAge: isSpan,
  freshSpan: isTime,
  refreshSpan: isTime,
  coverSpan: isTime,
  handlerTime: isSpan,
  chunkEnds: value => value === undefined || isListOf(isOffset)(value),
  asOf: value => value === undefined || (isText(value) && PURGE_IDS.test(value as string)),
  created: isText,
  expires: value => value === null || isText(value),
}

const isMeta = (value: unknown): value is Meta =>
  isRecord(value) &&
  Object.entries(FIELDS).every(([name, check]) => check(value[name])) &&
  agrees(value as unknown as Meta)

/** Fields that are right by themselves may not fit together. An entry may be stored stale, but its windows begin where its freshness ends. */
function agrees({ freshSpan, refreshSpan, coverSpan, chunkEnds, size }: Meta): boolean {
  const isInOrder = chunkEnds?.every((end, at) => end >= (chunkEnds[at - 1] ?? 0)) ?? true
  return refreshSpan >= freshSpan && coverSpan >= freshSpan && isInOrder && (chunkEnds?.at(-1) ?? size) === size
}
