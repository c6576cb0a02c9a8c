/* eslint-disable @typescript-eslint/unbound-method -- nothing is called here */
/** Text of clients and upstreams where people read it: warnings, the command line, `Cache-Status`. */
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { createServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import fc from 'fast-check'
import { printable, printableJson, printableLine } from '../../lib/core/printable.js'
import { Progress } from '../../lib/ops/cli/progress.js'
import { textOf } from '../../lib/ops/cli/report.js'
import * as warnings from '../../lib/warnings.js'
import { testCache, type RouteOptions } from '../support/cache.js'
import { ask, type Answer } from '../support/client.js'
import { expresses } from '../support/express.js'
import type { Loose } from '../support/loose.js'
import { listening, serve } from '../support/server.js'

/** What a terminal, a log or a reader takes for something else than text. */
const hostile = [
  ['a line break', 'x\n2026-12-01 root logged in'],
  ['a carriage return', 'x\rreelcache: all is well'],
  ['an escape sequence', 'x\x1b]0;owned\x07\x1b[2J\x1b[31m'],
  ['an escape of one byte', 'x\x9b31m\x85y'],
  ['a backspace', 'x\b\b\b\x7f'],
  ['a null', 'x\0y'],
  ['text that is turned round', 'x\u202Egnp.exe\u2066'],
  ['text that is hidden', 'x\u200B\u00AD\uFEFFy'],
  ['another line end', 'x\u2028y\u2029z'],
  ['half a pair', 'x\uD800'],
  ['much of it', 'x'.repeat(13_000)],
  ['much of it, escaped', '\x1b'.repeat(13_000)],
] as const

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u
const BOUND = 2_000

function expectHarmless(line: string): void {
  expect(line).not.toMatch(UNPRINTABLE)
  expect(line.length).toBeLessThanOrEqual(BOUND)
}

const warned: string[] = []
let emitWarning: jest.SpyInstance
beforeEach(() => {
  warned.length = 0
  emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(message => void warned.push(String(message)))
})
afterEach(() => emitWarning.mockRestore())

describe('printable text', () => {
  it.each(hostile)('holds no more than its reader can see of %s', (_what, text) => {
    expectHarmless(printable(text))
    expect(printable(text).length).toBeLessThanOrEqual(200)
    expectHarmless(printableLine(text))
  })

  it('is what it was where there is nothing to hide', () => {
    for (const text of ['x-theme', 'Amélie “le” 映画 🎬', '']) expect(printable(text)).toBe(text)
  })

  it('says which character stood there', () => {
    expect(printable('a\nb\x1bc')).toBe('a\\u{A}b\\u{1B}c')
  })

  it.each([
    ['an error', new Error('x\ny'), 'Error: x\\u{A}y'],
    ['nothing', undefined, 'undefined'],
    ['an object without a text', Object.create(null), 'something that has no text'],
    ['a symbol', Symbol('x'), 'Symbol(x)'],
    ['what throws when it is shown', { toString: () => [] }, 'something that has no text'],
  ])('can be made of %s', (_what, value, text) => {
    expect(printable(value)).toBe(text)
  })

  it('can be made of any text, within its bound', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.integer({ min: 1, max: 300 }), (text, longest) => {
        const shown = printable(text, longest)
        expect(shown).not.toMatch(UNPRINTABLE)
        expect(shown.length).toBeLessThanOrEqual(longest)
      }),
    )
  })

  it('of JSON is the same JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), value => {
        const text = printableJson(value)
        for (const line of text.split('\n')) expect(line).not.toMatch(UNPRINTABLE)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})

describe('a stranger cannot write into the log', () => {
  const refused = (reason: 'unkeyed-header' | 'unkeyed-property', name: string): void =>
    warnings.warnOfUnkeyed()({ type: 'refused', profile: 'api', key: 'k', reason, name })
  /** Each warning that shows what is not this package's own text. */
  const warn: Record<string, (text: string) => void> = {
    'that a header was read': text => refused('unkeyed-header', text),
    'that a property was read': text => refused('unkeyed-property', text),
    'that the store is away': text => warnings.warnOfStore(new Error(text)),
    'that a listener threw': text => warnings.warnOfListener(text),
    'that a request is not supported': text =>
      warnings.warnOfUnsupported()({ type: 'bypass', profile: 'api', reason: 'unsupported', error: new Error(text) }),
    'that too much was warmed': text => warnings.warnOfOverflowWhenWarming()(text, 1, 1),
  }

  it.each(Object.keys(warn).flatMap(what => hostile.map(([kind, text]) => [what, kind, text] as const)))(
    'by a warning %s, with %s',
    (what, _kind, text) => {
      warn[what]!(text)
      expect(warned).toHaveLength(1)
      expectHarmless(warned[0]!)
    },
  )

  it.each(expresses)('by the name of a field or property that the handler reads, on %s', async (_version, express) => {
    const { cacheApi } = testCache()
    const app = express()
    app.use((req, _res, next) => {
      for (const [, name] of hostile) (req as Loose)[name] = 'x'
      next()
    })
    app.get('/fields/:at', cacheApi(), (req, res) => void res.json(req.headers[hostile[Number(req.params['at'])]![1]]))
    const served = await serve(app)
    for (const at of hostile.keys()) await ask(served, `/fields/${at}`)
    for (const line of warned) expectHarmless(line)
  })
})

