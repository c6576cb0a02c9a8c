import type { FieldFilter } from '../options.js'

/** Parameters that tell where a visitor came from. No answer depends on them; each value would else be an entry of its own. */
const TRACKING = new Set([
  ...[
    'fbclid',
    'gclid',
    'gclsrc',
    'dclid',
    'gbraid',
    'wbraid',
    'msclkid',
    'yclid',
    'ttclid',
    'twclid',
    'li_fat_id',
    'igshid',
  ],
  ...[
    'mc_cid',
    'mc_eid',
    '_ga',
    '_gl',
    '_hsenc',
    '_hsmi',
    'mkt_tok',
    'vero_id',
    'oly_anon_id',
    'oly_enc_id',
    's_kwcid',
    'srsltid',
  ],
])

/** Parsers stop at 1,000 parameters, so that the order decides what they see. A longer query is taken as it stands. */
const SORTABLE = 500

export interface Query {
  /** Sorted by name: the part of the key. */
  readonly canonical: string
  /** Set when parameters do not belong to the key: the handler must not see them. */
  readonly visible: VisibleQuery | undefined
}

/** What the handler may see of a query. */
export interface VisibleQuery {
  /** The parameters of the key, in the client's order. */
  readonly text: string
  /** The names that were left out. */
  readonly hidden: ReadonlySet<string>
}

/** Splits a query into what belongs to the key and what does not. */
export function readQuery(query: string, filter: FieldFilter | undefined): Query {
  if (query === '') return { canonical: '', visible: undefined }
  const pairs = query.split('&')
  if (pairs.length > SORTABLE) return { canonical: query, visible: undefined }
  if (pairs.length === 1 && isKept(parameterName(query), filter)) return { canonical: query, visible: undefined }
  const named = pairs.map(pair => ({ pair, name: parameterName(pair) }))
  const kept = named.filter(({ name }) => isKept(name, filter))
  const visible = kept.length === named.length ? undefined : visibleQuery(named, kept)
  // Stable: what belongs to one parameter keeps its order, which may mean something (`a[b]=1&a=2` is not `a=2&a[b]=1`).
  kept.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return { canonical: textOf(kept), visible }
}

interface Parameter {
  readonly pair: string
  readonly name: string
}

const textOf = (parameters: readonly Parameter[]): string => parameters.map(({ pair }) => pair).join('&')

function visibleQuery(all: readonly Parameter[], kept: readonly Parameter[]): VisibleQuery {
  const shown = new Set(kept.map(({ name }) => name))
  return { text: textOf(kept), hidden: new Set(all.map(({ name }) => name).filter(name => !shown.has(name))) }
}

/** True when this parameter belongs to the key. */
function isKept(name: string, filter: FieldFilter | undefined): boolean {
  if (name.startsWith('utm_') || TRACKING.has(name)) return false
  if (filter === undefined) return true
  return 'only' in filter ? filter.only.includes(name) : !filter.ignore.includes(name)
}

/** The parameter a pair belongs to: `a` for `a=1`, `a[]=1`, `a[b][c]=1` and `a.b=1`, decoded as a parser would. */
export function parameterName(pair: string): string {
  const end = pair.indexOf('=')
  const raw = end < 0 ? pair : pair.slice(0, end)
  return MARKED.test(raw) ? rootName(decode(raw.replaceAll('+', ' '))) : raw
}

/** Most names hold none of these, and are what they look like. */
const MARKED = /[+%.[\]]/

/** `a` for `a[b]`, `a.b` and `[a]`. */
export function rootName(text: string): string {
  const name = text.startsWith('[') ? text.slice(1) : text
  const end = name.search(/[[.\]]/)
  return end > 0 ? name.slice(0, end) : name
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Parsers that know brackets look for them before they decode.
    return text.replace(/%5B/gi, '[').replace(/%5D/gi, ']')
  }
}
