import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import request from 'supertest'
import ts from 'typescript'
import { codeBlocks, readmePath, readReadme, regenerated } from './support/readme.js'

// The first example writes its speech into the working directory, as it says.
const home = process.cwd()
let elsewhere: string
beforeAll(() => process.chdir((elsewhere = mkdtempSync(join(tmpdir(), 'reelcache-')))))
afterAll(() => {
  process.chdir(home)
  rmSync(elsewhere, { recursive: true })
})

describe('the README', () => {
  it('has the options, errors and reasons as the sources have them (npm run readme writes them)', () => {
    if (process.env['UPDATE_README'] !== undefined) writeFileSync(readmePath, regenerated(readReadme()))
    expect(readReadme()).toBe(regenerated(readReadme()))
  })

  it('has only code that parses', () => {
    const blocks = codeBlocks(readReadme())
    expect(blocks.length).toBeGreaterThan(3)
    for (const code of blocks) {
      const { diagnostics } = ts.transpileModule(code, { reportDiagnostics: true })
      expect(diagnostics?.map(({ messageText }) => messageText)).toEqual([])
    }
  })

  it('names only scripts and test files that exist', () => {
    const readme = readReadme()
    const { scripts } = JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8')) as { scripts: object }
    for (const [, script] of readme.matchAll(/npm run ([\w:]+)/g)) expect(Object.keys(scripts)).toContain(script)
  })

  describe.each([
    ['GET', '/api/movies/603', undefined],
    ['GET', '/api/movies/603/enhanced', undefined],
    ['POST', '/api/movies/603/ai', { question: 'Why?' }],
    ['POST', '/api/movies/603/tts', { text: 'Hello' }],
  ] as const)('in its first example, %s %s', (method, path, body) => {
    it('is a miss, then a hit with the same bytes', async () => {
      const app = firstExample()
      const ask = async (): Promise<request.Response> =>
        method === 'GET' ? request(app).get(path) : request(app).post(path).send(body)
      const miss = await ask()
      const hit = await ask()
      expect([miss.status, miss.headers['x-cache'], hit.headers['x-cache']]).toEqual([200, 'MISS', 'HIT'])
      expect(hit.body).toEqual(miss.body)
      expect(hit.headers['content-type']).toBe(miss.headers['content-type'])
    })
  })
})

/** The first complete example, as a user would copy it, against our sources. */
function firstExample(): Parameters<typeof request>[0] {
  const code = codeBlocks(readReadme()).find(block => block.includes("from 'express'"))!
  const runnable = code.replace('app.listen(3000)', 'module.exports = app')
  const { outputText } = ts.transpileModule(runnable, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023, esModuleInterop: true },
  })
  const load = createRequire(__filename)
  const resolve = (name: string): unknown => (name === 'reelcache' ? jest.requireActual('../lib/index') : load(name))
  const module: { exports: unknown } = { exports: {} }
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code is the README's
  const run = new Function('require', 'module', 'exports', outputText) as (...args: unknown[]) => void
  run(resolve, module, module.exports)
  return module.exports as Parameters<typeof request>[0]
}
