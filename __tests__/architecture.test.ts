import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import ts from 'typescript'

/** Sources by their path inside lib/. */
type Sources = Readonly<Record<string, string>>

interface Import {
  readonly from: string
  /** A path inside lib/ for a file of ours, the bare name for a package. */
  readonly to: string
  readonly ours: boolean
  /** Gone after compilation. */
  readonly typeOnly: boolean
}

/** Which folders a folder may import from, by value or by type. The files at the root are judged one by one. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  tiers: ['tiers', 'core'],
  http: ['http', 'core'],
  ops: ['ops', 'core'],
}
/** Files at the root that the folders may use. */
const commonGround = ['errors.ts', 'options.ts']
/** Where http and tiers meet, and the public face that re-exports it. */
const meetingPlaces = ['create.ts', 'factories.ts', 'index.ts']
/** They import nothing of ours that is there at run time. */
const leaves = ['http/headers.ts', 'core/flights.ts', 'core/entry.ts', 'errors.ts']
const requestSide = /^(express|node:https?|node:http2|https?|http2)$/
/** The file that may hold one `let`: the cache made on first use. */
const lazyDefault = 'factories.ts'

const folderOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '')

function faultsOf(sources: Sources): string[] {
  const files = Object.entries(sources).map(([path, text]) =>
    ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true),
  )
  const imports = files.flatMap(importsOf)
  return [
    ...leaves.filter(leaf => !(leaf in sources)).map(leaf => `${leaf}: is missing`),
    ...imports.filter(({ ours, to }) => ours && !(to in sources)).map(({ from, to }) => `${from}: ${to} is missing`),
    ...directionFaults(imports),
    ...meetingFaults(imports),
    ...cycleFaults(imports),
    ...files.flatMap(stateFaults),
    ...files.filter(({ fileName }) => fileName === 'index.ts').flatMap(faceFaults),
  ]
}

function importsOf(file: ts.SourceFile): Import[] {
  const found: Import[] = []
  const add = (specifier: ts.Expression | undefined, typeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return
    const ours = specifier.text.startsWith('.')
    const path = posix.join(posix.dirname(file.fileName), specifier.text).replace(/\.(c?)js$/, '.$1ts')
    found.push({ from: file.fileName, to: ours ? path : specifier.text, ours, typeOnly })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeImport(node.importClause))
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, isTypeExport(node))
    else if (ts.isCallExpression(node) && /^(import|require)$/.test(node.expression.getText()))
      add(node.arguments[0], false)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const named = clause.namedBindings
  if (clause.name !== undefined || named === undefined || ts.isNamespaceImport(named)) return false
  return named.elements.length > 0 && named.elements.every(element => element.isTypeOnly)
}

function isTypeExport(node: ts.ExportDeclaration): boolean {
  const named = node.exportClause
  return node.isTypeOnly || (!!named && ts.isNamedExports(named) && named.elements.every(element => element.isTypeOnly))
}

function directionFaults(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to, ours, typeOnly }) => {
    const faults: string[] = []
    const folder = folderOf(from)
    const known = allowed[folder]
    if (folder !== '' && known === undefined) faults.push(`${from}: lies in a folder nobody knows`)
    if (known !== undefined && ours && !known.includes(folderOf(to)) && !commonGround.includes(to)) {
      faults.push(`${from}: imports ${to}`)
    }
    if ((folder === 'core' || folder === 'tiers') && requestSide.test(to)) faults.push(`${from}: imports ${to}`)
    if (leaves.includes(from) && ours && !typeOnly) faults.push(`${from}: is a leaf and imports ${to}`)
    return faults
  })
}

/** What a file pulls in at run time, directly or through others. */
function reachable(start: string, imports: readonly Import[], seen = new Set<string>()): Set<string> {
  for (const { from, to, ours, typeOnly } of imports) {
    if (from !== start || !ours || typeOnly || seen.has(to)) continue
    seen.add(to)
    reachable(to, imports, seen)
  }
  return seen
}

