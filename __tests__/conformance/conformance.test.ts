import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { differences } from './differences.js'

/** One case of the public suite. */
interface Case {
  readonly suite: string
  readonly id: string
  readonly name: string
  /** `required` by the RFCs, `optimal` to have, or a question (`check`) whose answer is yes or no. */
  readonly kind: 'required' | 'optimal' | 'check'
  /** `true`: passed, or the answer is yes. Otherwise what was wrong. */
  readonly outcome: true | string
}

// Before jest counts its tests, so that every case is one of them. It takes as long as the suite pauses, some 20 seconds.
const cases = JSON.parse(
  execFileSync(process.execPath, [join(__dirname, 'run.mjs')], { encoding: 'utf8', stdio: 'pipe', timeout: 180_000 }),
) as Case[]
const suites = [...new Set(cases.map(({ suite }) => suite))]
const says = new Map(differences.flatMap(group => group.cases.map(id => [id, group.says])))

describe.each(suites)('%s', suite => {
  it.each(cases.filter(item => item.suite === suite))('$id ($kind): $name', ({ id, outcome }) => {
    expect(outcome).toBe(says.get(id) ?? true)
  })
})

describe('the table of differences', () => {
  const kindOf = new Map(cases.map(({ id, kind }) => [id, kind]))
  const listed = differences.flatMap(group => group.cases.map(id => ({ id, stated: group.kind, kind: kindOf.get(id) })))

  it('names each case once, by its kind', () => {
    expect(listed.filter(({ stated, kind }) => stated !== kind)).toEqual([])
    expect(new Set(listed.map(({ id }) => id)).size).toBe(listed.length)
  })
})
