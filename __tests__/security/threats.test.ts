import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(__dirname, '../..')
const table = readFileSync(join(root, 'SECURITY.md'), 'utf8').split('## Threats')[1]!.split('\n## ')[0]!

interface Threat {
  readonly input: string
  readonly sources: readonly string[]
  readonly tests: readonly string[]
}

const threats: Threat[] = table
  .split('\n')
  .filter(line => line.startsWith('| ') && !line.startsWith('| input') && !line.startsWith('| ---'))
  .map(line => {
    const [input, , where, tests] = line.split(' | ').map(cell => cell.replace(/^\| | \|$/g, ''))
    return {
      input: input!,
      sources: [...where!.matchAll(/`([^`]+)`/g)].map(([, path]) => path!),
      tests: [...tests!.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => path!),
    }
  })

describe('the table of threats', () => {
  it.each(threats)('names sources and tests that exist: $input', ({ sources, tests }) => {
    expect(tests.length).toBeGreaterThan(0)
    for (const path of [...sources, ...tests]) expect([path, existsSync(join(root, path))]).toEqual([path, true])
  })

  it.each(threats)('names tests that say what a stranger cannot do: $input', ({ tests }) => {
    for (const path of tests) expect(readFileSync(join(root, path), 'utf8')).toMatch(/['"`][^'"`]*stranger/)
  })

  it('has a row for each test of the folder', () => {
    const linked = threats.flatMap(({ tests }) => tests.map(path => path.split('/').at(-1)))
    const tests = readdirSync(__dirname).filter(name => name.endsWith('.test.ts') && name !== 'threats.test.ts')
    expect(tests.filter(name => !linked.includes(name))).toEqual([])
  })
})
