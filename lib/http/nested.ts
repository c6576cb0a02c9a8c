/**
 * Of several caches on the way of one request the one nearest to its handler takes it: that route knows best who may have the answer, and for
 * how long. The one before it steps aside, and says nothing of the answer.
 */

// Found again by the package's other build too, where an app has loaded both.
const OUTER = Symbol.for('reelcache.outer')
const ASKING = Symbol.for('reelcache.asking')

type Passed = object & { [OUTER]?: (() => void) | undefined; [ASKING]?: boolean }

/** How long a cache leaves a key that another one has taken to that one, without getting ready for it again. */
export const NESTED_SPAN = 60_000

/** Remembers how the cache that this request has just passed steps aside. */
export function passed(req: object, stepAside: () => void): void {
  Reflect.defineProperty(req, OUTER, { value: stepAside, writable: true, configurable: true })
}

/**
 * A cache takes the request. The one before it steps aside first: so this one sees the request as its client has sent it. Answers whether there
 * was one.
 */
export function takeOver(req: object): boolean {
  const stepAside = (req as Passed)[OUTER]
  if (stepAside === undefined) return false
  ;(req as Passed)[OUTER] = undefined
  stepAside()
  return true
}

/** This POST is looked up: whether it changes anything the nearest cache judges, and those before it leave what they hold. */
export function onlyAsks(req: object): void {
  Reflect.defineProperty(req, ASKING, { value: true, configurable: true })
}

export const isAsking = (req: object): boolean => (req as Passed)[ASKING] === true
