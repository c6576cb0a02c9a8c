import { execFile, execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

const root = join(__dirname, '..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
/** A directory of its own, so that nothing is found in this repository's node_modules by accident. */
const home = mkdtempSync(join(tmpdir(), 'reelcache-package-'))
const packed = pack()

/** What the page uses of others, so that users install none of it: each with its licence. */
const vendored = [
  ...['uPlot.iife.min.js', 'uPlot.min.css', 'uPlot.LICENSE.txt'],
  ...['league-gothic.woff2', 'league-gothic.LICENSE.txt'],
].map(name => `vendor/${name}`)

afterAll(() => rmSync(home, { recursive: true, force: true }))

function pack(): Packed {
  const args = ['pack', '--json', '--pack-destination', home]
  const [made] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' })) as Packed[]
  return made!
}

const filesIn = (directory: string): string[] =>
  readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter(path => statSync(join(root, directory, path)).isFile())
    .map(path => path.replaceAll('\\', '/'))

/** `a.ts` becomes `a.js` and `a.d.ts`, `a.cts` becomes `a.cjs` and `a.d.cts`, each with its map. */
function builtFrom(source: string): string[] {
  const [, name, kind] = /^(.*)\.(c?)ts$/.exec(source)!
  return [`${name}.${kind}js`, `${name}.d.${kind}ts`].flatMap(path => [path, `${path}.map`])
}

async function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd: join(home, cwd), timeout: 110_000 })
  return stdout
}

describe('the tarball', () => {
  it('holds the two builds, their sources and the papers, and nothing else', () => {
    const sources = filesIn('lib').filter(path => /\.c?ts$/.test(path))
    const expected = [
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json', 'dist/cjs/package.json'],
      ...sources.map(source => `lib/${source}`),
      ...sources.flatMap(source => ['cjs', 'esm'].flatMap(format => builtFrom(`dist/${format}/${source}`))),
      ...[...filesIn('lib/ops/dashboard/page'), ...vendored].map(path => `dist/page/${path}`),
    ]
    expect(packed.files.map(({ path }) => path).sort()).toEqual(expected.sort())
  })

  it('needs only packages under licences that ask for nothing in return', () => {
    const licenceOf = (name: string): unknown =>
      JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).license
    for (const name of Object.keys(manifest.dependencies)) {
      expect([name, licenceOf(name)]).toEqual([name, expect.stringMatching(/^(MIT|ISC|BlueOak-1\.0\.0)$/)])
    }
  })
})

describe('a project that installs the tarball', () => {
  beforeAll(async () => {
    const consumers = join(__dirname, 'consumers')
    cpSync(consumers, home, { recursive: true })
    for (const type of ['module', 'commonjs']) {
      cpSync(join(consumers, 'ts'), join(home, `ts-${type}`), { recursive: true })
      writeFileSync(join(home, `ts-${type}`, 'package.json'), JSON.stringify({ private: true, type }))
    }
    const { express, jest, typescript, ...others } = manifest.devDependencies
    const dependencies = {
      reelcache: `file:${packed.filename}`,
      ...{
        express,
        jest,
        typescript,
        '@types/express': others['@types/express'],
        '@types/node': others['@types/node'],
      },
    }
    writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, dependencies }))
    await run('.', 'npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', '--no-package-lock')
  }, 120_000)

  const compile = (cwd: string, config: string): Promise<string> =>
    run(cwd, process.execPath, join(home, 'node_modules/typescript/bin/tsc'), '-p', config)

  it.each(['js-esm', 'js-cjs'])(
    'in JavaScript (%s) sees a miss, then a hit, and ends by itself',
    async project => {
      expect(await run(project, process.execPath, 'index.js')).toBe('MISS\nHIT\n')
    },
    60_000,
  )

  it.each(['js-esm', 'js-cjs'])(
    'in JavaScript (%s) finds the page of the admin router with all its files',
    async project => {
      const names = ['', ...filesIn('lib/ops/dashboard/page'), ...vendored]
      const said = await run(project, process.execPath, 'page.js', ...names)
      expect(said.trim().split('\n')).toEqual([...names.map(name => `200 /cache/${name}`), '404 /cache/directory.cjs'])
    },
    60_000,
  )

  it.each(['ts-module', 'ts-commonjs'])(
    'in TypeScript (%s) compiles with the types checked, sees a miss, then a hit, and ends by itself',
    async project => {
      await compile(project, 'tsconfig.json')
      expect(await run(project, process.execPath, 'dist/index.js')).toBe('MISS\nHIT\n')
    },
    60_000,
  )

  it('in TypeScript for a bundler compiles with the types checked', async () => {
    expect(await compile('ts-module', 'tsconfig.bundler.json')).toBe('')
  }, 60_000)

  it('in CommonJS under jest sees a miss, then a hit', async () => {
    const report = await run('jest-cjs', process.execPath, join(home, 'node_modules/jest/bin/jest.js'), '--json')
    expect(JSON.parse(report)).toMatchObject({ success: true, numPassedTests: 1 })
  }, 60_000)
})
