import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { saidIn } from '../../lib/core/exchange.js'
import { essence } from '../../lib/core/media-type.js'
import { parseCacheControl } from '../../lib/http/cache-control.js'
import { withKey } from '../../lib/http/cache-status.js'
import { conditionsOf, etagMatches, etagMatchesStrongly, formOf } from '../../lib/http/conditional.js'
import { cookieNames } from '../../lib/http/cookies.js'
import { members } from '../../lib/http/headers.js'
import { parseHttpDate } from '../../lib/http/http-date.js'
import { namesSomebody } from '../../lib/http/identity.js'
import { tagOfMovie } from '../../lib/http/key.js'
import { normalizedList } from '../../lib/http/negotiation.js'
import { readQuery } from '../../lib/http/query.js'
import { keyPart } from '../../lib/http/text.js'
import { variantKey, variesOn } from '../../lib/http/vary.js'
import { partsOf } from '../../lib/ops/admin/key-parts.js'
import { growing, hostileTexts, isSuperlinear } from '../support/growth.js'

const lib = join(__dirname, '../../lib')

/** Every regular expression in `lib`, as it is written: `/a+/g`, or `RegExp(…)` with what it is made of. */
function expressionsIn(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) found.push(node.text)
    const isCall = ts.isNewExpression(node) || ts.isCallExpression(node)
    if (isCall && node.expression.getText() === 'RegExp') found.push(`RegExp(${node.arguments?.[0]?.getText()})`)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

const expressions = new Set(
  (readdirSync(lib, { recursive: true }) as string[])
    .filter(name => name.endsWith('.ts'))
    .flatMap(name => expressionsIn(join(lib, name))),
)

/**
 * These never meet what a client says: options, file names of the cache's own, replies of a store, arguments of the command line, a line of
 * a stack trace.
 */
const OWN = new Set<string>([
  String.raw`/^([^\s:]+):\s*(.*)$/`,
  String.raw`/^https?:$/`,
  String.raw`/^(https?:\/\/|\/(?!\/))/i`,
  String.raw`/^[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?(?::[0-9]{1,5})?$/i`,
  String.raw`/^[^{}]{1,64}$/`,
  String.raw`/\(?(?:file:\/\/)?([^()\s]*:\d+):\d+\)?$/`,
])

const literals = [...expressions].filter(text => text.startsWith('/') && !OWN.has(text))

/** Made of parts, so that the test cannot read them: tested through those who use them. */
const MADE = [
  'RegExp(`(?:${QUOTED}|[^,"])+`)',
  'RegExp(`(?:${QUOTED}|[^;"])+`)',
  "RegExp(`^([0-9a-f]{64})\\\\.(${BODY_EXTENSIONS.join('|')})$`)",
]

const stored = { etag: '"a"', headers: {}, storedAt: 0, body: { length: 9 } }

/** Whatever reads what a client says, by its own loops or by expressions. */
const readers: readonly (readonly [string, (text: string) => unknown])[] = [
  ['Accept, normalized', text => normalizedList(text, true)],
  [
    'Accept-Language, in the key of a variant',
    text => variantKey('k', ['accept-language'], { 'accept-language': text }),
  ],
  ['any field, in the key of a variant', text => variantKey('k', ['x-theme'], { 'x-theme': text })],
  ['a list field', members],
  ['Vary', text => variesOn({ vary: text })],
  ['Cache-Control', parseCacheControl],
  ['Cache-Status', saidIn],
  ['a shown key', text => withKey({ cacheStatus: '', xCache: 'HIT' }, text)],
  ['If-None-Match', text => etagMatches(text, '"a"')],
  ['If-Match', text => etagMatchesStrongly(text, '"a"')],
  ['Range', range => formOf(conditionsOf({ range }), stored)],
  ['a date', text => parseHttpDate(text, 0)],
  ['Cookie', cookieNames],
  ['Content-Type', essence],
  ['a query', text => readQuery(text, { ignore: ['a'] })],
  ['a name in a query', text => readQuery(`${text}=1&b=2`, { ignore: ['a'] })],
  ['a part of a key', keyPart],
  ['a key taken apart', text => partsOf(`api - GET http://a /${keyPart(text)} key:text=${encodeURIComponent(text)}`)],
  ['a movie', tagOfMovie],
  ['what key(req) returns', namesSomebody],
]

const slowFor = (work: (text: string) => unknown): readonly string[] =>
  hostileTexts.filter(text => isSuperlinear(work, text)).map(({ name }) => name)

describe('a stranger cannot hold the event loop with a long text', () => {
  it('and the measure tells linear from quadratic', () => {
    const blanks = growing('', ' ', '!')
    expect(isSuperlinear(text => text.replace(/\s*([,;=])\s*/g, '$1'), blanks)).toBe(true)
    expect(isSuperlinear(text => /^0*(\d+)x$/.test(text), growing('', '0', '!'))).toBe(true)
    expect(isSuperlinear(text => text.replace(/[,;=]/g, '$1'), blanks)).toBe(false)
  })

  it('where an expression is made of parts, as those in this list', () => {
    // A new one: write it as a literal, or add it here and its user to `readers`.
    expect([...expressions].filter(text => !text.startsWith('/')).sort()).toEqual([...MADE].sort())
  })

  it.each(literals)('for %s', literal => {
    const end = literal.lastIndexOf('/')
    const expression = new RegExp(literal.slice(1, end), literal.slice(end + 1))
    expect(slowFor(text => text.replace(expression, ''))).toEqual([])
  })

  it.each(readers)('in %s', (_, read) => {
    expect(slowFor(read)).toEqual([])
  })
})