function meetingFaults(imports: readonly Import[]): string[] {
  return [...new Set(imports.map(({ from }) => from))].flatMap(file => {
    const folders = new Set([folderOf(file), ...[...reachable(file, imports)].map(folderOf)])
    const meets = folders.has('http') && folders.has('tiers')
    return meets && !meetingPlaces.includes(file) ? [`${file}: brings http and tiers together`] : []
  })
}

/** Types count too: two files that need each other to be understood are one file. */
function cycleFaults(imports: readonly Import[]): string[] {
  const all = imports.map(item => ({ ...item, typeOnly: false }))
  const inCycle = [...new Set(all.map(({ from }) => from))].filter(file => reachable(file, all).has(file))
  return inCycle.map(file => `${file}: is part of an import cycle`)
}

const changing = new Set(
  'set add push unshift splice pop shift sort reverse fill copyWithin delete clear append defineProperty'.split(' '),
)
const collections = /^(Map|Set|WeakMap|WeakSet|Array|LRUCache|EventEmitter)$/

function stateFaults(file: ts.SourceFile): string[] {
  const faults: string[] = []
  const lazy = (statement: ts.VariableStatement): boolean =>
    file.fileName === lazyDefault && statement.declarationList.declarations.length === 1
  const constants = new Set<string>()
  let lets = 0
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement)) continue
    const isConst = (statement.declarationList.flags & ts.NodeFlags.Const) !== 0
    for (const { name, initializer } of statement.declarationList.declarations) {
      if (isConst) constants.add(name.getText())
      else if (!lazy(statement) || ++lets > 1) faults.push(`${file.fileName}: ${name.getText()} is module-level state`)
      if (isConst && initializer && isEmptyCollection(initializer)) {
        faults.push(`${file.fileName}: ${name.getText()} is an empty collection at module level`)
      }
    }
  }
  for (const clause of file.statements.filter(ts.isImportDeclaration)) {
    const named = clause.importClause?.namedBindings
    if (named && ts.isNamedImports(named)) for (const element of named.elements) constants.add(element.name.text)
  }
  const visit = (node: ts.Node): void => {
    const target = changedBy(node)
    if (target && constants.has(target)) faults.push(`${file.fileName}: ${target} is changed at run time`)
    if (ts.isPropertyDeclaration(node) && isMutableStatic(node)) {
      faults.push(`${file.fileName}: ${node.name.getText()} is a static that can change`)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return faults
}

function isEmptyCollection(value: ts.Expression): boolean {
  if (ts.isNewExpression(value)) return collections.test(value.expression.getText()) && fillers(value) === 0
  if (ts.isArrayLiteralExpression(value)) return value.elements.length === 0
  return ts.isObjectLiteralExpression(value) && value.properties.length === 0
}

/** An LRU or an emitter gets options, not contents: it is empty whatever it is given. */
const fillers = (value: ts.NewExpression): number =>
  /^(LRUCache|EventEmitter)$/.test(value.expression.getText()) ? 0 : (value.arguments?.length ?? 0)

function isMutableStatic({ modifiers = ts.factory.createNodeArray() }: ts.PropertyDeclaration): boolean {
  const has = (kind: ts.SyntaxKind): boolean => modifiers.some(modifier => modifier.kind === kind)
  return has(ts.SyntaxKind.StaticKeyword) && !has(ts.SyntaxKind.ReadonlyKeyword)
}

/** The name at the root of what a statement changes: `a` in `a.b.push(1)`, `a[0] = 1`, `a.b++` and `delete a.b`. */
function changedBy(node: ts.Node): string | undefined {
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    return changing.has(node.expression.name.text) ? rootOf(node.expression.expression) : undefined
  }
  if (ts.isBinaryExpression(node)) {
    const assigns =
      node.operatorToken.kind >= ts.SyntaxKind.FirstAssignment &&
      node.operatorToken.kind <= ts.SyntaxKind.LastAssignment
    return assigns && !ts.isIdentifier(node.left) ? rootOf(node.left) : undefined
  }
  if (ts.isDeleteExpression(node)) return rootOf(node.expression)
  const counts = ts.isPostfixUnaryExpression(node) || ts.isPrefixUnaryExpression(node)
  return counts && !ts.isIdentifier(node.operand) ? rootOf(node.operand) : undefined
}

