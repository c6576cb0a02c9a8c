import { LAST, mayBeStored, type Reply } from '../../core/exchange.js'
import type { BypassReason, RefusalReason } from '../../core/outcomes.js'

/** What came of one request. */
export type Outcome =
  | { readonly is: 'warmed' | 'fresh' | 'stale' | 'uncached' }
  | { readonly is: 'refused'; readonly reason: BypassReason | RefusalReason }
  | { readonly is: 'failed'; readonly reason: string }

/** What a reply says, read from `Cache-Status` (RFC 9211); where the end of the answer was seen, that has the last word. */
export function outcomeOf({ status, said, isWhole, ending }: Reply): Outcome {
  if (!isWhole) return { is: 'failed', reason: 'the answer was cut off' }
  if (status >= 500 || (said === undefined && status >= 400)) return { is: 'failed', reason: `status ${status}` }
  if (said === undefined) return { is: 'uncached' }
  const detail = said.get('detail')
  if (detail === 'stale-if-error') return { is: 'failed', reason: detail }
  if (ending !== undefined && ending !== 'stored') return { is: 'refused', reason: ending }
  if (detail === 'stale-while-revalidate') return { is: ending === 'stored' ? 'warmed' : 'stale' }
  if (said.has('hit') || said.has('collapsed')) return { is: 'fresh' }
  if (detail === undefined && mayBeStored(said)) return { is: 'warmed' }
  const reason = said.get('fwd') === 'method' ? 'method' : detail?.replace(LAST, '')
  return { is: 'refused', reason: reason as BypassReason | RefusalReason }
}
