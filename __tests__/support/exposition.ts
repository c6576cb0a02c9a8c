/** One line of values. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface MetricFamily {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: readonly Sample[]
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|[+-]Inf|NaN)$/i

/**
 * Reads the text format of Prometheus (version 0.0.4) and what `promtool check metrics` asks beyond it: help and type before the samples and once
 * for each family, no sample twice, counters end in `_total` and nothing else does, names in base units.
 */
export function parseExposition(text: string): MetricFamily[] {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, { help?: string; type?: string; samples: Sample[] }>()
  let current = ''
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue
    const [, keyword, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (line.startsWith('#')) {
      if (keyword === undefined || name === undefined) throw new Error(`not a comment of the format: ${line}`)
      if (!NAME.test(name)) throw new Error(`not a name: ${name}`)
      if (keyword === 'HELP' && families.has(name)) throw new Error(`a second family ${name}`)
      const family = families.get(name) ?? { samples: [] }
      if (keyword === 'TYPE' && (family.type !== undefined || family.samples.length > 0))
        throw new Error(`late TYPE of ${name}`)
      families.set(name, Object.assign(family, keyword === 'HELP' ? { help: rest } : { type: rest }))
      current = name
    } else {
      const sample = parseSample(line)
      if (sample.name !== current) throw new Error(`${sample.name} stands among the samples of ${current}`)
      families.get(current)!.samples.push(sample)
    }
  }
  return [...families].map(([name, family]) => checked(name, family))
}

function parseSample(line: string): Sample {
  const [, name, labels = '', value] = SAMPLE.exec(line) ?? []
  if (name === undefined || value === undefined || !VALUE.test(value)) throw new Error(`not a sample: ${line}`)
  const found: Record<string, string> = {}
  for (let rest = labels; rest !== '';) {
    const [whole, label, text] = LABEL.exec(rest) ?? []
    if (whole === undefined || label === undefined || text === undefined) throw new Error(`not a label: ${rest}`)
    if (label.startsWith('__') || label in found) throw new Error(`a label that may not be: ${label}`)
    found[label] = text.replaceAll(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign))
    rest = rest.slice(whole.length)
  }
  return { name, labels: found, value: Number(value.replace(/inf/i, 'Infinity')) }
}

function checked(name: string, family: { help?: string; type?: string; samples: Sample[] }): MetricFamily {
  const { help, type, samples } = family
  if (help === undefined || help.trim() === '') throw new Error(`${name} has no help`)
  if (type !== 'counter' && type !== 'gauge') throw new Error(`${name} has the type ${type}`)
  if (name.endsWith('_total') !== (type === 'counter')) throw new Error(`${name} is a ${type}`)
  if (/_(milliseconds|ms|minutes|hours|kilobytes|kb|mb|percent)(_|$)/.test(name))
    throw new Error(`${name} is in no base unit`)
  const seen = new Set<string>()
  for (const sample of samples) {
    const identity = JSON.stringify(Object.entries(sample.labels).sort())
    if (seen.has(identity)) throw new Error(`${name} has two samples ${identity}`)
    seen.add(identity)
    if (type === 'counter' && !(sample.value >= 0)) throw new Error(`${name} counts ${sample.value}`)
  }
  const labels = new Set(samples.map(sample => Object.keys(sample.labels).sort().join()))
  if (labels.size > 1) throw new Error(`${name} has samples with different labels: ${[...labels].join(' and ')}`)
  return { name, type, help, samples }
}