function rootOf(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) return rootOf(node.expression)
  return ts.isIdentifier(node) ? node.text : undefined
}

const faceFaults = (file: ts.SourceFile): string[] =>
  file.statements.every(statement => ts.isExportDeclaration(statement) && statement.moduleSpecifier)
    ? []
    : ['index.ts: does more than re-export']

const sound: Sources = {
  'index.ts': "export { cacheApi } from './factories.js'\nexport type { Entry } from './core/entry.js'",
  'factories.ts':
    "import { make } from './create.js'\nlet cache: unknown\nexport const cacheApi = () => (cache ??= make())",
  'create.ts':
    "import { run } from './http/run.js'\nimport { Memory } from './tiers/memory.js'\nexport const make = () => run(new Memory())",
  'errors.ts': 'export class Fault extends Error {}',
  'options.ts': "import { Fault } from './errors.js'\nexport const check = () => { throw new Fault() }",
  'core/types.ts': 'export interface Entry { key: string }',
  'core/entry.ts':
    "import type { Entry } from './types.js'\nexport const size = (entry: Entry) => entry.key.length\nexport type { Entry }",
  'core/flights.ts': 'export class Flights { readonly led = new Map<string, string>() }',
  'tiers/memory.ts': "import { size } from '../core/entry.js'\nexport class Memory { size = size }",
  'http/headers.ts': "const names = new Set(['age'])\nexport const isOurs = (name: string) => names.has(name)",
  'http/run.ts':
    "import type { Request } from 'express'\nimport { isOurs } from './headers.js'\nexport const run = (tier: unknown) => (req: Request) => isOurs(req.url) && tier",
}

