import type { RequestHandler } from 'express'

export interface Gate {
  readonly opened: Promise<void>
  open(): void
}

/** A promise opened from outside: tests wait for events instead of sleeping. */
export function gate(): Gate {
  let open = (): void => undefined
  const opened = new Promise<void>(resolve => (open = resolve))
  return { opened, open: () => open() }
}

export interface Arrivals {
  readonly middleware: RequestHandler
  /** Resolves once `count` requests have passed the middleware and whatever ran synchronously behind it. */
  reached(count: number): Promise<void>
}

/** Put in front of the cache, it tells a test that so many requests are inside it. */
export function arrivals(): Arrivals {
  const seen = counter()
  const middleware: RequestHandler = (_req, _res, next) => {
    seen.add()
    next()
  }
  return { middleware, reached: seen.reached }
}

/** Counts, and tells who waits for a number: not before all that runs now has ended. */
export function counter(): { add: () => void; reached: (count: number) => Promise<void> } {
  let seen = 0
  const waiting: { count: number; done: () => void }[] = []
  return {
    add() {
      seen++
      for (const waiter of waiting) if (seen >= waiter.count) setImmediate(waiter.done)
    },
    reached: count =>
      new Promise(done => {
        if (seen >= count) setImmediate(done)
        else waiting.push({ count, done })
      }),
  }
}
