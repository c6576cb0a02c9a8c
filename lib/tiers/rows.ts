import { deleteAtOf, makeEntry } from '../core/entry.js'
import { ownBytes } from '../core/own-bytes.js'
import type { CacheEntry, Milliseconds } from '../core/types.js'
import { Kinds, type Kind } from './kinds.js'

/** In place of a text: `W/` and the validator that hits send, which is what `res.send` says of the same bytes. */
const WEAK = Symbol('weak')
type HandlerEtagAtRest = string | typeof WEAK | undefined

/** Entries that stay put together, by the last bits of their row. A power of two. */
const OPEN = 1_024

/** Where in a row which object stands. */
const [KEY, KIND, BODY, ETAG, HANDLER_ETAG, MOVIE] = [0, 1, 2, 3, 4, 5]
const OBJECTS = 6

/** Where in a row which number stands. */
const [STORED_AT, FRESH_SPAN, REFRESH_SPAN, COVER_SPAN, HANDLER_TIME] = [0, 1, 2, 3, 4]
const NUMBERS = 5

/**
 * Entries by number, taken apart. Whenever its young generation is full V8 looks at each page of all that it keeps, so each hit pays for what
 * entries weigh there. Two lists of all rows are two large objects, and of numbers none is looked at. What belongs to one row lies side by
 * side, because among very many entries each step to another place is a wait for memory.
 */
export class Rows {
  readonly #kinds = new Kinds()
  readonly #objects: unknown[] = []
  readonly #numbers: number[] = []
  /** What is asked for again and again need not be put together again and again. */
  readonly #open: (CacheEntry | undefined)[] = []
  readonly #openRows = new Int32Array(OPEN).fill(-1)
  /** What was put together last in each place. Only what comes there twice stays: what is kept but once is garbage that V8 has moved. */
  readonly #lastRows = new Int32Array(OPEN).fill(-1)

  set(row: number, entry: CacheEntry): void {
    const object = row * OBJECTS
    this.#objects[object + KEY] = entry.key
    this.#objects[object + KIND] = this.#kinds.of(entry)
    // Without its Buffer, which weighs more than this.
    this.#objects[object + BODY] = wholeBuffer(entry.body)
    this.#objects[object + ETAG] = entry.etag
    this.#objects[object + HANDLER_ETAG] = handlerEtagAtRest(entry)
    this.#objects[object + MOVIE] = entry.movie
    const number = row * NUMBERS
    this.#numbers[number + STORED_AT] = entry.storedAt
    this.#numbers[number + FRESH_SPAN] = entry.freshSpan
    this.#numbers[number + REFRESH_SPAN] = entry.refreshSpan
    this.#numbers[number + COVER_SPAN] = entry.coverSpan
    this.#numbers[number + HANDLER_TIME] = entry.handlerTime
    this.#close(row)
  }

  /** The entry; the same object for as long as it stays put together. */
  use(row: number): CacheEntry {
    const place = row % OPEN
    if (this.#openRows[place] === row) return this.#open[place]!
    const entry = this.look(row)
    if (this.#lastRows[place] === row) {
      this.#openRows[place] = row
      this.#open[place] = entry
    }
    this.#lastRows[place] = row
    return entry
  }

  look(row: number): CacheEntry {
    const object = row * OBJECTS
    const kind = this.#objects[object + KIND] as Kind
    const { profile, status, headers, removed, initialAge, explicit, asOf, chunkEnds, variants } = kind
    const etag = this.#objects[object + ETAG] as string | undefined
    const handlerEtag = this.#objects[object + HANDLER_ETAG] as HandlerEtagAtRest
    return makeEntry({
      key: this.#objects[object + KEY] as string,
      movie: this.movie(row),
      profile,
      status,
      headers,
      removed,
      body: Buffer.from(this.#objects[object + BODY] as ArrayBuffer),
      etag,
      handlerEtag: handlerEtag === WEAK ? `W/${etag}` : handlerEtag,
      storedAt: this.#number(row, STORED_AT),
      initialAge,
      freshSpan: this.#number(row, FRESH_SPAN),
      explicit,
      refreshSpan: this.#number(row, REFRESH_SPAN),
      coverSpan: this.#number(row, COVER_SPAN),
      handlerTime: this.#number(row, HANDLER_TIME),
      chunkEnds,
      asOf,
      variants,
    })
  }

  movie(row: number): string | undefined {
    return this.#objects[row * OBJECTS + MOVIE] as string | undefined
  }

  handlerTime(row: number): Milliseconds {
    return this.#number(row, HANDLER_TIME)
  }

  deleteAt(row: number): Milliseconds {
    const [refreshSpan, coverSpan] = [this.#number(row, REFRESH_SPAN), this.#number(row, COVER_SPAN)]
    return deleteAtOf({ storedAt: this.#number(row, STORED_AT), refreshSpan, coverSpan })
  }

  /** Lets go of all that takes memory. */
  clear(row: number): void {
    this.#objects.fill(undefined, row * OBJECTS, (row + 1) * OBJECTS)
    this.#close(row)
  }

  #number(row: number, which: number): number {
    return this.#numbers[row * NUMBERS + which]!
  }

  #close(row: number): void {
    const place = row % OPEN
    if (this.#openRows[place] !== row) return
    this.#openRows[place] = -1
    this.#open[place] = undefined
  }
}

/** The bytes of a body, and no others: a Buffer says where in its memory it begins and ends, which is not kept. */
function wholeBuffer(body: Buffer): ArrayBufferLike {
  return body.length === body.buffer.byteLength ? body.buffer : ownBytes([body]).buffer
}

/** Most handlers say nothing, or what `res.send` says: neither needs a text of its own. */
function handlerEtagAtRest({ etag, handlerEtag }: CacheEntry): HandlerEtagAtRest {
  if (handlerEtag === etag) return etag
  return handlerEtag === `W/${etag}` ? WEAK : handlerEtag
}
