/** Sizes that clients can send in a header field: Node refuses heads of more than 16 KB. */
const SMALL = 4_096
const LARGE = 16_384

/** Milliseconds below which a time says nothing. A quadratic search of 16 KB takes a hundred. */
const FLOOR = 1
const RUNS = 5

/** Growth between linear and quadratic, with room for a busy machine. */
const LIMIT = 9

/** A text that can be made in any size. */
export interface Growing {
  readonly name: string
  readonly large: string
  readonly small: string
}

/** Whether `work` takes more time than it should for four times the text: 4 times as much is linear, 16 times quadratic. */
export function isSuperlinear(work: (text: string) => unknown, { large, small }: Growing): boolean {
  // Most are done before anything can be measured.
  if (best(work, large, 1) < FLOOR * LIMIT) return false
  return best(work, large, RUNS) / Math.max(best(work, small, RUNS), FLOOR) > LIMIT
}

/** Milliseconds of this process's own, so that a busy machine changes nothing. */
function best(work: (text: string) => unknown, text: string, runs: number): number {
  let least = Infinity
  for (let run = 0; run < runs; run++) {
    const begun = process.cpuUsage()
    work(text)
    least = Math.min(least, process.cpuUsage(begun).user / 1_000)
  }
  return least
}

const UNITS = [
  ...[' ', '\t', ',', ';', '=', '"', '\\', '[', ']', '<', '>', '0', '1', 'a', '.', ':', '/', '%', '-', '*', '\u00a0'],
  ...[
    '\\"',
    '" ',
    ', ',
    ' ;',
    ';=',
    '" \\',
    '[a]',
    '%5B',
    'a=b;',
    '/json',
    ';charset',
    ';charset=',
    'W/"',
    '<"',
    '0.',
    '&movieId',
    '[object ',
    ' undefined',
    'a.',
    'no-',
    'null',
  ],
]
const PREFIXES = ['', '"', 'bytes=', '[object ', ';charset=', '0']
const SUFFIXES = ['', '!']

/** Texts that are hard on backtracking and on nested loops. */
export const hostileTexts: readonly Growing[] = PREFIXES.flatMap(prefix =>
  UNITS.flatMap(unit => SUFFIXES.map(suffix => growing(prefix, unit, suffix))),
)

export function growing(prefix: string, unit: string, suffix: string): Growing {
  // One flat text, as a parser of HTTP makes it: V8 would flatten it while it is measured.
  const make = (size: number): string =>
    Buffer.from(prefix + unit.repeat(Math.ceil(size / unit.length)) + suffix, 'latin1').toString('latin1')
  return { name: JSON.stringify(`${prefix}${unit}…${suffix}`), large: make(LARGE), small: make(SMALL) }
}
