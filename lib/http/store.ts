import { entrySize } from '../core/entry.js'
import { chain, isPromise } from '../core/maybe.js'
import type { CacheEntry, MaybePromise, ProfileName } from '../core/types.js'
import type { Engine } from './engine.js'
import { withVariant } from './vary.js'

/** Keeps an answer, under its key or as one of the key's variants. The client does not wait for it. */
export function store(
  engine: Engine,
  profile: ProfileName,
  key: string,
  varied: readonly string[],
  entry: CacheEntry,
): void {
  attempt(engine, () =>
    chain(varied.length === 0 ? engine.tier.set(entry) : setVariant(engine, key, varied, entry), isStored => {
      if (isStored) engine.report({ type: 'stored', profile, key: entry.key, bytes: entrySize(entry) })
      else engine.report({ type: 'refused', profile, key: entry.key, reason: 'admission' })
    }),
  )
}

function setVariant(
  { tier }: Engine,
  key: string,
  varied: readonly string[],
  entry: CacheEntry,
): MaybePromise<boolean> {
  return chain(tier.get(key), known => {
    const { index, dropped } = withVariant(known?.variants === undefined ? undefined : known, key, varied, entry)
    return chain(tier.set(entry), isStored =>
      isStored ? chain(tier.set(index), () => chain(deleteAll(tier, dropped), () => true)) : false,
    )
  })
}

function deleteAll(tier: Engine['tier'], [key, ...others]: readonly string[]): MaybePromise<void> {
  if (key !== undefined) return chain(tier.delete(key), () => deleteAll(tier, others))
}

/** A store that fails costs an entry and never an answer. */
function attempt(engine: Engine, work: () => MaybePromise<void>): void {
  const fail = (error: unknown): void => engine.report({ type: 'tier-error', tier: engine.tier.name, error })
  try {
    const result = work()
    if (isPromise(result)) result.catch(fail)
  } catch (error) {
    fail(error)
  }
}
