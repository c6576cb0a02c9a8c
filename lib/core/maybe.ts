import type { MaybePromise } from './types.js'

export const isPromise = <T>(value: MaybePromise<T>): value is Promise<T> => value instanceof Promise

/** Work that nobody waits for. Whoever does it has told of its failure. */
export function unawaited(work: MaybePromise<unknown>): void {
  if (isPromise(work)) work.catch(() => undefined)
}

/** Goes on with a value at once, or when it comes: a hit in memory never waits for a turn of the event loop. */
export function chain<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return isPromise(value) ? value.then(next) : next(value)
}
