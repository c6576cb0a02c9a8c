/** Sizes that clients can send in a header field: Node refuses heads of more than 16 KB. */
const SMALL = 4_096
const LARGE = 16_384

/** Milliseconds below which a time says nothing. A quadratic search of 16 KB takes a hundred. */
const FLOOR = 1
const RUNS = 5

/** Growth between linear and quadratic, with room for a busy machine. */
const LIMIT = 9

/** Whether `work` takes more time than it should for four times the text: 4 times as much is linear, 16 times quadratic. */
export function isSuperlinear(work: (text: string) => unknown, makeText: (size: number) => string): boolean {
  const large = makeText(LARGE)
  // Most are done before anything can be measured.
  if (best(work, large, 1) < FLOOR * LIMIT) return false
  return best(work, large, RUNS) / Math.max(best(work, makeText(SMALL), RUNS), FLOOR) > LIMIT
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
const PREFIXES = ['', '"', 'bytes=', 'bytes=0-', 'a', '[object ', ';charset=', 'movie:', '0', '+']
const SUFFIXES = ['', '!', '"', 'x']

/** Texts of a size that are hard on backtracking and on nested loops. */
export const hostileTexts: readonly (readonly [name: string, make: (size: number) => string])[] = PREFIXES.flatMap(
  prefix =>
    UNITS.flatMap(unit =>
      SUFFIXES.map(
        suffix =>
          [
            JSON.stringify(`${prefix}${unit}…${suffix}`),
            (size: number) => prefix + unit.repeat(Math.ceil(size / unit.length)) + suffix,
          ] as const,
      ),
    ),
)
