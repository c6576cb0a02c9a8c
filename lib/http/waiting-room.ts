import type { Request } from 'express'

/** What requests wait for: one flight, or all of them. */
interface Awaited {
  /** How many wait for it. */
  readonly waiting: number
}

/** Requests that may wait for others at one time. */
const PLACES = 10_000

/** Of them those of one connection: browsers ask for one thing at a time there, and for about a hundred with HTTP/2. */
const PLACES_OF_A_CONNECTION = 128

/** The places of those who wait. Whoever finds none runs its handler itself. */
export class WaitingRoom {
  /** How many wait on each connection. */
  readonly #waiting = new WeakMap<object, number>()

  constructor(private readonly flights: Awaited) {}

  /**
   * Whether one more request may wait for `leader`. A key may take as many places as it leaves to others: however many keys are crowded, there
   * is room for the next (dynamic queue length thresholds, Choudhury and Hahne 1998).
   */
  hasPlace(leader: Awaited, req: Request): boolean {
    if (leader.waiting >= PLACES - this.flights.waiting) return false
    const connection = connectionOf(req)
    return connection === undefined || this.#on(connection) < PLACES_OF_A_CONNECTION
  }

  /** What comes back leaves the place; a second call does nothing. */
  take(req: Request): () => void {
    const connection = connectionOf(req)
    if (connection === undefined) return () => undefined
    this.#waiting.set(connection, this.#on(connection) + 1)
    let isTaken = true
    return () => {
      if (isTaken) this.#waiting.set(connection, this.#on(connection) - 1)
      isTaken = false
    }
  }

  #on(connection: object): number {
    return this.#waiting.get(connection) ?? 0
  }
}

/** Requests of one HTTP/2 session have a socket each. */
function connectionOf(req: Request): object | undefined {
  const { stream, socket } = req as { stream?: { session?: object }; socket?: object }
  return stream?.session ?? socket
}
