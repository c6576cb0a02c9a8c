import type { Hold, Holder, Room } from './room.js'
import type { CacheEntry } from './types.js'

/** One who reads the body of an entry takes no more of it. A second call does nothing. */
export type Unpin = () => void

interface Pin {
  readonly bytes: number
  readonly hold: Hold
  readonly readers: Set<Holder>
}

/**
 * Stored bodies that are being sent to clients who have not taken them yet. While memory holds the entry they take nothing more; when it is
 * evicted they live on as long as the slowest of those clients, and need room.
 */
export class Pins {
  readonly #pins = new Map<ArrayBufferLike, Pin>()
  /** Those of entries that memory holds. */
  readonly #stored = new Map<string, Set<Pin>>()

  constructor(
    private readonly room: Room,
    private readonly isStored: (key: string) => boolean,
  ) {}

  pin({ key, body }: Pick<CacheEntry, 'key' | 'body'>, reader: Holder): Unpin {
    const { buffer, length } = body
    const pin = this.#pins.get(buffer) ?? this.#open(buffer, key, length)
    pin.readers.add(reader)
    return () => {
      if (!pin.readers.delete(reader) || pin.readers.size > 0) return
      this.#pins.delete(buffer)
      pin.hold.set(0)
      const others = this.#stored.get(key)
      if (others?.delete(pin) === true && others.size === 0) this.#stored.delete(key)
    }
  }

  /** Memory does not hold this entry any more. */
  dropped(key: string): void {
    const pins = this.#stored.get(key)
    if (pins === undefined) return
    this.#stored.delete(key)
    for (const { hold, bytes } of pins) hold.set(bytes)
  }

  #open(buffer: ArrayBufferLike, key: string, length: number): Pin {
    const readers = new Set<Holder>()
    const hold = this.room.open({
      progress: () => [...readers].reduce((sum, reader) => sum + reader.progress(), 0),
      giveUp: () => [...readers].forEach(reader => reader.giveUp()),
    })
    const pin = { bytes: length, hold, readers }
    this.#pins.set(buffer, pin)
    if (!this.isStored(key)) hold.set(length)
    else this.#stored.set(key, (this.#stored.get(key) ?? new Set()).add(pin))
    return pin
  }
}
