import type { Milliseconds } from './types.js'

/**
 * Does something for its owner now and then, and answers how to stop it. The timer holds neither the process nor the owner: it ends with
 * whoever forgets both. `work` must know the owner only as its argument.
 */
export function repeat<Owner extends object>(
  owner: Owner,
  span: Milliseconds,
  work: (owner: Owner) => unknown,
): () => void {
  const held = new WeakRef(owner)
  const timer = setInterval(() => {
    const known = held.deref()
    if (known === undefined) clearInterval(timer)
    else work(known)
  }, span).unref()
  return () => clearInterval(timer)
}