describe.each(expresses)('a stranger cannot swell or break Cache-Status on %s', (_version, express) => {
  const read = (name: string): RouteOptions => ({ vary: [name] })
  const long = 'x'.repeat(8_000)
  const asked: [what: string, options: RouteOptions, path: string, headers: Record<string, string>][] = [
    ['a long query', {}, `/?q=${long}`, {}],
    ['a long path', {}, `/${long}`, {}],
    ['a long field in the key', read('x-theme'), '/', { 'x-theme': long }],
    ['a field of quotes in the key', read('x-theme'), '/', { 'x-theme': '"\\'.repeat(90) }],
    ['bytes in the key', { key: () => '\x1b[31m\n\0é映'.repeat(20) }, '/', {}],
    ['a query of quotes', {}, `/?q=${'%22'.repeat(2_000)}`, {}],
    ['many parameters', {}, `/?${Array.from({ length: 900 }, (_, at) => `p${at}=1`).join('&')}`, {}],
    ['a name of a field that is long', {}, '/?read', { [`x-${long}`]: '1' }],
  ]

  it.each(asked)('with %s', async (_what, options, path, headers) => {
    const app = express()
    app.use(testCache().cacheApi(options), (req, res) => {
      if (req.url.includes('read')) for (const name of Object.keys(headers)) expect(req.headers[name]).toBeDefined()
      res.send('x')
    })
    const served = await serve(app)
    const statusOf = ({ headers: fields }: Answer): string => String(fields['cache-status'])
    for (const answer of [await ask(served, path, { headers }), await ask(served, path, { headers })]) {
      expect(answer.status).toBe(200)
      expect(statusOf(answer)).toMatch(/^reelcache; [\x20-\x7e]+$/)
      expect(statusOf(answer).length).toBeLessThan(2_400)
    }
  })
})

describe('a server cannot write on the terminal of whoever warms it', () => {
  const lines = (text: string): string[] => text.split('\n').filter(line => line !== '')

  it.each(hostile)('by a failure that shows %s', (_kind, text) => {
    let shown = ''
    const progress = new Progress(
      { write: piece => (shown += piece) },
      () => undefined,
      () => 0,
    )
    const counts = { done: 1, warmed: 0, fresh: 0, stale: 0, refused: {}, uncached: 0, failed: 1 }
    for (let at = 0; at < 5; at++)
      progress.show({ ...counts, outcome: 'failed', request: `GET /${text}`, reason: text } as Loose)
    progress.end()
    expect(lines(shown)).toHaveLength(4)
    lines(shown).forEach(expectHarmless)
  })

  it.each(hostile)('by a reason that shows %s', (_kind, text) => {
    const refused = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`${text}${at}`, 1]))
    const report = { done: 1, warmed: 0, fresh: 0, stale: 0, refused, uncached: 0, failed: 0, kept: 0 }
    lines(textOf({ ...report, milliseconds: 1, aborted: false } as Loose)).forEach(expectHarmless)
  })

  /** Latin-1 is what Node takes in a field: the one-byte escape among it. */
  const said = 'reelcache; fwd=miss; detail=x\x9b31m\x85\xad'
  it.each([
    ['as text', []],
    ['as JSON', ['--json']],
  ])('by its Cache-Status, %s', async (_how, args) => {
    const answer: RequestListener = (_req, res) => void res.setHeader('Cache-Status', said).end('x')
    const served = await listening(createServer(answer))
    const command = join(__dirname, '../../dist/esm/cli.js')
    const child = spawn(process.execPath, [command, 'warm', '--base', served.url, ...args], { stdio: 'pipe' })
    child.stdin.end('/a\n/b\x1b[31m\n')
    let shown = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', piece => (shown += String(piece)))
    await once(child, 'close')
    expect(shown).toContain('31m')
    lines(shown).forEach(expectHarmless)
  })

  it('by the name of a file that cannot be read', async () => {
    const command = join(__dirname, '../../dist/esm/cli.js')
    const child = spawn(process.execPath, [command, 'warm', `/nowhere/\x1b[31m\u202Egnp`], { stdio: 'pipe' })
    let shown = ''
    child.stderr.on('data', piece => (shown += String(piece)))
    await once(child, 'close')
    expect(shown).toContain('ENOENT')
    lines(shown).forEach(expectHarmless)
  })
})
