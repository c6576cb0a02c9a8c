import type { Milliseconds } from './types.js'

/** What each holder has for nothing: about as much as Node buffers for a connection anyway, and more than most answers have. */
export const FREE = 64 * 1024

/** Milliseconds without progress after which a holder gives its bytes up, where others need their place. */
const STILL = 10_000

/** Milliseconds between two looks at who stands still. */
const BETWEEN_LOOKS = 1_000

/** Who holds bytes. */
export interface Holder {
  /** Changes whenever it gets on. */
  progress(): number
  /** It has stood still, and others need its place: lets go of what it can. */
  giveUp(): void
}

/**
 * The memory of one cache for bodies that are being made, written or read, beside the entries it stores. Small bodies need no room. Whoever
 * finds none keeps nothing, so that the bound holds whatever clients do; and whoever stands still cannot keep the room from others.
 */
export class Room {
  #taken = 0
  readonly #holds = new Set<Hold>()
  #lookedAt = -Infinity

  constructor(
    private readonly max: number,
    private readonly now: () => Milliseconds,
  ) {}

  /** Bytes that are held. */
  get taken(): number {
    return this.#taken
  }

  open(holder: Holder): Hold {
    return new Hold(this, holder)
  }

  /** @internal Whether so many bytes more can be held by one who holds `own`. Whoever is alone has room. */
  hasFor(more: number, own: number): boolean {
    const hasRoom = (): boolean => this.#taken === own || this.#taken + more <= this.max
    if (more <= 0 || hasRoom()) return true
    this.#relieve()
    return hasRoom()
  }

  /** @internal */
  charge(hold: Hold, bytes: number, charged: number): void {
    this.#taken += bytes - charged
    if (bytes === 0) this.#holds.delete(hold)
    else this.#holds.add(hold)
  }

  #relieve(): void {
    const now = this.now()
    if (now - this.#lookedAt < BETWEEN_LOOKS) return
    this.#lookedAt = now
    for (const hold of [...this.#holds]) if (hold.stillFor(now) >= STILL) hold.giveUp()
  }
}

/** What one holder holds. */
export class Hold {
  #bytes = 0
  #progress: number | undefined
  #since = 0

  constructor(
    private readonly room: Room,
    private readonly holder: Holder,
  ) {}

  /** Whether there is room for so many bytes more. */
  hasRoomFor(more: number): boolean {
    const own = chargeable(this.#bytes)
    return this.room.hasFor(chargeable(this.#bytes + more) - own, own)
  }

  /** It holds so many bytes from now on. */
  set(bytes: number): void {
    const charged = chargeable(this.#bytes)
    this.#bytes = bytes
    if (chargeable(bytes) !== charged) this.room.charge(this, chargeable(bytes), charged)
  }

  /** @internal Milliseconds since the first look that found it where it is now. */
  stillFor(now: Milliseconds): Milliseconds {
    const progress = this.holder.progress()
    if (progress !== this.#progress) {
      this.#progress = progress
      this.#since = now
    }
    return now - this.#since
  }

  /** @internal */
  giveUp(): void {
    this.holder.giveUp()
  }
}

const chargeable = (bytes: number): number => Math.max(0, bytes - FREE)
