import type { ServerResponse } from 'node:http'
import type { LiveBody } from '../core/live.js'
import type { Hold, Room } from '../core/room.js'
import type { Milliseconds } from '../core/types.js'
import { breakOff, unsentOf } from './unsent.js'

/**
 * How fast a handler may go. Its client asks it to wait, as without the cache. Where others want the answer too it runs ahead of its client,
 * as long as there is room for what the client has not taken; and once nothing is kept for those who read along, they may ask it to wait.
 */
export class Pace {
  readonly #hold: Hold
  #ahead = 0
  #isHeard = false
  #isWaiting = false
  #timer: NodeJS.Timeout | undefined

  constructor(
    private readonly res: ServerResponse,
    room: Room,
    /** Tells the handler to go on. */
    private readonly goOn: () => void,
  ) {
    this.#hold = room.open({ progress: () => unsentOf(res), giveUp: () => breakOff(res) })
  }

  /** The client, and nobody else, keeps the handler waiting. */
  get isWaitingForClient(): boolean {
    return this.#isWaiting && this.res.writableNeedDrain
  }

  /** The client asks to wait after these bytes: whether the handler goes on all the same. */
  runsAhead(isWanted: boolean, bytes: number): boolean {
    const goesOn = isWanted && this.#hold.hasRoomFor(bytes)
    this.#isWaiting = !goesOn
    if (goesOn) this.#note(this.#ahead + bytes)
    return goesOn
  }

  /** So much was sent at once, whatever the client can take. */
  ranAhead(bytes: number): void {
    if (this.res.writableNeedDrain) this.#note(bytes)
  }

  /** The client can take more, and those who read along cannot: the handler waits for them, but not for ever. */
  waitsFor(body: LiveBody, patience: Milliseconds): boolean {
    if (!body.isLagging) return false
    const resume = (): void => {
      if (body.isLagging) return
      this.leave()
      body.onCaughtUp = undefined
      this.goOn()
    }
    body.onCaughtUp = resume
    this.#timer ??= setTimeout(() => {
      body.cutLaggards()
      resume()
    }, patience).unref()
    return true
  }

  /** The client has taken all there is, or has left. */
  settle(): void {
    this.#note(0)
  }

  /** The client has left, or the handler has nothing more to say. */
  leave(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #note(ahead: number): void {
    this.#ahead = ahead
    this.#hold.set(ahead)
    if (this.#isHeard || ahead === 0) return
    this.#isHeard = true
    // Not before: who listens for nothing costs each miss something.
    this.res.on('drain', () => this.settle())
  }
}
