import { AsyncResource } from 'node:async_hooks'
import type { Hold, Room } from './room.js'

/** Who reads a body while it is made. */
export interface LiveReader {
  /** False: wait for `drain` before the next. */
  write(chunk: Buffer): boolean
  onDrain(listener: () => void): void
  /** The body is whole. */
  end(): void
  /** The rest will never come: what was read must not look whole. */
  cut(): void
}

/** Takes the reader away from the body. */
export type StopReading = () => void

/**
 * A body while it is made. Whoever joins reads at once what there is and then the rest as it comes, each at its own pace: a slow reader holds
 * nobody back, and all read the same Buffers.
 */
export class LiveBody {
  chunks: Buffer[] = []
  /** Told when its last reader has left, and nobody joins any more. */
  onForgotten: (() => void) | undefined
  /** Told when a reader has read all there is. */
  onCaughtUp: (() => void) | undefined
  readonly #readings = new Set<Reading>()
  readonly #hold: Hold | undefined
  #length = 0
  #moves = 0
  #isOver = false
  #isClosed = false

  /** `giveUp` is told when nothing has moved for a while, and others need the room. */
  constructor(room?: Room, giveUp: (body: LiveBody) => void = () => undefined) {
    this.#hold = room?.open({ progress: () => this.#moves, giveUp: () => giveUp(this) })
  }

  /** Bytes held. */
  get length(): number {
    return this.#length
  }

  /** Changes whenever bytes come, or are read. */
  get moves(): number {
    return this.#moves
  }

  get hasReaders(): boolean {
    return this.#readings.size > 0
  }

  /** Whether some reader has not read all there is. */
  get isLagging(): boolean {
    for (const { read } of this.#readings) if (read < this.chunks.length) return true
    return false
  }

  hasRoomFor(bytes: number): boolean {
    return this.#hold?.hasRoomFor(bytes) !== false
  }

  push(chunk: Buffer): void {
    this.chunks.push(chunk)
    this.#resize(this.#length + chunk.length)
    this.#moves++
    for (const reading of this.#readings) reading.pump()
  }

  join(reader: LiveReader): StopReading {
    const reading = new Reading(this, reader, () => this.#lose(reading))
    this.#readings.add(reading)
    reading.pump()
    return () => reading.stop()
  }

  /** @internal */
  noteRead(reading: Reading): void {
    this.#moves++
    if (reading.read === this.chunks.length) this.onCaughtUp?.()
  }

  /** Nobody joins any more: its bytes go with its last reader. */
  close(): void {
    this.#isClosed = true
    this.#forgetIfUseless()
  }

  /** Cuts those off who have not read all there is. */
  cutLaggards(): void {
    for (const reading of this.#readings) if (reading.read < this.chunks.length) reading.cut()
  }

  #lose(reading: Reading): void {
    if (!this.#readings.delete(reading)) return
    this.onCaughtUp?.()
    this.#forgetIfUseless()
  }

  #forgetIfUseless(): void {
    if (!this.#isClosed || this.hasReaders) return
    this.forget()
    this.onForgotten?.()
    this.onForgotten = undefined
  }

  #resize(length: number): void {
    this.#length = length
    this.#hold?.set(length)
  }

  /** The body is whole: each reader ends when it has read it. */
  end(): void {
    this.#isOver = true
    for (const reading of this.#readings) reading.pump()
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** The body will never be whole. */
  cut(): void {
    this.cutReaders()
    this.forget()
  }

  /** The body is not for those who read it. */
  cutReaders(): void {
    for (const reading of this.#readings) reading.cut()
  }

  /**
   * Nobody needs the body from its beginning any more: what all have read goes, and so do readers who are further behind than `most` bytes.
   */
  shed(most: number): void {
    while (this.#length > 0) {
      const slowest = Math.min(this.chunks.length, ...[...this.#readings].map(reading => reading.read))
      if (slowest > 0) this.#drop(slowest)
      if (this.#length <= most) return
      for (const reading of this.#readings) if (reading.read === 0) reading.cut()
    }
  }

  /** The same bytes are held elsewhere as a whole: nobody needs them twice. False: they are not the same. */
  rebase(whole: Buffer): boolean {
    if (whole.length !== this.#length) return false
    let end = 0
    this.chunks = this.chunks.map(chunk => whole.subarray(end, (end += chunk.length)))
    this.#hold?.set(0)
    return true
  }

  forget(): void {
    this.chunks = []
    this.#resize(0)
  }

  #drop(count: number): void {
    const gone = this.chunks.splice(0, count).reduce((sum, { length }) => sum + length, 0)
    this.#resize(this.#length - gone)
    for (const reading of this.#readings) reading.read -= count
  }
}

class Reading {
  /** Chunks it has read of those that are held. */
  read = 0
  #isBlocked = false
  #hasStopped = false
  /** Whoever makes the body calls; the reader's code runs in the reader's own async context. */
  readonly #context = new AsyncResource('ReelcacheReader')

  constructor(
    private readonly body: LiveBody,
    private readonly reader: LiveReader,
    private readonly leave: () => void,
  ) {
    reader.onDrain(() => {
      this.#isBlocked = false
      this.pump()
    })
  }

  pump(): void {
    const isWaiting = this.#isBlocked && this.read < this.body.chunks.length
    if (!this.#hasStopped && !isWaiting) this.#attempt(() => this.#readOn())
  }

  #readOn(): void {
    const { body, reader } = this
    while (!this.#hasStopped && !this.#isBlocked && this.read < body.chunks.length) {
      this.#isBlocked = !reader.write(body.chunks[this.read++]!)
      body.noteRead(this)
    }
    if (this.#hasStopped || !body.isOver || this.read < body.chunks.length) return
    this.stop()
    reader.end()
  }

  cut(): void {
    if (this.#hasStopped) return
    this.stop()
    this.#tryToCut()
  }

  /** A reader that fails is out; whoever makes the body, and the others who read it, go on. */
  #attempt(work: () => void): void {
    try {
      this.#context.runInAsyncScope(work)
    } catch {
      this.stop()
      this.#tryToCut()
    }
  }

  #tryToCut(): void {
    try {
      this.#context.runInAsyncScope(() => this.reader.cut())
    } catch {
      // Nothing is left to be done for it.
    }
  }

  stop(): void {
    this.#hasStopped = true
    this.leave()
  }
}
