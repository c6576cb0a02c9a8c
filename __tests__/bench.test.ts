import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const home = mkdtempSync(join(tmpdir(), 'reelcache-'))
afterAll(() => rmSync(home, { recursive: true }))

const bench = async (...args: string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(__dirname, '../bench/run.mjs'), ...args])
  return stdout
}

/** Two that say they are caches: one answers something else from the second time on, the other forgets everything. */
const unfit = `
const asked = new Set()
const wrong = (req, res, next) => {
  if (asked.has(req.url)) return res.json({ film: 'another' })
  asked.add(req.url)
  next()
}
export default {
  wrong: { kind: 'cache', serve: ({ app }) => ({ app: app(() => wrong) }) },
  forgetful: { kind: 'cache', serve: ({ app }) => ({ app: app() }) },
  broken: { kind: 'cache', serve: () => { throw new Error('is not installed') } },
}`

describe('the bench', () => {
  let output: string
  beforeAll(async () => {
    const add = join(home, 'unfit.mjs')
    writeFileSync(add, unfit)
    const variants = 'express-preset,reelcache,wrong,forgetful,broken'
    output = await bench('json', '--quick', '--variants', variants, '--add', add)
  }, 60_000)

  it('prints a table with ratios, CPU per request and throughput of those who answer rightly', () => {
    const rows = output.split('\n').filter(line => line.startsWith('| '))
    const cells = rows.slice(2).map(row =>
      row
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim()),
    )
    expect(cells.map(([name]) => name)).toEqual(['**express-preset**', 'reelcache'])
    for (const [, ...values] of cells) {
      expect(values).toHaveLength(4)
      for (const value of values) expect(Number(value.replace(/[,†]/g, ''))).toBeGreaterThan(0)
    }
    expect(cells[0]![1]).toBe('1.00')
  })

  it.each([
    ['answers wrongly', 'wrong', /another body \(18 bytes\) than the handler's/],
    ['does not cache', 'forgetful', /asked the handler again/],
    ['cannot be had', 'broken', /is not installed/],
  ])('leaves out who %s, with the reason', (_, name, reason) => {
    const line = output.split('\n').find(text => text.startsWith('Left out') && text.includes(`${name} (`))
    expect(line?.slice(line.indexOf(`${name} (`))).toMatch(reason)
  })

  it('says how much the baseline itself varied', () => {
    expect(output).toMatch(/express-preset itself spread by [\d.]+ % in CPU/)
  })

  it.each(['json', 'growth'])('says for %s which variant there is not', async workload => {
    await expect(bench(workload, '--quick', '--variants', 'nobody')).rejects.toThrow('there is no variant nobody')
  })

  it('replays the trace through the memory tier and others', async () => {
    const savings = (await bench('policy', '--quick')).match(/^\| memory tier .*%/gm)
    expect(savings).toHaveLength(2)
  }, 60_000)

  it('says how long a scavenge takes among entries of the memory tier, and of a Map', async () => {
    const times = (await bench('scavenges', '--quick')).matchAll(/^\| (memory tier|map), .*? entries +\| +([\d.]+) /gm)
    const measured = [...times].map(([, keeper, time]) => [keeper, Number(time) > 0])
    expect(measured).toEqual(
      [...Array(2)].flatMap(() => [
        ['memory tier', true],
        ['map', true],
      ]),
    )
  }, 60_000)
})