describe('the checker', () => {
  it('finds nothing in a sound house', () => {
    expect(faultsOf(sound)).toEqual([])
  })

  it.each<[string, Sources, string]>([
    ['core uses http', { 'core/a.ts': "import { run } from '../http/run.js'" }, 'core/a.ts: imports http/run.ts'],
    ['core uses tiers', { 'core/a.ts': "export * from '../tiers/memory.js'" }, 'core/a.ts: imports tiers/memory.ts'],
    [
      'core uses a type of http',
      { 'core/a.ts': "import type { A } from '../http/run.js'" },
      'core/a.ts: imports http/run.ts',
    ],
    ['core uses ops', { 'core/a.ts': "await import('../ops/b.js')", 'ops/b.ts': '' }, 'core/a.ts: imports ops/b.ts'],
    ['core knows Express', { 'core/a.ts': "import type { Request } from 'express'" }, 'core/a.ts: imports express'],
    ['core knows http', { 'core/a.ts': "import { STATUS_CODES } from 'node:http'" }, 'core/a.ts: imports node:http'],
    ['tiers knows Express', { 'tiers/a.ts': "const e = require('express')" }, 'tiers/a.ts: imports express'],
    ['tiers uses http', { 'tiers/a.ts': "import '../http/run.js'" }, 'tiers/a.ts: imports http/run.ts'],
    [
      'http uses tiers',
      { 'http/a.ts': "import { Memory } from '../tiers/memory.js'" },
      'http/a.ts: imports tiers/memory.ts',
    ],
    ['http uses ops', { 'http/a.ts': "import '../ops/b.js'", 'ops/b.ts': '' }, 'http/a.ts: imports ops/b.ts'],
    ['http uses create', { 'http/a.ts': "import '../create.js'" }, 'http/a.ts: imports create.ts'],
    [
      'http reaches tiers through others',
      { 'http/a.ts': "import '../options.js'", 'options.ts': "import './tiers/memory.js'" },
      'http/a.ts: brings http and tiers together',
    ],
    [
      'they meet elsewhere',
      { 'other.ts': "import './http/run.js'\nimport './tiers/memory.js'" },
      'other.ts: brings http and tiers together',
    ],
    [
      'a leaf imports',
      { 'core/entry.ts': "import { Fault } from '../errors.js'\nexport const size = Fault" },
      'core/entry.ts: is a leaf and imports errors.ts',
    ],
    [
      'a leaf imports a value among types',
      { 'core/entry.ts': "import { type Entry, x } from './types.js'" },
      'core/entry.ts: is a leaf and imports core/types.ts',
    ],
    [
      'two files import each other',
      { 'core/a.ts': "import './b.js'", 'core/b.ts': "import type { A } from './a.js'" },
      'core/b.ts: is part of an import cycle',
    ],
    [
      'a file in an unknown folder',
      { 'utils/a.ts': "import './b.js'", 'utils/b.ts': '' },
      'utils/a.ts: lies in a folder nobody knows',
    ],
    [
      'a file of CommonJS that imports what it may not',
      { 'core/a.cts': "import type { A } from '../http/run.js'" },
      'core/a.cts: imports http/run.ts',
    ],
    ['a file that is not there', { 'core/a.ts': "import './gone.js'" }, 'core/a.ts: core/gone.ts is missing'],
    ['a let', { 'core/a.ts': 'let count = 0' }, 'core/a.ts: count is module-level state'],
    ['a var', { 'core/a.ts': 'export var count = 0' }, 'core/a.ts: count is module-level state'],
    [
      'a second let beside the default cache',
      { 'factories.ts': 'let cache\nlet other' },
      'factories.ts: other is module-level state',
    ],
    [
      'an empty map',
      { 'core/a.ts': 'const seen = new Map()' },
      'core/a.ts: seen is an empty collection at module level',
    ],
    [
      'an LRU with options',
      { 'core/a.ts': 'const seen = new LRUCache({ max: 5 })' },
      'core/a.ts: seen is an empty collection at module level',
    ],
    [
      'an empty list',
      { 'core/a.ts': 'const seen: string[] = []' },
      'core/a.ts: seen is an empty collection at module level',
    ],
    [
      'a set filled later',
      { 'core/a.ts': "const seen = new Set(['a'])\nconst f = () => seen.add('b')" },
      'core/a.ts: seen is changed at run time',
    ],
    [
      'a counter in an object',
      { 'core/a.ts': 'const state = { n: 1 }\nconst f = () => state.n++' },
      'core/a.ts: state is changed at run time',
    ],
    [
      'a field set in an object',
      { 'core/a.ts': 'const state = { n: 1 }\nconst f = () => { state.n = 2 }' },
      'core/a.ts: state is changed at run time',
    ],
    [
      'a field taken from an object',
      { 'core/a.ts': 'const state = { n: 1 }\nconst f = () => delete state.n' },
      'core/a.ts: state is changed at run time',
    ],
    [
      "another file's list",
      { 'http/a.ts': "import { names } from './headers.js'\nconst f = () => names.push('b')" },
      'http/a.ts: names is changed at run time',
    ],
    [
      'a static that counts',
      { 'core/a.ts': 'class A { static made = 0 }' },
      'core/a.ts: made is a static that can change',
    ],
    ['code in the public face', { 'index.ts': 'export const version = 1' }, 'index.ts: does more than re-export'],
  ])('finds: %s', (_, change, fault) => {
    expect(faultsOf({ ...sound, ...change })).toContain(fault)
  })

  it('misses a leaf that has been renamed', () => {
    const { 'core/flights.ts': flights, ...others } = sound
    expect(faultsOf({ ...others, 'core/flight.ts': flights! })).toEqual(['core/flights.ts: is missing'])
  })
})

describe('lib/', () => {
  const lib = join(__dirname, '..', 'lib')
  const paths = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter(path => /\.c?ts$/.test(path))
  const sources = Object.fromEntries(
    paths.map(path => [path.replaceAll('\\', '/'), readFileSync(join(lib, path), 'utf8')]),
  )

  it('imports one way only, without cycles, and keeps no state at module level', () => {
    expect(faultsOf(sources)).toEqual([])
  })
})
