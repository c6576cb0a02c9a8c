import type { MaybePromise, Milliseconds } from './types.js'

export const isPromise = <T>(value: MaybePromise<T>): value is Promise<T> => value instanceof Promise

/** What `await` would wait for, whoever made it. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { then?: unknown }).then === 'function'

/** Work that nobody waits for. Whoever does it has told of its failure. */
export function unawaited(work: MaybePromise<unknown>): void {
  if (isPromise(work)) work.catch(() => undefined)
}

/** Goes on with a value at once, or when it comes: a hit in memory never waits for a turn of the event loop. */
export function chain<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return isPromise(value) ? value.then(next) : next(value)
}

/** What the work comes to, or `otherwise` where it takes longer than `span`. */
export async function within<T>(span: Milliseconds, work: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<T>(resolve => (timer = setTimeout(resolve, span, otherwise).unref()))
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
